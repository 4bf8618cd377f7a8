"""The same box with other numbers of voxels.

A grid and its resampled counterpart fill the same box (the one around the voxels),
so voxel centres correspond as in `torch.nn.functional.interpolate` without aligned
corners. Axis by axis, which for linear interpolation is exact.
"""

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn import functional

from medseg.core.geometry import Shape3


def resample_image(
    image: Float32[Tensor, "channel i j k"], shape: Shape3
) -> Float32[Tensor, "channel i2 j2 k2"]:
    """Trilinear; an axis that gets coarser is smoothed first, against aliasing."""
    for axis, size in enumerate(shape):
        factor = image.shape[1 + axis] / size
        if factor > 1:
            image = _smoothed(image, axis, sd_voxels=0.5 * (factor**2 - 1) ** 0.5)
    return _interpolated(image, shape)


def resample_labels(
    labels: UInt8[Tensor, "i j k"], shape: Shape3, label_count: int
) -> UInt8[Tensor, "i2 j2 k2"]:
    """The label with the largest trilinear share at each new voxel."""
    if tuple(labels.shape) == shape:
        return labels
    best = torch.zeros(shape)
    winner = torch.zeros(shape, dtype=torch.uint8)
    for label in range(label_count):
        if not (labels == label).any():
            continue
        share = _interpolated((labels == label).float()[None], shape)[0]
        winner[share > best] = label
        best = torch.maximum(best, share)
    return winner


def _interpolated(
    image: Float32[Tensor, "channel i j k"], shape: Shape3
) -> Float32[Tensor, "channel i2 j2 k2"]:
    if tuple(image.shape[1:]) == shape:
        return image
    return functional.interpolate(image[None], size=shape, mode="trilinear")[0]


def _smoothed(
    image: Float32[Tensor, "channel i j k"], axis: int, sd_voxels: float
) -> Float32[Tensor, "channel i j k"]:
    """Gaussian along one axis, the border voxels repeated outwards."""
    radius = max(1, round(3 * sd_voxels))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-0.5 * (offsets / sd_voxels) ** 2)
    last = image.movedim(1 + axis, -1)
    flat = last.reshape(-1, 1, last.shape[-1])
    padded = functional.pad(flat, (radius, radius), mode="replicate")
    smooth = functional.conv1d(padded, (weights / weights.sum()).view(1, 1, -1))
    return smooth.reshape(last.shape).movedim(-1, 1 + axis)
