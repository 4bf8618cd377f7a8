"""Plan -> network, of every architecture."""

from collections.abc import Callable

from torch import nn

from medseg.core.plan import Architecture, Plan
from medseg.networks.halving import (
    HalvingMedNeXt,
    HalvingSegResNet,
    HalvingSwinUNETR,
    mednext,
    segresnet,
    swin_unetr,
)
from medseg.networks.monai_networks import monai_network
from medseg.networks.pyramids import FCN, DeepLab
from medseg.networks.residual_unet import ResidualUNet
from medseg.networks.unet import UNet, unet

_BUILDERS: dict[Architecture, Callable[[Plan], nn.Module]] = {
    Architecture.UNET: unet,
    Architecture.RESIDUAL_UNET: ResidualUNet,
    Architecture.SEGRESNET: segresnet,
    Architecture.SWIN_UNETR: swin_unetr,
    Architecture.MEDNEXT: mednext,
    Architecture.FCN: FCN,
    Architecture.DEEPLAB: DeepLab,
    Architecture.MONAI: monai_network,
}
_WAYS_DOWN = {
    UNet: ("input_block.", "downsamples.", "bottleneck."),
    ResidualUNet: ("encoder.",),
    HalvingSegResNet: ("convInit.", "down_layers."),
    HalvingSwinUNETR: ("swinViT.", "encoder"),
    HalvingMedNeXt: ("stem.", "enc_stages.", "down_blocks.", "bottleneck."),
    FCN: ("encoder.",),
    DeepLab: ("encoder.",),
}


def build_network(plan: Plan) -> nn.Module:
    """Network of the plan's architecture, sized by the plan.

    Maps (batch, channel, i, j, k) to logits (batch, output, i, j, k), the outputs in
    the order of `plan.output_names`, then those of `plan.head`.
    """
    return _BUILDERS[plan.architecture](plan)


def parameter_count(network: nn.Module) -> int:
    """Trainable numbers in a network."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def encoder_parameters(network: nn.Module) -> tuple[str, ...]:
    """Names of the parameters of the way down; none for a network not built here."""
    prefixes = _WAYS_DOWN.get(type(network), ())
    names = (name for name, _ in network.named_parameters())
    return tuple(name for name in names if name.startswith(prefixes))
