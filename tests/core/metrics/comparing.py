"""Masks to score, and the scores of a single pair of masks."""

import numpy as np

from medseg.metrics.overlap import count_voxels
from medseg.metrics.surfaces import surface_scores


def mask(shape, *regions) -> np.ndarray:
    """Mask that is set in each of the regions; a plane is an image of one slice."""
    array = np.zeros(tuple(shape), bool)
    for region in regions:
        array[region] = True
    return array if array.ndim == 3 else array[:, :, None]


def sphere(shape, radius_mm, centre_mm, spacing_mm=(1.0, 1.0, 1.0)) -> np.ndarray:
    """Voxels no farther from the centre than the radius."""
    index = np.indices(shape, sparse=True)
    distance_mm2 = sum(
        (axis * spacing - centre) ** 2
        for axis, spacing, centre in zip(index, spacing_mm, centre_mm, strict=True)
    )
    inside: np.ndarray = distance_mm2 <= radius_mm**2
    return inside


def dice_of(prediction, reference):
    maps = prediction.astype(np.uint8), reference.astype(np.uint8)
    return count_voxels(*maps).of(1).dice


def surfaces_of(prediction, reference, spacing_mm=(1.0, 1.0, 1.0), tolerance_mm=1.0):
    """Scores of two masks, neither of them empty."""
    maps = prediction.astype(np.uint8), reference.astype(np.uint8)
    return surface_scores(*maps, spacing_mm, [1], {1: tolerance_mm})[1]
