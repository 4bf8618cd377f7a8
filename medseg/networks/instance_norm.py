"""Instance normalisation that keeps channels-last memory."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FastInstanceNorm3d(nn.Module):
    """Instance normalisation (Ulyanov et al., 2016) with a weight and bias a channel.

    The same function and parameters as `torch.nn.InstanceNorm3d(affine=True)`, whose
    kernel has no channels-last form and copies the whole tensor twice. This one is
    written out, so that `torch.compile` fuses it.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = channels
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(
        self, features: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch channel i j k"]:
        """Normalise each channel of each sample over its voxels."""
        variance, mean = torch.var_mean(
            features.float(), dim=(2, 3, 4), keepdim=True, unbiased=False
        )
        scale = self.weight.view(1, -1, 1, 1, 1) * torch.rsqrt(variance + self.eps)
        shift = self.bias.view(1, -1, 1, 1, 1) - mean * scale
        return (features.float() * scale + shift).to(features.dtype)


def with_fast_norms(network: nn.Module) -> nn.Module:
    """Replace every affine `InstanceNorm3d` below a module; parameters start anew."""
    for name, child in network.named_children():
        if isinstance(child, nn.InstanceNorm3d) and child.affine:
            setattr(network, name, FastInstanceNorm3d(child.num_features, child.eps))
        else:
            with_fast_norms(child)
    return network
