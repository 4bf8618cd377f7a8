"""Networks that decode level by level, and padding to the sizes they take."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from medseg.core.geometry import Shape3


@runtime_checkable
class LevelNetwork(Protocol):
    """A network with decoded features at several resolutions."""

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Channels of each level of the way up, finest first."""
        ...

    def decoder_features(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> tuple[Tensor, ...]:
        """Features of each level of the way up, finest first, (b, width, i, j, k)."""
        ...

    def logits_of(
        self, finest: Float[Tensor, "batch width i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits from the features of the finest level."""
        ...


def padded_to(
    image: Float[Tensor, "batch channel i j k"], multiple: int
) -> Float[Tensor, "batch channel i2 j2 k2"]:
    """Repeat the last voxels until each edge is a multiple of a number."""
    i, j, k = (-edge % multiple for edge in image.shape[2:])
    if not i + j + k:
        return image
    return functional.pad(image, (0, k, 0, j, 0, i), mode="replicate")


def cropped_to(
    features: Float[Tensor, "batch channel i2 j2 k2"], shape: torch.Size | Shape3
) -> Float[Tensor, "batch channel i j k"]:
    """The first voxels along each axis: undoes `padded_to`."""
    i, j, k = shape
    return features[:, :, :i, :j, :k]


def exact_where_needed(
    image: Float[Tensor, "batch channel i j k"], levels: int
) -> AbstractContextManager[None]:
    """No autocast on a CPU where some level's first edge is 2 voxels.

    PyTorch 2.13 gives a convolution of such features a wrong weight gradient in
    bfloat16, not even finite at times; plans keep U-Nets from such edges.
    """
    edges = [-(-image.shape[2] // 2**level) for level in range(levels)]
    if image.device.type == "cpu" and 2 in edges:
        return torch.autocast("cpu", enabled=False)
    return nullcontext()
