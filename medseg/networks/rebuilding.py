"""U-Nets rebuilt of layers that write into memory they keep."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import TypeVar

import torch
from monai.networks.blocks.dynunet_block import UnetBasicBlock, UnetUpBlock
from monai.networks.nets.dynunet import DynUNet
from torch import nn

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.geometry import Shape3
from medseg.networks.in_place import (
    InPlaceConvolution,
    InPlaceNorm,
    InstanceNorm,
    PointwiseLogits,
    Workspace,
    paddings,
)
from medseg.networks.in_place_unet import (
    Chain,
    InPlaceUNet,
    NormedConvolution,
    ResidualBlock,
    UpLevel,
)
from medseg.networks.instance_norm import FastInstanceNorm3d
from medseg.networks.passes import Passes
from medseg.networks.quantised import QuantisedActivation, QuantisedConvolution
from medseg.networks.quantised_unet import (
    FirstLayer,
    LastActivation,
    QuantisedLayer,
    QuantisedUNet,
    QuantisedUpLevel,
    SeparateValues,
)
from medseg.networks.residual_unet import SLOPE, ConvNorm, Residual, ResidualUNet
from medseg.networks.upsampled import SeparateUpsampling, UpsampledConvolution

_UNIT: Shape3 = (1, 1, 1)
_Kind = TypeVar("_Kind", bound=nn.Module)
_Layer = tuple[nn.Conv3d, InstanceNorm, float]
"""Convolution, norm, slope of the activation."""
_Up = tuple[nn.ConvTranspose3d, tuple[_Layer, ...]]
_PlainParts = tuple[list[tuple[_Layer, ...]], list[_Up], nn.Conv3d]


def in_place_unet(network: nn.Module, workspace: Workspace) -> InPlaceUNet | None:
    """The same function in the workspace's number format; None for other networks.

    Args:
        network: Its numbers are copied.
        workspace: For the features.
    """
    if isinstance(network, ResidualUNet):
        return _residual_unet(network, workspace)
    if isinstance(network, DynUNet):
        return _plain_unet(network, workspace)
    return None


def require_quantisable(network: nn.Module) -> None:
    """Refuse a network that has no form in 8-bit integers.

    Raises:
        WrongUse: INVALID_OPTION.
    """
    if _quantisable_parts(network) is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "int8 is for plain U-Nets with kernels of 1 or 3 voxels along an axis, "
            "not for this model's network",
            where="--precision",
            remedy="Use auto.",
        )


def quantised_unet(network: nn.Module, passes: Passes) -> QuantisedUNet | None:
    """About the same function in 8-bit integers; None for other than plain U-Nets.

    Args:
        network: Its numbers are copied.
        passes: How features are gone through in between convolutions.
    """
    parts = _quantisable_parts(network)
    if parts is None:
        return None
    way_down, way_up, head = parts
    _, last, _ = way_up[-1][1][-1]  # the head takes its result
    ((convolution, norm, slope), *rest), *deeper = way_down
    plain = NormedConvolution.of(convolution, norm, slope, torch.bfloat16)
    first = FirstLayer(plain.convolution, QuantisedActivation(norm, slope))
    return QuantisedUNet(
        [
            Chain((first, *_quantised_layers(rest, last))),
            *(Chain(_quantised_layers(layers, last)) for layers in deeper),
        ],
        [_quantised_level(upsample, layers, last) for upsample, layers in way_up],
        PointwiseLogits(head, torch.bfloat16),
        passes,
    )


def _quantisable_parts(network: nn.Module) -> _PlainParts | None:
    parts = _plain_parts(network) if isinstance(network, DynUNet) else None
    if parts is None or not all(map(_can_be_cut, _convolutions(parts))):
        return None
    return parts


def _plain_unet(network: DynUNet, workspace: Workspace) -> InPlaceUNet | None:
    """None where a block is none of the plain kind."""
    parts = _plain_parts(network)
    if parts is None:
        return None
    way_down, way_up, head = parts
    dtype = workspace.dtype
    return InPlaceUNet(
        [_chain(layers, dtype) for layers in way_down],
        [_up_level(upsample, layers, dtype) for upsample, layers in way_up],
        PointwiseLogits(head, dtype),
        workspace,
    )


def _plain_parts(network: DynUNet) -> _PlainParts | None:
    """Way down, way up and head; None where a block is none of the plain kind."""
    down = [network.input_block, *network.downsamples, network.bottleneck]
    blocks = [_layers(block) for block in down]
    ups = [block for block in network.upsamples if isinstance(block, UnetUpBlock)]
    convolved = [_layers(block.conv_block) for block in ups]
    upsamples = [_only(block.transp_conv, nn.ConvTranspose3d) for block in ups]
    head = _only(network.output_block.conv, nn.Conv3d)
    known = [layers for layers in (*blocks, *convolved) if layers is not None]
    if len(ups) < len(network.upsamples) or len(known) < len(blocks) + len(ups):
        return None
    if head is None or None in upsamples:
        return None
    levels = zip(upsamples, known[len(blocks) :], strict=True)
    way_up = [(upsample, layers) for upsample, layers in levels if upsample is not None]
    return known[: len(blocks)], way_up, head


def _layers(block: nn.Module) -> tuple[_Layer, ...] | None:
    """Both convolutions of a plain block; None where it is something else."""
    if type(block) is not UnetBasicBlock or not isinstance(block.lrelu, nn.LeakyReLU):
        return None
    result: list[_Layer] = []
    pairs = (block.conv1, block.norm1), (block.conv2, block.norm2)
    for holder, norm in pairs:
        convolution = _only(holder, nn.Conv3d)
        if convolution is None or not _is_affine_alone(norm):
            return None
        result.append((convolution, norm, block.lrelu.negative_slope))
    return tuple(result)


def _only(holder: nn.Module, kind: type[_Kind]) -> _Kind | None:
    """The one layer in one of MONAI's holders; None where there is a dropout, too."""
    children = list(holder.children())
    only = children[0] if len(children) == 1 else None
    return only if isinstance(only, kind) else None


def _is_affine_alone(norm: nn.Module) -> bool:
    is_plain = isinstance(norm, nn.InstanceNorm3d) and norm.affine
    return isinstance(norm, FastInstanceNorm3d) or (
        is_plain and not norm.track_running_stats
    )


def _residual_unet(network: ResidualUNet, workspace: Workspace) -> InPlaceUNet:
    dtype = workspace.dtype
    stem, encoder, decoder = network.encoder.stem, network.encoder, network.decoder
    first, *deeper = (
        [_residual_block(block, dtype) for block in _inside(stage, Residual)]
        for stage in encoder.stages
    )
    levels = zip(
        _inside(decoder.transpconvs, nn.ConvTranspose3d), decoder.stages, strict=True
    )
    return InPlaceUNet(
        [Chain((*_chain(_stacked(stem), dtype).parts, *first)), *map(Chain, deeper)],
        [_up_level(upsample, _stacked(stage), dtype) for upsample, stage in levels],
        PointwiseLogits(network.head, dtype),
        workspace,
    )


def _residual_block(block: Residual, dtype: torch.dtype) -> ResidualBlock:
    i, j, k = block.conv1.conv.stride
    projections = [
        _projection(layer, (i, j, k), dtype) for layer in _inside(block.skip, ConvNorm)
    ]
    first = NormedConvolution.of(block.conv1.conv, block.conv1.norm, SLOPE, dtype)
    second = NormedConvolution.of(block.conv2.conv, block.conv2.norm, 1.0, dtype)
    skip = projections[0] if projections else (i, j, k)
    return ResidualBlock(first, second, skip, SLOPE)


def _projection(layer: ConvNorm, pool: Shape3, dtype: torch.dtype) -> NormedConvolution:
    """Averaging and a 1 x 1 x 1 convolution as one convolution, and its norm."""
    if pool == _UNIT:
        return NormedConvolution.of(layer.conv, layer.norm, 1.0, dtype)
    weight = layer.conv.weight.detach() / prod(pool)
    both = weight.expand(*weight.shape[:2], *pool)
    convolution = InPlaceConvolution(both, pool, (0, 0, 0), dtype)
    return NormedConvolution(convolution, InPlaceNorm(layer.norm, 1.0))


def _inside(holder: nn.Module, kind: type[_Kind]) -> list[_Kind]:
    return [module for module in holder.modules() if isinstance(module, kind)]


def _stacked(stack: nn.Module) -> list[_Layer]:
    return [(layer.conv, layer.norm, SLOPE) for layer in _inside(stack, ConvNorm)]


def _chain(layers: Sequence[_Layer], dtype: torch.dtype) -> Chain:
    return Chain(NormedConvolution.of(*layer, dtype) for layer in layers)


def _up_level(
    upsample: nn.ConvTranspose3d, layers: Sequence[_Layer], dtype: torch.dtype
) -> UpLevel:
    (convolution, norm, slope), *rest = layers
    activated = InPlaceNorm(norm, slope)
    return UpLevel(upsample, convolution, activated, _chain(rest, dtype), dtype)


def _convolutions(parts: _PlainParts) -> Iterator[nn.Conv3d]:
    way_down, way_up, _ = parts
    for layers in (*way_down, *(layers for _, layers in way_up)):
        yield from (convolution for convolution, _, _ in layers)


def _can_be_cut(convolution: nn.Conv3d) -> bool:
    """Whether no more than one plane of zeros is wanted at either end of i."""
    return paddings(convolution)[0] <= 1


def _quantised_layers(
    layers: Sequence[_Layer], last: InstanceNorm
) -> Iterator[QuantisedLayer]:
    for convolution, norm, slope in layers:
        quantised = _quantised(convolution)
        yield QuantisedLayer(quantised, _activation(norm, slope, last))


def _quantised_level(
    upsample: nn.ConvTranspose3d, layers: Sequence[_Layer], last: InstanceNorm
) -> QuantisedUpLevel:
    (first, norm, slope), *rest = layers
    return QuantisedUpLevel(
        UpsampledConvolution(upsample, first, QuantisedConvolution)
        if UpsampledConvolution.suits(upsample, first)
        else SeparateValues(SeparateUpsampling(upsample, first, torch.bfloat16)),
        _quantised(first, behind=upsample.out_channels),
        _activation(norm, slope, last),
        Chain(_quantised_layers(rest, last)),
    )


def _quantised(convolution: nn.Conv3d, *, behind: int = 0) -> QuantisedConvolution:
    """Of the input channels from some number on."""
    weight = convolution.weight[:, behind:]
    return QuantisedConvolution(weight, convolution.stride, paddings(convolution))


def _activation(
    norm: InstanceNorm, slope: float, last: InstanceNorm
) -> QuantisedActivation | LastActivation:
    if norm is last:
        return LastActivation(InPlaceNorm(norm, slope))
    return QuantisedActivation(norm, slope)
