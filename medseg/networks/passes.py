"""Passes over the features of a sample, in between convolutions on a CPU."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor
from torch.nn import functional

from medseg.networks.channel_norm import mean_and_variance
from medseg.networks.slabs import slabs_of

LARGEST = 255
"""Code of the highest value."""
_ROWS = 64

Features = Float[Tensor, "1 channel i j k"]
End = Callable[[Tensor, int], Tensor]
"""`torch.amin` or `torch.amax`."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found of each channel of a slab.

    Attributes:
        planes: Of the slab.
        mean: Of its voxels.
        variance: Of its voxels, divided by their number.
        ends: Lowest or highest value, as asked for.
    """

    planes: int
    mean: Float32[Tensor, " channel"]
    variance: Float32[Tensor, " channel"]
    ends: tuple[Float[Tensor, " channel"], ...]


@dataclass(frozen=True, eq=False)
class Activation:
    """An instance norm of known statistics, and a leaky ReLU.

    Attributes:
        mean: Of each channel.
        variance: Of each channel.
        weight: Of the norm.
        bias: Of the norm.
        eps: Added to the variance.
        slope: Of the leaky ReLU; 1 is none.
    """

    mean: Float32[Tensor, " channel"]
    variance: Float32[Tensor, " channel"]
    weight: Float32[Tensor, " channel"]
    bias: Float32[Tensor, " channel"]
    eps: float
    slope: float


class Passes:
    """By PyTorch's operations, one after the other."""

    def found(self, slab: Features, ends: Sequence[End]) -> Found:
        """Look at a slab."""
        given = tuple(_end(of, slab) for of in ends)
        return Found(slab.shape[2], *mean_and_variance(slab), given)

    def stored(self, slab: Features, place: Features, ends: Sequence[End]) -> Found:
        """Copy a slab to its place, and look at it."""
        place.copy_(slab)
        return self.found(slab, ends)

    def added(self, slab: Features, place: Features, ends: Sequence[End]) -> Found:
        """Add a slab to what is at its place, and look at the sum."""
        place += slab
        return self.found(place, ends)

    def activate(self, features: Features, activation: Activation) -> None:
        """Overwrite features with what they become."""
        numbers = activation.weight, activation.bias
        statistics = activation.mean, activation.variance
        saved = activation.weight.new_empty(0), activation.weight.new_empty(0)
        for slab in slabs_of(features):
            torch.ops.aten.native_batch_norm.out(
                *(slab, *numbers, *statistics, False, 0.0, activation.eps),
                out=slab,
                save_mean=saved[0],
                save_invstd=saved[1],
            )
            if activation.slope != 1:
                functional.leaky_relu_(slab, activation.slope)

    def encode(
        self,
        features: Features,
        activation: Activation,
        zero: int,
        codes: UInt8[Tensor, "1 channel i j k"],
    ) -> None:
        """Write what features become as whole numbers, from `zero` on, to `LARGEST`."""
        numbers = activation.weight, activation.bias
        statistics = activation.mean, activation.variance
        for slab, result in zip(slabs_of(features), slabs_of(codes), strict=True):
            scaled = functional.batch_norm(
                slab, *statistics, *numbers, eps=activation.eps
            )
            functional.leaky_relu_(scaled, activation.slope).add_(zero + 0.5)
            result.copy_(scaled.clamp_(0, LARGEST).to(torch.int16))


def _end(of: End, slab: Tensor) -> Float[Tensor, " channel"]:
    """An end of each channel's values.

    In two steps, for one alone goes through memory channel by channel.
    """
    voxels = slab.permute(0, 2, 3, 4, 1).reshape(-1, slab.shape[1])
    whole = len(voxels) - len(voxels) % _ROWS
    if not whole:
        return of(voxels, 0)
    rows = of(voxels[:whole].view(-1, _ROWS, slab.shape[1]), 0)
    return of(torch.cat([rows, voxels[whole:]]), 0)
