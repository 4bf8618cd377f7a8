"""Where windows lie on an image, and how their results are blended."""

from itertools import product
from math import ceil

import torch
from jaxtyping import Float32
from torch import Tensor

from medseg.core.geometry import Shape3
from medseg.core.plan import Recipe

_SD_SHARE = 1 / 8

Box = tuple[slice, slice, slice]


def window_starts(size: int, window: int, overlap: float) -> tuple[int, ...]:
    """First voxels of windows along one axis, evenly spread from end to end.

    Neighbours overlap by the fraction given or more, but for rounding to a voxel; there
    is one window where the image is not larger than it. This is nnU-Net's rule.
    """
    if size <= window:
        return (0,)
    share = round(1 - overlap, 9)  # 1 - 0.9 is a little less than 0.1
    count = ceil((size - window) / max(1.0, window * share)) + 1
    step = (size - window) / (count - 1)
    return tuple(round(n * step) for n in range(count))


def window_corners(
    shape: Shape3, window: Shape3, overlap: float, along: int = 0
) -> tuple[Shape3, ...]:
    """First voxel of every window of an image, in ascending order along an axis."""
    starts = (
        window_starts(size, edge, overlap)
        for size, edge in zip(shape, window, strict=True)
    )
    corners = ((i, j, k) for i, j, k in product(*starts))
    return tuple(sorted(corners, key=lambda corner: corner[along]))


def axis_to_stream(shape: Shape3, window: Shape3) -> int:
    """The axis of which windows cover the smallest share; the first of several.

    Rows across it that are not finished take the least memory.
    """
    shares = [min(1, edge / size) for size, edge in zip(shape, window, strict=True)]
    return shares.index(min(shares))


def window_box(corner: Shape3, window: Shape3) -> Box:
    """The voxels of a window."""
    i, j, k = (slice(c, c + edge) for c, edge in zip(corner, window, strict=True))
    return i, j, k


def gaussian_weights(
    window: Shape3, recipe: Recipe = Recipe.MEDSEG
) -> Float32[Tensor, "i j k"]:
    """Weight of each voxel of a window: its middle counts most.

    A Gaussian with SD an eighth of the edge, as nnU-Net and MONAI have it, no smaller
    anywhere than 1/1000 of its peak. That of nnU-Net has no such floor, and its peak is
    the voxel after the middle of an even edge.
    """
    profiles = []
    is_nnunet = recipe is Recipe.NNUNET
    for edge in window:
        middle = edge // 2 if is_nnunet else (edge - 1) / 2
        offset = torch.arange(edge, dtype=torch.float32) - middle
        profiles.append(torch.exp(-0.5 * (offset / (edge * _SD_SHARE)) ** 2))
    i, j, k = profiles
    weights = i[:, None, None] * j[None, :, None] * k[None, None, :]
    return (weights / weights.max()).clamp(min=0 if is_nnunet else 1e-3)
