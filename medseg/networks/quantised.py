"""Layers of 8-bit integers, half as large as bfloat16 and multiplied twice as fast.

Each channel of the features has a step of its own, as large as this window needs; the
steps are multiplied into the weights, of which each output has one (Jacob et al.,
Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference, 2018). Where channels are many and voxels few, as that would take longer than
the convolution, the steps of a tensor keep proportions, which the norm's weights tell
beforehand. Sums are exact; norms and activations compute in bfloat16, or in float32
where they are compiled.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from medseg.networks.channel_norm import pooled
from medseg.networks.in_place import InstanceNorm, Workspace, convolved_shape
from medseg.networks.passes import LARGEST, Activation, End, Found, Passes
from medseg.networks.slabs import along_i, slabs_of

_HALO = 1
"""Planes of zeros kept at either end of i, so that a convolution can be cut there."""
_HEADROOM = 2  # bfloat16 rounds large codes up
_WEIGHTS_TO = 127
_LEAST_REACH_SDS = 4.0
_MOST_STEPS = 128  # channels with steps of their own
_TINY = 1e-30
_UNIT = [1, 1, 1]


@dataclass(frozen=True, eq=False)
class Quantised:
    """Features of one sample as 8-bit integers.

    Attributes:
        codes: (1, channel, 1 + i + 1, j, k) in channels-last memory. The outer planes
            hold the code of 0.
        zero: That code.
        step: What a step of the codes is worth, in each channel's unit.
        units: Of the channels.
        are_fixed: Whether the units are the same for every window.
    """

    codes: UInt8[Tensor, "1 channel i2 j k"]
    zero: int
    step: float
    units: Float32[Tensor, " channel"]
    are_fixed: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """(1, channel, i, j, k)."""
        batch, channels, planes, *others = self.codes.shape
        return (batch, channels, planes - 2 * _HALO, *others)

    def values(self, dtype: torch.dtype) -> Float[Tensor, "1 channel i j k"]:
        """The features themselves."""
        inner = self.codes[:, :, _HALO:-_HALO].float() - self.zero
        return (inner * (self.units * self.step).view(1, -1, 1, 1, 1)).to(dtype)


class Statistics:
    """What a norm needs to know of each channel, slab by slab.

    Args:
        passes: How slabs are gone through.
        ends: Which ends of the values are of interest, too.
    """

    def __init__(self, passes: Passes, ends: Sequence[End] = ()) -> None:
        self._passes = passes
        self._ends = ends
        self._parts: list[Found] = []

    def store(self, slab: Float[Tensor, "1 channel i j k"], place: Tensor) -> None:
        """Copy a slab along i to its place, and take it into account."""
        self._parts.append(self._passes.stored(slab, place, self._ends))

    def add(self, slab: Float[Tensor, "1 channel i j k"], place: Tensor) -> None:
        """Add a slab to what is at its place, and take the sum into account."""
        self._parts.append(self._passes.added(slab, place, self._ends))

    def take_all(self, features: Float[Tensor, "1 channel i j k"]) -> None:
        """Take all slabs of features into account."""
        for slab in slabs_of(features):
            self._parts.append(self._passes.found(slab, self._ends))

    def mean_and_variance(self) -> tuple[Tensor, Tensor]:
        """Of all voxels so far, in float32."""
        return pooled([(part.planes, part.mean, part.variance) for part in self._parts])

    def ends(self) -> Float32[Tensor, "end channel"]:
        """Those asked for, of all voxels so far."""
        found = zip(*(part.ends for part in self._parts), strict=True)
        each = zip(self._ends, found, strict=True)
        return torch.stack([of(torch.stack(parts), 0) for of, parts in each]).float()


class QuantisedActivation(nn.Module):
    """An affine instance norm and leaky ReLU, given as 8-bit integers.

    The highest value of each channel has a code. The lowest that has one is about
    -2 times slope times the highest, or times 4 SDs and the bias where these are more;
    what is lower becomes that.

    Args:
        norm: Whose numbers to take.
        slope: Of the leaky ReLU.
    """

    weight: Tensor
    bias: Tensor
    least_reach: Tensor

    def __init__(self, norm: InstanceNorm, slope: float) -> None:
        super().__init__()
        for name in ("weight", "bias"):
            numbers = norm.get_parameter(name).detach()
            self.register_buffer(name, numbers.to(torch.float32, copy=True))
        least = _LEAST_REACH_SDS * self.weight.abs() + self.bias.abs()
        self.register_buffer("least_reach", least.clamp_min(_TINY))
        self._eps = norm.eps
        self._slope = slope
        below = 2 * slope  # norms may reach twice as far down as up
        self._zero = min(round(LARGEST * below / (1 + below)), LARGEST // 2)
        is_turned = bool((self.weight < 0).any())  # whose highest value was the lowest
        self._ends = (torch.amin, torch.amax) if is_turned else (torch.amax,)
        self._levels = LARGEST - _HEADROOM - self._zero

    def statistics(self, workspace: Workspace) -> Statistics:
        """To be filled before."""
        return Statistics(workspace.passes, self._ends)

    def forward(
        self,
        features: Float[Tensor, "1 channel i j k"],
        statistics: Statistics,
        workspace: Workspace,
    ) -> Quantised:
        """Normalise each channel over its voxels; the features are given back."""
        mean, variance = statistics.mean_and_variance()
        step, units = self._scale(mean, variance, statistics.ends())
        _, channels, planes, j, k = features.shape
        shape = (1, channels, planes + 2 * _HALO, j, k)
        codes = workspace.take(shape, torch.uint8)
        codes[:, :, :_HALO] = self._zero
        codes[:, :, -_HALO:] = self._zero
        steps = units * step
        activation = Activation(
            mean=mean,
            variance=variance,
            weight=self.weight / steps,
            bias=self.bias / steps,
            eps=self._eps,
            slope=self._slope,
        )
        inner = codes[:, :, _HALO:-_HALO]
        workspace.passes.encode(features, activation, self._zero, inner)
        workspace.give_back(features)
        return Quantised(codes, self._zero, step, units, not self._is_measured)

    @property
    def _is_measured(self) -> bool:
        return len(self.weight) <= _MOST_STEPS

    def _scale(
        self, mean: Tensor, variance: Tensor, ends: Tensor
    ) -> tuple[float, Float32[Tensor, " channel"]]:
        """Step and units of the codes."""
        factor = self.weight / torch.sqrt(variance + self._eps)
        reach = ((ends - mean) * factor + self.bias).amax(0)
        if self._is_measured:
            return 1 / self._levels, torch.maximum(reach, self.least_reach)
        most = (reach / self.least_reach).amax().clamp_min(1)
        return float(most) / self._levels, self.least_reach


class QuantisedConvolution(nn.Module):
    """A convolution without bias of 8-bit features, its results in bfloat16.

    Args:
        weight: (output, input, i, j, k).
        stride: Of the convolution.
        padding: Zeros on either side; at most 1 along i.
    """

    weight: Tensor

    def __init__(
        self,
        weight: Float[Tensor, "output input i j k"],
        stride: Sequence[int],
        padding: Sequence[int],
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().to(torch.float32, copy=True))
        self._stride = list(stride)
        self._padding = list(padding)
        self._inner = [0, *self._padding[1:]]  # the planes at the ends are there
        self._zeros = torch.zeros(len(weight), dtype=torch.int64)
        self._kept: tuple[Tensor, Tensor] | None = None

    def shape_after(self, features: Quantised) -> tuple[int, ...]:
        """Shape of the result."""
        weight = tuple(self.weight.shape)
        return convolved_shape(features.shape, weight, self._stride, self._padding)

    def forward(
        self, features: Quantised, statistics: Statistics, workspace: Workspace
    ) -> Tensor:
        """The result in a tensor taken from the workspace, and its statistics."""
        result = workspace.take(self.shape_after(features))
        for planes, slab in self.parts(features, workspace):
            statistics.store(slab, result[:, :, planes])
        return result

    def add_to(
        self,
        result: Tensor,
        features: Quantised,
        statistics: Statistics,
        workspace: Workspace,
    ) -> None:
        """Add the convolution of features, and the sum to the statistics.

        Raises:
            ValueError: When the shapes do not fit.
        """
        if tuple(result.shape) != self.shape_after(features):
            raise ValueError(f"{self.shape_after(features)} into {tuple(result.shape)}")
        for planes, slab in self.parts(features, workspace):
            statistics.add(slab, result[:, :, planes])

    def parts(
        self, features: Quantised, _workspace: Workspace
    ) -> Iterator[tuple[slice, Tensor]]:
        """The result in slabs along i: where, and what."""
        steps, packed = self._packed_for(features)
        edge, stride = self.weight.shape[2], self._stride[0]
        first = _HALO - self._padding[0]
        for planes in along_i(self.shape_after(features)):
            start = planes.start * stride + first
            stop = (planes.stop - 1) * stride + first + edge
            slab = torch.ops.onednn.qconv_pointwise(
                *(features.codes[:, :, start:stop], features.step, features.zero),
                *(packed, steps, self._zeros, None),
                *(self._stride, self._inner, _UNIT, 1),
                *(1.0, 0, torch.bfloat16, "none", [], ""),
            )
            yield planes, slab

    def _packed_for(self, features: Quantised) -> tuple[Tensor, Tensor]:
        if not features.are_fixed:
            return self._packed(features.units)
        self._kept = self._kept or self._packed(features.units)
        return self._kept

    def _packed(self, units: Tensor) -> tuple[Tensor, Tensor]:
        """Steps of the outputs, and the weights in oneDNN's own form."""
        weight = self.weight * units.view(1, -1, 1, 1, 1)
        largest = weight.abs().amax((1, 2, 3, 4)).clamp_min(_TINY)
        of_outputs = largest / _WEIGHTS_TO
        codes = (weight / of_outputs.view(-1, 1, 1, 1, 1)).round_().to(torch.int8)
        packed = torch.ops.onednn.qconv_prepack(
            *(codes, of_outputs, 1.0, 1, self._stride, self._inner, _UNIT, 1)
        )
        return of_outputs, packed
