"""How far voxels are from the surface of a structure, up to a limit."""

import torch
from jaxtyping import Bool, Float32
from torch import Tensor
from torch.nn import functional

from medseg.core.geometry import Spacing


def signed_distances(
    inside: Bool[Tensor, "batch structure i j k"], spacing: Spacing, limit: float
) -> Float32[Tensor, "batch structure i j k"]:
    """Euclidean distance to the structure outside it, minus that to its end inside it.

    As Kervadec et al. (2019) define it: the outermost voxels inside are at 0, their
    neighbours outside at one spacing. Distances are exact up to the limit and cut off
    there, also where the structure is absent.

    Args:
        inside: The structure's voxels.
        spacing: Of the voxels, in any unit.
        limit: In the same unit.
    """
    outer = _distances(inside, spacing, limit)
    inner = _distances(~inside, spacing, limit)
    return torch.where(inside, min(spacing) - inner, outer).clamp(-limit, limit)


def _distances(
    inside: Bool[Tensor, "batch structure i j k"], spacing: Spacing, limit: float
) -> Float32[Tensor, "batch structure i j k"]:
    """Distance to the nearest voxel inside, at most a little over the limit.

    Squared Euclidean distances separate into the axes (Felzenszwalb & Huttenlocher,
    2012); along each, only offsets within the limit are tried.
    """
    far = (limit + min(spacing)) ** 2
    squared = torch.where(inside, 0.0, far)
    for axis, step in enumerate(spacing):
        reach = int(limit / step) + 1
        length = squared.shape[axis + 2]
        padding = [0, 0] * (2 - axis) + [reach, reach]
        padded = functional.pad(squared, padding, value=far)
        for offset in range(-reach, reach + 1):
            moved = padded.narrow(axis + 2, reach + offset, length)
            squared = torch.minimum(squared, moved + (offset * step) ** 2)
    return squared.sqrt()
