"""Networks without a U-Net's decoder: FCN and DeepLab in 3D."""

import torch
from jaxtyping import Float
from monai.networks.blocks.aspp import SimpleASPP
from monai.networks.blocks.dynunet_block import UnetBasicBlock
from torch import Tensor, nn

from medseg.core.geometry import Shape3
from medseg.core.plan import Plan
from medseg.networks.instance_norm import with_fast_norms

_NORM = ("INSTANCE", {"affine": True})
_ACTIVATION = ("LEAKYRELU", {"inplace": True, "negative_slope": 0.01})
_ATROUS_LEVELS = 4  # an eighth of the resolution


class _Encoder(nn.Module):
    """Two convolutions a level, the first one strided."""

    def __init__(self, plan: Plan, levels: int) -> None:
        super().__init__()
        inputs = (len(plan.channels), *plan.widths)
        self.levels = nn.ModuleList(
            _convolutions(inputs[n], plan.widths[n], plan.kernels[n], plan.strides[n])
            for n in range(levels)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        result = [image]
        for level in self.levels:
            result.append(level(result[-1]))
        return result[1:]


class Enlarged(nn.ConvTranspose3d):
    """Each channel enlarged alone; linear interpolation until training changes it."""

    def __init__(self, channels: int, factors: Shape3) -> None:
        i, j, k = (2 * factor - factor % 2 for factor in factors)
        padding = [(e - f) // 2 for e, f in zip((i, j, k), factors, strict=True)]
        super().__init__(
            channels,
            channels,
            (i, j, k),
            factors,
            (padding[0], padding[1], padding[2]),
            groups=channels,
            bias=False,
        )
        self.start_linear()

    @torch.no_grad()
    def start_linear(self) -> None:
        """Set the weights to a tent along each axis (Long et al., 2015)."""
        i, j, k = (
            _tent(edge, factor)
            for edge, factor in zip(self.kernel_size, self.stride, strict=True)
        )
        self.weight.copy_(torch.einsum("i,j,k->ijk", i, j, k).expand_as(self.weight))


class FCN(nn.Module):
    """Fully convolutional network (Long et al., 2015).

    1 x 1 scores of every level but the finest, from the coarsest on enlarged and added
    to the next.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        outputs = plan.output_count
        self.encoder = _Encoder(plan, len(plan.widths))
        self.scores = nn.ModuleList(
            nn.Conv3d(width, outputs, 1) for width in plan.widths[1:]
        )
        self.enlarged = nn.ModuleList(
            Enlarged(outputs, stride) for stride in plan.strides[1:]
        )
        _initialise(self)

    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        levels = self.encoder(image)[1:]
        logits: Tensor = self.enlarged[-1](self.scores[-1](levels[-1]))
        for level in reversed(range(len(levels) - 1)):
            logits = self.enlarged[level](logits + self.scores[level](levels[level]))
        return logits


class DeepLab(nn.Module):
    """Atrous spatial pyramid with one skip (Chen et al., 2018).

    The encoder ends at an eighth of the resolution; convolutions of four dilations see
    near and far there, and are joined by the features of half the resolution.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        outputs = plan.output_count
        levels = min(_ATROUS_LEVELS, len(plan.widths))
        fine, deep = plan.widths[1], plan.widths[levels - 1]
        factors = [1, 1, 1]
        for stride in plan.strides[2:levels]:
            factors = [a * b for a, b in zip(factors, stride, strict=True)]
        self.encoder = _Encoder(plan, levels)
        self.pyramid = SimpleASPP(
            3, deep, deep // 4, norm_type=_NORM, acti_type=_ACTIVATION
        )
        self.narrowed = nn.Conv3d(deep // 4 * 4, fine, 1)
        self.enlarged = Enlarged(fine, (factors[0], factors[1], factors[2]))
        self.joined = _convolutions(2 * fine, fine, plan.kernels[1], (1, 1, 1))
        self.scores = nn.Conv3d(fine, outputs, 1)
        self.enlarged_scores = Enlarged(outputs, plan.strides[1])
        _initialise(self)

    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        levels = self.encoder(image)
        context = self.enlarged(self.narrowed(self.pyramid(levels[-1])))
        features = self.joined(torch.cat((context, levels[1]), 1))
        logits: Tensor = self.enlarged_scores(self.scores(features))
        return logits


def _convolutions(
    channels: int, width: int, kernel: Shape3, stride: Shape3
) -> UnetBasicBlock:
    return UnetBasicBlock(3, channels, width, kernel, stride, _NORM, _ACTIVATION)


def _initialise(network: nn.Module) -> None:
    with_fast_norms(network)
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, a=0.01)


def _tent(edge: int, factor: int) -> Tensor:
    distances = (torch.arange(edge) - (edge - 1) / 2).abs()
    return (1 - distances / factor).clamp(min=0)
