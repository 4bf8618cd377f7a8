"""The rim of a mask: what of it lies near its own border."""

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import distance_transform_edt

from medseg.core.geometry import Spacing
from medseg.metrics.label_pairs import Coordinates
from medseg.metrics.rounding import less_than

Mask = Bool[np.ndarray, "i j k"]

_MOST_SHIFTS = 1500


def boundary_iou(
    masks: tuple[Mask, Mask],
    borders: tuple[Coordinates, Coordinates],
    spacing_mm: Spacing,
    tolerance_mm: float,
) -> float:
    """IoU of the rims of two masks of one box (Cheng et al., 2021).

    Args:
        masks: Both of the structure, neither empty.
        borders: Border voxels of each.
        spacing_mm: Along the axes of the box.
        tolerance_mm: A rim's voxels are nearer than this to a border voxel.
    """
    a, b = (
        rim(mask, border, spacing_mm, tolerance_mm)
        for mask, border in zip(masks, borders, strict=True)
    )
    shared = np.count_nonzero(a & b)
    return float(shared / (np.count_nonzero(a) + np.count_nonzero(b) - shared))


def rim(
    mask: Mask, border: Coordinates, spacing_mm: Spacing, tolerance_mm: float
) -> Mask:
    """Voxels of a mask nearer than the tolerance to one of its border voxels."""
    is_border = np.zeros(mask.shape, bool)
    is_border[tuple(border.T)] = True
    reach = [
        min(int(tolerance_mm / spacing), size - 1)
        for spacing, size in zip(spacing_mm, mask.shape, strict=True)
    ]
    if (2 * reach[0] + 1) * (2 * reach[1] + 1) > _MOST_SHIFTS:
        distance_mm = distance_transform_edt(~is_border, sampling=spacing_mm)
        near: np.ndarray = distance_mm < less_than(tolerance_mm)
    else:
        near = _spread(is_border, _runs_of_ball(reach, spacing_mm, tolerance_mm))
    near &= mask
    return near


def _spread(start: Mask, runs: list[list[tuple[int, int]]]) -> Mask:
    """Union of the balls around every voxel that is set.

    A ball is a bundle of runs along the last axis. The voxels are lengthened to runs
    of 0, 1, 2 ... voxels on each side, and those moved to wherever the ball has such.
    """
    lengthened, near = start, start.copy()
    for half_length, places in enumerate(runs):
        if half_length:
            longer = lengthened.copy()
            longer[..., 1:] |= lengthened[..., :-1]
            longer[..., :-1] |= lengthened[..., 1:]
            lengthened = longer
        for i, j in places:
            (to_i, from_i), (to_j, from_j) = _shifted(i), _shifted(j)
            near[to_i, to_j] |= lengthened[from_i, from_j]
    return near


def _runs_of_ball(
    reach: list[int], spacing_mm: Spacing, tolerance_mm: float
) -> list[list[tuple[int, int]]]:
    """Places (i, j) of the runs of a ball cut to `reach`, by half length."""
    i, j, k = np.ogrid[
        -reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1, 1 : reach[2] + 1
    ]
    aside_mm2 = (i * spacing_mm[0]) ** 2 + (j * spacing_mm[1]) ** 2
    limit_mm2 = less_than(tolerance_mm) ** 2
    half_lengths = (aside_mm2 + (k * spacing_mm[2]) ** 2 < limit_mm2).sum(axis=2)
    half_lengths[aside_mm2[..., 0] >= limit_mm2] = -1
    return [
        [
            (i, j)
            for i, j in (np.argwhere(half_lengths == half_length) - reach[:2]).tolist()
        ]
        for half_length in range(reach[2] + 1)
    ]


def _shifted(step: int) -> tuple[slice, slice]:
    """Where a shift by `step` puts values along an axis, and where it takes them."""
    if step >= 0:
        return slice(step, None), slice(None, -step or None)
    return slice(None, step), slice(-step, None)
