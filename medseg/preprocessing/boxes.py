"""Boxes of voxels."""

import numpy as np
from jaxtyping import Bool

from medseg.core.geometry import Shape3


def box_round(mask: Bool[np.ndarray, "i j k"]) -> tuple[Shape3, Shape3]:
    """First voxel and size of the box round a mask; all of it where it is empty."""
    start, size = [], []
    for axis, others in enumerate(((1, 2), (0, 2), (0, 1))):
        where = np.flatnonzero(np.any(mask, axis=others))
        first, last = (where[0], where[-1]) if len(where) else (0, mask.shape[axis] - 1)
        start.append(int(first))
        size.append(int(last - first + 1))
    return (start[0], start[1], start[2]), (size[0], size[1], size[2])


def box_slices(start: Shape3, shape: Shape3) -> tuple[slice, slice, slice]:
    """The box as an index."""
    i, j, k = (slice(s, s + n) for s, n in zip(start, shape, strict=True))
    return i, j, k
