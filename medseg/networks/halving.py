"""MONAI's networks that halve all axes alike, on patches of any size.

They take the width of the finest level and the blocks of each from the plan, and fill
the patch up to the multiple they want.
"""

from jaxtyping import Float
from monai.networks.nets.mednext import MedNeXt
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.swin_unetr import SwinUNETR
from torch import Tensor

from medseg.core.plan import Architecture, Plan
from medseg.networks.instance_norm import with_fast_norms
from medseg.networks.levels import cropped_to, exact_where_needed, padded_to

_NORM = ("INSTANCE", {"affine": True})
_MOST_LEVELS = 5
_SWIN_MULTIPLE = 32
_SWIN_LEVELS = 6
_SWIN_HEAD_WIDTHS = 12


class HalvingSegResNet(SegResNet):
    """SegResNet (Myronenko, 2018) without its autoencoder."""

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Channels of each level of the way up, finest first."""
        return _doubling(self.init_filters, len(self.up_layers))

    def decoder_features(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> tuple[Tensor, ...]:
        """Features of each level of the way up, finest first."""
        with exact_where_needed(image, len(self.down_layers)):
            return _cropped_levels(self._decoded(image), image)

    def logits_of(
        self, finest: Float[Tensor, "batch width i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits from the features of the finest level."""
        logits: Tensor = self.conv_final(finest)
        return logits

    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        return self.logits_of(self.decoder_features(image)[0])

    def _decoded(self, image: Tensor) -> list[Tensor]:
        """Coarsest level first, as large as the filled image asks for."""
        filled = padded_to(image, 2 ** (len(self.down_layers) - 1))
        features, levels = self.encode(filled)
        decoded: list[Tensor] = []
        for up_sample, up_layer, skip in zip(
            self.up_samples, self.up_layers, levels[-2::-1], strict=True
        ):
            features = up_layer(up_sample(features) + skip)
            decoded.append(features)
        return decoded


class HalvingMedNeXt(MedNeXt):
    """MedNeXt (Roy et al., 2023) with kernels of 3."""

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Channels of each level of the way up, finest first."""
        return _doubling(self.stem.out_channels, len(self.up_blocks))

    def decoder_features(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> tuple[Tensor, ...]:
        """Features of each level of the way up, finest first."""
        with exact_where_needed(image, len(self.down_blocks) + 1):
            return _cropped_levels(self._decoded(image), image)

    def logits_of(
        self, finest: Float[Tensor, "batch width i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits from the features of the finest level."""
        logits: Tensor = self.out_0(finest)
        return logits

    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        return self.logits_of(self.decoder_features(image)[0])

    def _decoded(self, image: Tensor) -> list[Tensor]:
        """Coarsest level first, as large as the filled image asks for."""
        features = self.stem(padded_to(image, 2 ** len(self.down_blocks)))
        levels: list[Tensor] = []
        for stage, down in zip(self.enc_stages, self.down_blocks, strict=True):
            levels.append(stage(features))
            features = down(levels[-1])
        features = self.bottleneck(features)
        decoded: list[Tensor] = []
        for up, stage, skip in zip(
            self.up_blocks, self.dec_stages, reversed(levels), strict=True
        ):
            features = stage(up(features) + skip)
            decoded.append(features)
        return decoded


class HalvingSwinUNETR(SwinUNETR):
    """Swin UNETR (Hatamizadeh et al., 2022)."""

    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        filled = padded_to(image, _SWIN_MULTIPLE)
        with exact_where_needed(filled, _SWIN_LEVELS):
            logits = super().forward(filled)  # type: ignore[no-untyped-call]
        return cropped_to(logits, image.shape[2:])


def halving_multiple(architecture: Architecture, levels: int) -> int:
    """What the edges of a patch are best multiples of, lest it be filled up."""
    match architecture:
        case Architecture.SEGRESNET | Architecture.MEDNEXT:
            return int(2 ** (min(levels, _MOST_LEVELS) - 1))
        case Architecture.SWIN_UNETR:
            return _SWIN_MULTIPLE
        case _:
            return 1


def segresnet(plan: Plan) -> HalvingSegResNet:
    """SegResNet with transposed convolutions up; 5 levels at most."""
    blocks = plan.blocks[:_MOST_LEVELS]
    network = HalvingSegResNet(
        spatial_dims=3,
        init_filters=plan.widths[0],
        in_channels=len(plan.channels),
        out_channels=plan.output_count,
        norm=_NORM,
        blocks_down=blocks,
        blocks_up=(1,) * (len(blocks) - 1),
        upsample_mode="deconv",  # linear interpolation has no repeatable gradient
    )
    with_fast_norms(network)
    return network


def mednext(plan: Plan) -> HalvingMedNeXt:
    """MedNeXt with the small model's expansion of 2; 5 levels at most."""
    *blocks, deepest = plan.blocks[:_MOST_LEVELS]
    return HalvingMedNeXt(
        spatial_dims=3,
        init_filters=plan.widths[0],
        in_channels=len(plan.channels),
        out_channels=plan.output_count,
        kernel_size=3,
        use_residual_connection=True,
        blocks_down=blocks,
        blocks_bottleneck=deepest,
        blocks_up=blocks[::-1],
    )


def swin_unetr(plan: Plan) -> HalvingSwinUNETR:
    """Swin UNETR; 1.5 times the plan's first width, so 48 as published for 32."""
    twelves = max(1, round(1.5 * plan.widths[0] / _SWIN_HEAD_WIDTHS))
    network = HalvingSwinUNETR(
        in_channels=len(plan.channels),
        out_channels=plan.output_count,
        feature_size=twelves * _SWIN_HEAD_WIDTHS,
        norm_name=_NORM,
    )
    with_fast_norms(network)
    return network


def _doubling(width: int, levels: int) -> tuple[int, ...]:
    return tuple(width * 2**level for level in range(levels))


def _cropped_levels(coarsest_first: list[Tensor], image: Tensor) -> tuple[Tensor, ...]:
    """Finest first, each as large as the image asks for at its level."""
    i, j, k = image.shape[2:]
    return tuple(
        cropped_to(features, (-(-i // 2**level), -(-j // 2**level), -(-k // 2**level)))
        for level, features in enumerate(reversed(coarsest_first))
    )
