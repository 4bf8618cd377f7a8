"""The U-Net with a residual encoder: the same function as nnU-Net's."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medseg.core.geometry import Shape3
from medseg.core.plan import Plan
from medseg.networks.instance_norm import FastInstanceNorm3d

_UNIT: Shape3 = (1, 1, 1)
SLOPE = 0.01


class ConvNorm(nn.Module):
    """Convolution and instance norm."""

    def __init__(
        self, channels: int, width: int, kernel: Shape3, stride: Shape3, *, bias: bool
    ) -> None:
        super().__init__()
        i, j, k = (edge // 2 for edge in kernel)
        self.conv = nn.Conv3d(channels, width, kernel, stride, (i, j, k), bias=bias)
        self.norm = FastInstanceNorm3d(width)

    def forward(self, features: Tensor) -> Tensor:
        """Convolve and normalise."""
        normed: Tensor = self.norm(self.conv(features))
        return normed


class _ConvNormActivation(ConvNorm):
    """Convolution, instance norm and leaky ReLU."""

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.leaky_relu(super().forward(features), SLOPE, inplace=True)


class Residual(nn.Module):
    """Two convolutions beside a skip that pools and projects (He et al., 2019)."""

    def __init__(
        self, channels: int, width: int, kernel: Shape3, stride: Shape3
    ) -> None:
        super().__init__()
        self.conv1 = _ConvNormActivation(channels, width, kernel, stride, bias=True)
        self.conv2 = ConvNorm(width, width, kernel, _UNIT, bias=True)
        skip: list[nn.Module] = []
        if stride != _UNIT:
            skip.append(nn.AvgPool3d(stride, stride))
        if channels != width:
            skip.append(ConvNorm(channels, width, _UNIT, _UNIT, bias=False))
        self.skip = nn.Sequential(*skip)

    def forward(self, features: Tensor) -> Tensor:
        """Activated sum of both ways."""
        result = self.conv2(self.conv1(features)) + self.skip(features)
        return nn.functional.leaky_relu(result, SLOPE, inplace=True)


class _Stage(nn.Module):
    """Residual blocks of one level; the first one halves."""

    def __init__(
        self, channels: int, width: int, kernel: Shape3, stride: Shape3, *, blocks: int
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            Residual(channels, width, kernel, stride),
            *(Residual(width, width, kernel, _UNIT) for _ in range(blocks - 1)),
        )

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.blocks(features)
        return result


class _Stack(nn.Module):
    """One convolution at full resolution, under the name nnU-Net gives it."""

    def __init__(self, channels: int, width: int, kernel: Shape3) -> None:
        super().__init__()
        only = _ConvNormActivation(channels, width, kernel, _UNIT, bias=True)
        self.convs = nn.Sequential(only)

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.convs(features)
        return result


class _Encoder(nn.Module):
    """Stem and stages."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.stem = _Stack(len(plan.channels), plan.widths[0], plan.kernels[0])
        inputs = (plan.widths[0], *plan.widths[:-1])
        self.stages = nn.Sequential(
            *(
                _Stage(channels, width, kernel, stride, blocks=blocks)
                for channels, width, kernel, stride, blocks in zip(
                    *(inputs, plan.widths, plan.kernels, plan.strides, plan.blocks),
                    strict=True,
                )
            )
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        levels: list[Tensor] = []
        features = self.stem(image)
        for stage in self.stages:
            features = stage(features)
            levels.append(features)
        return levels


class _Decoder(nn.Module):
    """Transposed convolutions and one convolution a level, coarsest level first."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.transpconvs = nn.ModuleList()
        self.stages = nn.ModuleList()
        for level in reversed(range(1, len(plan.widths))):
            below, width = plan.widths[level], plan.widths[level - 1]
            stride = plan.strides[level]
            self.transpconvs.append(nn.ConvTranspose3d(below, width, stride, stride))
            self.stages.append(_Stack(2 * width, width, plan.kernels[level - 1]))

    def forward(self, levels: list[Tensor]) -> tuple[Tensor, ...]:
        features = levels[-1]
        decoded: list[Tensor] = []
        for upsample, stage, skip in zip(
            self.transpconvs, self.stages, reversed(levels[:-1]), strict=True
        ):
            features = stage(torch.cat((upsample(features), skip), 1))
            decoded.append(features)
        return tuple(reversed(decoded))


class ResidualUNet(nn.Module):
    """U-Net with a residual encoder (Isensee et al., 2024).

    Parameters bear nnU-Net's names, but for the one head: nnU-Net's
    `decoder.seg_layers.N` of the finest level is `head` here.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._widths = plan.widths
        self.encoder = _Encoder(plan)
        self.decoder = _Decoder(plan)
        self.head = nn.Conv3d(plan.widths[0], plan.output_count, 1)
        self._initialise()

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Channels of each level of the way up, finest first."""
        return self._widths[:-1]

    def decoder_features(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> tuple[Tensor, ...]:
        """Features of each level of the way up, finest first."""
        features: tuple[Tensor, ...] = self.decoder(self.encoder(image))
        return features

    def logits_of(
        self, finest: Float[Tensor, "batch width i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits from the features of the finest level."""
        logits: Tensor = self.head(finest)
        return logits

    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        return self.logits_of(self.decoder_features(image)[0])

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                nn.init.kaiming_normal_(module.weight, a=SLOPE)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            if isinstance(module, Residual):  # each block begins as its skip
                nn.init.zeros_(module.conv2.norm.weight)
