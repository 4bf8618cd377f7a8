"""Networks of MedSeg as MONAI's own classes."""

import json
from typing import Any

from torch import nn

from medseg.core.plan import Architecture, MonaiNetwork, MonaiNetworkName, Plan
from medseg.models.foreign.bundle_transforms import unsupported
from medseg.networks.halving import (
    HalvingMedNeXt,
    HalvingSegResNet,
    HalvingSwinUNETR,
    halving_multiple,
)

_INSTANCE_NORM = ["INSTANCE", {"affine": True}]


def described_network(plan: Plan, network: nn.Module) -> MonaiNetwork:
    """A network of the plan's as MONAI's own class with its arguments.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, naming a kind that MONAI has not.
    """
    if plan.monai_network is not None:
        return plan.monai_network
    multiple = halving_multiple(plan.architecture, len(plan.widths))
    if any(edge % multiple for edge in plan.patch_shape):
        what = f"a patch of {plan.patch_shape} for a {plan.architecture}"
        raise unsupported(what, "plan.patch_shape")
    channels: dict[str, Any] = {
        "in_channels": len(plan.channels),
        "out_channels": len(plan.output_names),
        "spatial_dims": 3,
    }
    match plan.architecture:
        case Architecture.UNET:
            name, arguments = MonaiNetworkName.DYNUNET, _dynunet(plan)
        case Architecture.SEGRESNET if isinstance(network, HalvingSegResNet):
            name, arguments = MonaiNetworkName.SEGRESNET, _segresnet(network)
        case Architecture.SWIN_UNETR if isinstance(network, HalvingSwinUNETR):
            name = MonaiNetworkName.SWIN_UNETR
            width = network.encoder1.layer.conv1.conv.out_channels
            arguments = {"feature_size": width, "norm_name": _INSTANCE_NORM}
        case Architecture.MEDNEXT if isinstance(network, HalvingMedNeXt):
            name, arguments = MonaiNetworkName.MEDNEXT, _mednext(network, plan)
        case _:
            raise unsupported(f"a network of kind {plan.architecture}", "plan")
    return MonaiNetwork(name=name, arguments=json.dumps({**channels, **arguments}))


def _dynunet(plan: Plan) -> dict[str, Any]:
    if plan.decoder_kernels not in ((), plan.kernels[1:]):
        raise unsupported("a decoder with kernels of its own", "plan.decoder_kernels")
    return {
        "kernel_size": plan.kernels,
        "strides": plan.strides,
        "upsample_kernel_size": plan.strides[1:],
        "filters": plan.widths,
        "norm_name": _INSTANCE_NORM,
        "trans_bias": plan.upsampling_bias,
    }


def _segresnet(network: HalvingSegResNet) -> dict[str, Any]:
    return {
        "init_filters": network.init_filters,
        "norm": _INSTANCE_NORM,
        "blocks_down": list(network.blocks_down),
        "blocks_up": list(network.blocks_up),
        "upsample_mode": "deconv",
    }


def _mednext(network: HalvingMedNeXt, plan: Plan) -> dict[str, Any]:
    *blocks, deepest = plan.blocks[: len(network.enc_stages) + 1]
    return {
        "init_filters": plan.widths[0],
        "kernel_size": 3,
        "use_residual_connection": True,
        "blocks_down": blocks,
        "blocks_bottleneck": deepest,
        "blocks_up": blocks[::-1],
    }
