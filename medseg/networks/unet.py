"""The plain 3D U-Net."""

from jaxtyping import Float
from monai.networks.blocks.dynunet_block import UnetUpBlock
from monai.networks.nets.dynunet import DynUNet
from torch import Tensor, nn

from medseg.core.plan import Plan
from medseg.networks.instance_norm import with_fast_norms

CONVOLUTIONS_A_LEVEL = 2


class UNet(DynUNet):
    """MONAI's DynUNet, its decoded features at hand.

    Args:
        plan: Sizes it.
    """

    def __init__(self, plan: Plan) -> None:
        self._decoder_kernels = plan.decoder_kernels or plan.kernels[1:]
        super().__init__(
            spatial_dims=3,
            in_channels=len(plan.channels),
            out_channels=plan.output_count,
            kernel_size=plan.kernels,
            strides=plan.strides,
            upsample_kernel_size=plan.strides[1:],
            filters=plan.widths,
            norm_name=("INSTANCE", {"affine": True}),
            trans_bias=plan.upsampling_bias,
        )

    def get_upsamples(self) -> nn.ModuleList:
        """Levels of the way up, coarsest first; MONAI asks for them while building."""
        widths = list(self.filters)
        levels: nn.ModuleList = self.get_module_list(
            widths[:0:-1],
            widths[-2::-1],
            self._decoder_kernels[::-1],
            self.strides[:0:-1],
            UnetUpBlock,  # type: ignore[arg-type]  # a class, as MONAI itself gives
            self.upsample_kernel_size[::-1],
            trans_bias=self.trans_bias,
        )
        return levels

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Channels of each level of the way up, finest first."""
        return tuple(self.filters[:-1])

    def decoder_features(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> tuple[Tensor, ...]:
        """Features of each level of the way up, finest first."""
        ways_down = [self.input_block(image)]
        for downsample in self.downsamples:
            ways_down.append(downsample(ways_down[-1]))
        features = self.bottleneck(ways_down[-1])
        decoded: list[Tensor] = []
        for upsample, skip in zip(self.upsamples, reversed(ways_down), strict=True):
            features = upsample(features, skip)
            decoded.append(features)
        return tuple(reversed(decoded))

    def logits_of(
        self, finest: Float[Tensor, "batch width i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits from the features of the finest level."""
        logits: Tensor = self.output_block(finest)
        return logits


def unet(plan: Plan) -> UNet:
    """U-Net sized by the plan, with the fast instance norm.

    Two 3D convolutions a level, each followed by instance norm and leaky ReLU,
    strided convolutions down and transposed convolutions up, as nnU-Net's plain U-Net
    (Isensee et al., 2021).

    Raises:
        ValueError: When the plan has another number of convolutions a level.
    """
    if {*plan.blocks} != {CONVOLUTIONS_A_LEVEL}:
        raise ValueError(f"a U-Net has 2 convolutions a level, got {plan.blocks}")
    network = UNet(plan)
    for module in network.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            nn.init.kaiming_normal_(module.weight, a=0.01)
    with_fast_norms(network)
    return network
