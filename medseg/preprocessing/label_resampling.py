"""A label map on another grid, each voxel with the label nearest to its centre."""

from dataclasses import replace

import numpy as np

from medseg.core.geometry import Geometry
from medseg.core.volume import Segmentation

_ROUNDING = 1e-6
"""Of a voxel: centres this near to the border of two voxels are taken to be on it."""


def resample_nearest(segmentation: Segmentation, grid: Geometry) -> Segmentation:
    """Bring a label map onto a grid by nearest neighbour; outside it is background.

    A voxel belongs to the map when its centre lies within the map's outermost voxels.
    Works slice by slice: the new map is all the memory it takes.

    Args:
        segmentation: The label map.
        grid: Where it is wanted.
    """
    array = np.zeros(grid.shape, dtype=segmentation.array.dtype)
    to_index = np.linalg.inv(segmentation.geometry.affine) @ grid.affine
    shape = np.array(segmentation.geometry.shape)
    i, j = np.indices(grid.shape[:2])
    plane = np.stack([i, j], axis=-1) @ to_index[:3, :2].T + to_index[:3, 3]
    for k in range(grid.shape[2]):
        place = plane + k * to_index[:3, 2]
        nearest = np.floor(place + (0.5 + _ROUNDING)).astype(np.int64)
        inside = np.all((nearest >= 0) & (nearest < shape), axis=-1)
        array[inside, k] = segmentation.array[tuple(nearest[inside].T)]
    return replace(segmentation, array=array, geometry=grid)
