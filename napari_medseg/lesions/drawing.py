"""Diameters and box of a lesion in the voxels of its layer; knows no napari.

napari shows a shape only in a slice that holds all of it, so the box is a rectangle in
each slice of each plane.
"""

import numpy as np

import medseg
from napari_medseg.layers.placement import Placement

_HALF = 0.5


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


def box_of(
    measure: medseg.InstanceMeasure, placement: Placement
) -> tuple[np.ndarray, ...]:
    """Rectangles round a lesion, four corners (S, A, R) each."""
    first, last = _ends(measure, placement)
    return tuple(
        _rectangle(axis, place, first - _HALF, last + _HALF)
        for axis in range(3)
        for place in range(first[axis], last[axis] + 1)
    )


def _ends(
    measure: medseg.InstanceMeasure, placement: Placement
) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last voxel of the box as shown."""
    axes = list(placement.axes)
    start = np.array(measure.box.start)[axes]
    stop = start + np.array(measure.box.shape)[axes]
    size = np.array(placement.shown.shape)
    first = np.where(placement.flipped, size - stop, start)
    last = np.where(placement.flipped, size - start, stop) - 1
    return first, last


def _rectangle(axis: int, place: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The corners in one slice across an axis, in turn."""
    u, v = (other for other in range(3) if other != axis)
    corners = np.empty((4, 3))
    corners[:, axis] = place
    corners[:, u] = low[u], low[u], high[u], high[u]
    corners[:, v] = low[v], high[v], high[v], low[v]
    return corners
