"""Diameters of a lesion in the voxels of its layer; knows no napari."""

import numpy as np

import medseg
from napari_medseg.layers.placement import Placement


def diameters_of(
    measure: medseg.InstanceMeasure, placement: Placement
) -> tuple[np.ndarray, np.ndarray]:
    """The longest diameter and its perpendicular: two ends (S, A, R) each."""
    both = measure.diameters.longest, measure.diameters.perpendicular
    ends = [
        placement.shown.to_index(np.array([each.start_ras_mm, each.end_ras_mm]))
        for each in both
    ]
    for each in ends:
        each[:, 0] = np.round(each[:, 0])  # exactly in the slice, or it is not seen
    return ends[0], ends[1]
