"""Where windows lie on an image, and how their results are blended."""

from itertools import product

import torch
from jaxtyping import Float32
from torch import Tensor

from medseg.core.geometry import Shape3

_SD_SHARE = 1 / 8


def window_starts(size: int, window: int, overlap: float) -> tuple[int, ...]:
    """First voxels of windows along one axis, evenly spread from end to end.

    No two neighbours overlap by less than the fraction given; one window where the
    image is not larger than it.
    """
    if size <= window:
        return (0,)
    step = max(1, int(window * (1 - overlap)))
    count = -(-(size - window) // step) + 1
    return tuple(round(n * (size - window) / (count - 1)) for n in range(count))


def window_corners(shape: Shape3, window: Shape3, overlap: float) -> tuple[Shape3, ...]:
    """First voxel of every window of an image."""
    starts = (
        window_starts(size, edge, overlap)
        for size, edge in zip(shape, window, strict=True)
    )
    return tuple((i, j, k) for i, j, k in product(*starts))


def gaussian_weights(window: Shape3) -> Float32[Tensor, "i j k"]:
    """Weight of each voxel of a window: its middle counts most.

    A Gaussian with SD an eighth of the edge, as nnU-Net and MONAI have it, no smaller
    anywhere than 1/1000 of its peak, so that every voxel has a weight.
    """
    profiles = []
    for edge in window:
        offset = torch.arange(edge, dtype=torch.float32) - (edge - 1) / 2
        profiles.append(torch.exp(-0.5 * (offset / (edge * _SD_SHARE)) ** 2))
    i, j, k = profiles
    weights = i[:, None, None] * j[None, :, None] * k[None, None, :]
    return (weights / weights.max()).clamp(min=1e-3)
