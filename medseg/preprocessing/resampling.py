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

_SLAB_BYTES = 8 * 2**20


def resample_image(
    image: Float32[Tensor, "channel i j k"], shape: Shape3
) -> Float32[Tensor, "channel i2 j2 k2"]:
    """Trilinear; an axis that gets coarser is smoothed first, against aliasing.

    Beside the image and the result this takes a copy of the image, if any axis gets
    coarser, and a few MiB.
    """
    coarser = [axis for axis in (1, 2, 3) if image.shape[axis] > shape[axis - 1]]
    if coarser:
        image = image.clone(memory_format=torch.contiguous_format)
    for axis in coarser:
        factor = image.shape[axis] / shape[axis - 1]
        _smooth(image, axis, sd_voxels=0.5 * (factor**2 - 1) ** 0.5)
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


def _smooth(
    image: Float32[Tensor, "channel i j k"], axis: int, sd_voxels: float
) -> None:
    """Gaussian along one axis, in place, the border voxels repeated outwards.

    Sums of shifted copies instead of PyTorch's convolution: that is oneDNN's, which can
    make none in a thread in which it once had too little memory for a network's, and
    slower. Where a processor multiplies and adds in one step, as oneDNN does, they are
    the same to the last bit.
    """
    radius = max(1, round(3 * sd_voxels))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-0.5 * (offsets / sd_voxels) ** 2)
    size = image.shape[axis]
    places = torch.arange(-radius, size + radius).clamp(0, size - 1)
    across = 2 if axis == 1 else 1
    rows = image.shape[across]
    step = max(1, _SLAB_BYTES * rows // (4 * image.numel()))
    for start in range(0, rows, step):
        slab = image.narrow(across, start, min(step, rows - start))
        padded = slab.index_select(axis, places)
        slab.zero_()
        for first, weight in enumerate((weights / weights.sum()).tolist()):
            slab.add_(padded.narrow(axis, first, size), alpha=weight)
