"""Layers that write into memory kept from one window to the next.

On a CPU the pages of a fresh tensor of a window's size take longer to get than a
norm or an activation takes to compute.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import prod
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medseg.networks.instance_norm import FastInstanceNorm3d
from medseg.networks.passes import Activation, Passes

InstanceNorm = FastInstanceNorm3d | nn.InstanceNorm3d
_MOST_UNFOLDED = 32  # channels; no oneDNN kernel is quick for very few of them
_UNIT = [1, 1, 1]
_Form = tuple[torch.dtype, tuple[int, ...]]


@runtime_checkable
class Coded(Protocol):
    """Features that lie in a tensor as codes."""

    @property
    def codes(self) -> Tensor:
        """That tensor."""


Features = Tensor | Coded


class Workspace:
    """Tensors in channels-last memory, lent and taken back; for one thread.

    Args:
        dtype: Number format of all of them.
        passes: How what is in them is gone through.
    """

    def __init__(self, dtype: torch.dtype, passes: Passes) -> None:
        self.dtype = dtype
        self.passes = passes
        self._image_shape: tuple[int, ...] = ()
        self._free: defaultdict[_Form, list[Tensor]] = defaultdict(list)

    def start(self, image_shape: Sequence[int]) -> None:
        """Forget what was kept for images of another shape."""
        if tuple(image_shape) != self._image_shape:
            self._free.clear()
            self._image_shape = tuple(image_shape)

    def take(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> Tensor:
        """A tensor (batch, channel, i, j, k) with anything in it.

        Args:
            shape: Of it.
            dtype: Number format, if it is another one.
        """
        dtype = dtype or self.dtype
        free = self._free[dtype, tuple(shape)]
        if free:
            return free.pop()
        form = torch.channels_last_3d
        with torch.inference_mode(mode=False):  # to be written to outside it, too
            return torch.empty(tuple(shape), dtype=dtype, memory_format=form)

    def give_back(self, *lent: Features) -> None:
        """Let others have tensors that were taken."""
        for each in lent:
            tensor = each if isinstance(each, Tensor) else each.codes
            self._free[tensor.dtype, tuple(tensor.shape)].append(tensor)


class InPlaceConvolution(nn.Module):
    """A convolution without bias that adds to what is there.

    Args:
        weight: (output, input, i, j, k).
        stride: Of the convolution.
        padding: Zeros on either side.
        dtype: Number format of the weights kept.
    """

    weight: Tensor

    def __init__(
        self,
        weight: Float[Tensor, "output input i j k"],
        stride: Sequence[int],
        padding: Sequence[int],
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        form = torch.channels_last_3d
        kept = weight.detach().to(dtype, copy=True).contiguous(memory_format=form)
        self.register_buffer("weight", kept)
        self._stride = list(stride)
        self._padding = list(padding)

    @classmethod
    def of(
        cls, convolution: nn.Conv3d, dtype: torch.dtype, *, behind: int = 0
    ) -> "InPlaceConvolution":
        """A convolution without its bias, of the input channels from some number on."""
        weight = convolution.weight[:, behind:]
        return InPlaceConvolution(
            weight, convolution.stride, paddings(convolution), dtype
        )

    def shape_after(self, features: Tensor) -> tuple[int, ...]:
        """Shape of the result."""
        weight = tuple(self.weight.shape)
        shape = tuple(features.shape)
        return convolved_shape(shape, weight, self._stride, self._padding)

    def forward(self, features: Tensor, workspace: Workspace) -> Tensor:
        """The convolution of features, in a tensor taken from the workspace."""
        result = workspace.take(self.shape_after(features))
        self.add_to(result.zero_(), features)
        return result

    def parts(
        self, features: Tensor, workspace: Workspace
    ) -> Iterator[tuple[slice, Tensor]]:
        """The result in parts along i: where, and what; here it is a single one."""
        result = self(features, workspace)
        yield slice(0, result.shape[2]), result
        workspace.give_back(result)

    def add_to(self, result: Tensor, features: Tensor) -> None:
        """Add the convolution of features.

        Raises:
            ValueError: When the shapes do not fit; oneDNN would write past the end.
        """
        if tuple(result.shape) != self.shape_after(features):
            raise ValueError(f"{self.shape_after(features)} into {tuple(result.shape)}")
        if _is_surely_channels_last(features) and _is_surely_channels_last(result):
            torch.ops.mkldnn._convolution_pointwise_.binary(
                *(result, features, self.weight, None),
                *(self._padding, self._stride, _UNIT, 1),
                *("add", 1.0, None, [], None),
            )
        else:
            arguments = self.weight, None, self._stride, self._padding
            result += functional.conv3d(features, *arguments)


class FirstConvolution(InPlaceConvolution):
    """A convolution of few channels: neighbours along k become channels, too."""

    def __init__(self, convolution: nn.Conv3d, dtype: torch.dtype) -> None:
        weight = convolution.weight
        outputs, channels, i, j, k = weight.shape
        unfolded = weight.permute(0, 1, 4, 2, 3).reshape(outputs, channels * k, i, j, 1)
        *padding, self._padding_k = paddings(convolution)
        super().__init__(unfolded, _UNIT, (*padding, 0), dtype)
        self._edge = k

    @staticmethod
    def suits(convolution: nn.Conv3d) -> bool:
        """Whether it pays, or is possible."""
        unfolded = convolution.in_channels * convolution.kernel_size[2]
        return list(convolution.stride) == _UNIT and 1 < unfolded <= _MOST_UNFOLDED

    def forward(self, image: Tensor, workspace: Workspace) -> Tensor:
        """The convolution of an image, in a tensor taken from the workspace."""
        padded = functional.pad(image, (self._padding_k, self._padding_k))
        views = padded.unfold(4, self._edge, 1).permute(0, 2, 3, 4, 1, 5)
        *sizes, channels, edge = views.shape
        unfolded = workspace.take((sizes[0], channels * edge, *sizes[1:]))
        unfolded.permute(0, 2, 3, 4, 1).view(views.shape).copy_(views)
        result = super().forward(unfolded, workspace)
        workspace.give_back(unfolded)
        return result


class InPlaceNorm(nn.Module):
    """An affine instance norm and leaky ReLU that overwrite their input.

    Args:
        norm: Whose numbers to take.
        slope: Of the leaky ReLU; 1 is none.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, norm: InstanceNorm, slope: float) -> None:
        super().__init__()
        for name in ("weight", "bias"):
            numbers = norm.get_parameter(name).detach()
            self.register_buffer(name, numbers.to(torch.float32, copy=True))
        self._eps = norm.eps
        self._slope = slope

    def forward(self, features: Tensor, workspace: Workspace) -> Tensor:
        """Normalise each channel of each sample over its voxels."""
        for sample in torch.split(features, 1):
            found = workspace.passes.found(sample, ())
            activation = self.activation(found.mean, found.variance)
            workspace.passes.activate(sample, activation)
        return features

    def activation(self, mean: Tensor, variance: Tensor) -> Activation:
        """What it is for a sample whose channels have such a mean and variance."""
        return Activation(
            mean=mean,
            variance=variance,
            weight=self.weight,
            bias=self.bias,
            eps=self._eps,
            slope=self._slope,
        )


class PointwiseLogits(nn.Module):
    """A 1 x 1 x 1 convolution as a matrix product, the result channels-first.

    Args:
        convolution: Whose numbers to take.
        dtype: Number format of the weights kept.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, convolution: nn.Conv3d, dtype: torch.dtype) -> None:
        super().__init__()
        weight = convolution.weight.detach().flatten(1)
        self.register_buffer("weight", weight.to(dtype, copy=True))
        bias = convolution.bias
        kept = None if bias is None else bias.detach().to(dtype, copy=True)[:, None]
        self.register_buffer("bias", kept)

    def forward(
        self, features: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        batch, channels, *sizes = features.shape
        logits = features.new_empty((batch, len(self.weight), prod(sizes)))
        voxels = features.permute(0, 2, 3, 4, 1).reshape(batch, -1, channels)
        for sample, result in zip(voxels, logits, strict=True):
            torch.mm(self.weight, sample.t(), out=result)
        if self.bias is not None:
            logits += self.bias
        return logits.view(batch, -1, *sizes)


def convolved_shape(
    shape: Sequence[int],
    weight: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
) -> tuple[int, ...]:
    """Shape of a convolution's result.

    Args:
        shape: (batch, input, i, j, k) of the features.
        weight: (output, input, i, j, k) of the kernel.
        stride: Along each axis.
        padding: Zeros on either side.
    """
    axes = zip(shape[2:], weight[2:], stride, padding, strict=True)
    sizes = ((n + 2 * zeros - edge) // step + 1 for n, edge, step, zeros in axes)
    return (shape[0], weight[0], *sizes)


def paddings(convolution: nn.Conv3d) -> tuple[int, ...]:
    """Zeros on either side along each axis.

    Raises:
        ValueError: When the convolution names its padding.
    """
    if isinstance(convolution.padding, str):
        raise ValueError(f"no numbers: {convolution.padding}")
    return tuple(convolution.padding)


def _is_surely_channels_last(features: Tensor) -> bool:
    """Not where channels-first would be the same, as of one channel or one voxel."""
    form = torch.channels_last_3d
    return features.is_contiguous(memory_format=form) and not features.is_contiguous()
