"""Group and instance norms of channels-last features, exact for millions of voxels."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional

from medseg.networks.instance_norm import FastInstanceNorm3d

_SLAB_VOXELS = 2**16


class ChannelNorm(nn.Module):
    """A group norm, of which an instance norm is one with one channel a group.

    PyTorch's own add up channels-last voxels one behind the other, which for millions
    of them is wrong by a thousandth and more.

    Args:
        groups: Of channels with a mean and SD in common.
        channels: Of the features.
        eps: Added to the variance.
    """

    def __init__(self, groups: int, channels: int, eps: float) -> None:
        super().__init__()
        self._groups = groups
        self._eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    @classmethod
    def of(cls, norm: nn.Module) -> "ChannelNorm | None":
        """The same function as another norm; None where it is of another kind."""
        match norm:
            case FastInstanceNorm3d():
                made = cls(norm.channels, norm.channels, norm.eps)
            case nn.InstanceNorm3d() if not norm.track_running_stats:
                made = cls(norm.num_features, norm.num_features, norm.eps)
            case nn.GroupNorm():
                made = cls(norm.num_groups, norm.num_channels, norm.eps)
            case _:
                return None
        if norm.weight is not None:
            made.load_state_dict(norm.state_dict())
        return made.requires_grad_(requires_grad=False)

    def forward(
        self, features: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch channel i j k"]:
        """Normalise each group of channels of each sample over its voxels."""
        return torch.cat([self._normed(sample) for sample in torch.split(features, 1)])

    def _normed(self, sample: Tensor) -> Tensor:
        mean, variance = mean_and_variance(sample)
        if self._groups < len(mean):
            of_groups = mean.view(self._groups, -1)
            shared = of_groups.mean(1, keepdim=True)
            spread = variance.view_as(of_groups) + (of_groups - shared).square()
            mean = shared.expand_as(of_groups).flatten()
            variance = spread.mean(1, keepdim=True).expand_as(of_groups).flatten()
        weight, bias = self.weight.float(), self.bias.float()
        numbers = mean.contiguous(), variance.contiguous(), weight, bias
        return functional.batch_norm(sample, *numbers, training=False, eps=self._eps)


def mean_and_variance(
    sample: Float[Tensor, "1 channel i j k"],
) -> tuple[Float32[Tensor, " channel"], Float32[Tensor, " channel"]]:
    """Of each channel, in float32 whatever the features are; on the CPU.

    Slab by slab, as PyTorch's own sums of channels-last voxels are inexact.
    """
    _, channels, _, j, k = sample.shape
    slabs = torch.split(sample, max(1, _SLAB_VOXELS // (j * k)), 2)
    spare = torch.zeros(channels)  # of float32, which makes the statistics so, too
    parts = [
        (slab.shape[2], *torch.batch_norm_update_stats(slab, spare, spare, 0.0))
        for slab in slabs
    ]
    return pooled(parts)


def pooled(
    parts: Sequence[tuple[int, Tensor, Tensor]],
) -> tuple[Float32[Tensor, " channel"], Float32[Tensor, " channel"]]:
    """Mean and variance of each channel over all slabs of a sample.

    Args:
        parts: Of each slab: its planes, means and variances.
    """
    planes = torch.tensor([[float(count)] for count, _, _ in parts])
    shares = planes / planes.sum()
    means = torch.stack([mean for _, mean, _ in parts])
    variances = torch.stack([variance for _, _, variance in parts])
    mean = (means * shares).sum(0)
    return mean, ((variances + (means - mean).square()) * shares).sum(0)
