"""Label map -> size and place of each structure."""

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from medseg.core.labels import StructureKind
from medseg.core.structure_measure import StructureMeasure
from medseg.core.volume import Segmentation

Mask = Bool[np.ndarray, "_ _ _"]
Index = tuple[int, int, int]

_CORNERS = ndimage.generate_binary_structure(3, 3)


def measure_structures(segmentation: Segmentation) -> tuple[StructureMeasure, ...]:
    """Measure every structure of the label set, whether it has a voxel or not."""
    labels = segmentation.labels
    boxes = ndimage.find_objects(segmentation.array, max(labels.ids, default=0))
    measures = []
    for structure in labels:
        box = boxes[structure.id - 1]
        is_thing = structure.kind is StructureKind.THING
        voxels, lesions, inside = 0, 0, None
        if box is not None:
            mask = segmentation.array[box] == structure.id
            voxels = int(np.count_nonzero(mask))
            lesions = ndimage.label(mask, _CORNERS)[1] if is_thing else 0
            i, j, k = nearest_to_centre(mask, segmentation.geometry.spacing_mm)
            inside = i + box[0].start, j + box[1].start, k + box[2].start
        measures.append(
            StructureMeasure(
                structure=structure,
                voxels=voxels,
                volume_ml=voxels * segmentation.geometry.voxel_volume_ml,
                lesions=lesions if is_thing else None,
                inside=inside,
            )
        )
    return tuple(measures)


def nearest_to_centre(mask: Mask, spacing_mm: tuple[float, float, float]) -> Index:
    """The voxel nearest to the centre of mass, in the slice (along i) nearest to it.

    A centre of mass itself may lie outside, as that of a ring does.

    Args:
        mask: With at least one voxel.
        spacing_mm: Along i, j, k.
    """
    by_slice = mask.sum(axis=(1, 2), dtype=np.int64)
    by_column = mask.sum(axis=0, dtype=np.int64)
    occupied = np.flatnonzero(by_slice)
    i = int(occupied[np.argmin(np.abs(occupied - _mean_place(by_slice)))])
    centre = _mean_place(by_column.sum(axis=1)), _mean_place(by_column.sum(axis=0))
    voxels = np.argwhere(mask[i])
    apart_mm = (voxels - centre) * spacing_mm[1:]
    j, k = voxels[np.argmin((apart_mm**2).sum(axis=1))]
    return i, int(j), int(k)


def _mean_place(counts: np.ndarray) -> float:
    return float(counts @ np.arange(len(counts)) / counts.sum())
