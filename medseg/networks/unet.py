"""The 3D U-Net."""

from monai.networks.nets.dynunet import DynUNet
from torch import nn

from medseg.core.plan import Plan
from medseg.networks.instance_norm import with_fast_norms


def build_network(plan: Plan) -> nn.Module:
    """U-Net sized by the plan: MONAI's DynUNet with the fast instance norm.

    Two 3D convolutions a level, each followed by instance norm and leaky ReLU,
    strided convolutions down and transposed convolutions up, as nnU-Net's plain U-Net
    (Isensee et al., 2021). Maps (batch, channel, i, j, k) to logits
    (batch, label, i, j, k); label 0 is background.
    """
    network = DynUNet(
        spatial_dims=3,
        in_channels=len(plan.channels),
        out_channels=len(plan.output_names),
        kernel_size=plan.kernels,
        strides=plan.strides,
        upsample_kernel_size=plan.strides[1:],
        filters=plan.widths,
        norm_name=("INSTANCE", {"affine": True}),
    )
    for module in network.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            nn.init.kaiming_normal_(module.weight, a=0.01)
    return with_fast_norms(network)


def parameter_count(network: nn.Module) -> int:
    """Trainable numbers in a network."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
