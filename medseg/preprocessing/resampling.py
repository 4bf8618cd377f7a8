"""The same box with other numbers of voxels.

A grid and its resampled counterpart fill the same box (the one around the voxels),
so voxel centres correspond as in `torch.nn.functional.interpolate` without aligned
corners. Axis by axis, which for linear interpolation is exact.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float32, Integer, UInt8
from torch import Tensor
from torch.nn import functional

from medseg.core.geometry import Shape3

_SLAB_BYTES = 64 * 2**20


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


def argmax_resampled(
    logits: Float32[Tensor, "label i j k"],
    shape: Shape3,
    slab_bytes: int = _SLAB_BYTES,
) -> UInt8[Tensor, "i2 j2 k2"]:
    """Label of the largest trilinearly resampled logit, without holding them all.

    Computed slab by slab along i: peak memory is that of the logits given, plus a few
    slabs, however many labels and voxels the result has.
    """
    result = torch.empty(shape, dtype=torch.uint8)
    for rows, slab in _resampled_slabs(logits, shape, slab_bytes):
        result[rows] = slab.argmax(0).to(torch.uint8)
    return result


def regions_painted(
    logits: Float32[Tensor, "region i j k"],
    shape: Shape3,
    painted_as: Sequence[int],
    slab_bytes: int = _SLAB_BYTES,
) -> Integer[Tensor, "i2 j2 k2"]:
    """Label map of overlapping regions, slab by slab like `argmax_resampled`.

    A region is where its trilinearly resampled logit is above 0, and gets its label of
    `painted_as`; a later region covers an earlier one.
    """
    dtype = torch.uint8 if max(painted_as) < 256 else torch.int32
    result = torch.zeros(shape, dtype=dtype)
    for rows, slab in _resampled_slabs(logits, shape, slab_bytes):
        for logit, label in zip(slab, painted_as, strict=True):
            result[rows][logit > 0] = label
    return result


def probabilities_resampled(
    logits: Float32[Tensor, "label i j k"],
    shape: Shape3,
    *,
    overlapping: bool = False,
    slab_bytes: int = _SLAB_BYTES,
) -> Float32[Tensor, "label i2 j2 k2"]:
    """Softmax of the trilinearly resampled logits; its argmax is `argmax_resampled`.

    Sigmoid for regions that may overlap.
    """
    result = torch.empty((len(logits), *shape))
    for rows, slab in _resampled_slabs(logits, shape, slab_bytes):
        result[:, rows] = slab.sigmoid() if overlapping else slab.softmax(0)
    return result


def _resampled_slabs(
    logits: Float32[Tensor, "label i j k"], shape: Shape3, slab_bytes: int
) -> Iterator[tuple[slice, Float32[Tensor, "label rows j2 k2"]]]:
    row_bytes = 4 * logits.shape[0] * shape[1] * shape[2]
    for rows in _slabs(shape[0], max(1, slab_bytes // row_bytes)):
        slab = _rows_interpolated(logits, rows, shape[0])
        yield rows, _planes_interpolated(slab, shape)


def _slabs(size: int, step: int) -> Iterator[slice]:
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))


def _rows_interpolated(
    logits: Float32[Tensor, "label i j k"], rows: slice, size: int
) -> Float32[Tensor, "label rows j k"]:
    """Rows of the linear interpolation along i to `size` rows."""
    if logits.shape[1] == size:
        return logits[:, rows]
    target = torch.arange(rows.start, rows.stop, dtype=torch.float64)
    source = ((target + 0.5) * logits.shape[1] / size - 0.5).clamp(min=0)
    below = source.floor().long().clamp(max=logits.shape[1] - 1)
    above = (below + 1).clamp(max=logits.shape[1] - 1)
    weight = (source - below).float().view(1, -1, 1, 1)
    return torch.lerp(logits[:, below], logits[:, above], weight)


def _planes_interpolated(
    slab: Float32[Tensor, "label rows j k"], shape: Shape3
) -> Float32[Tensor, "label rows j2 k2"]:
    if tuple(slab.shape[2:]) == shape[1:]:
        return slab
    return functional.interpolate(slab, size=shape[1:], mode="bilinear")


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
