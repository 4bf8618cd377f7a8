"""nnU-Net's networks: what their description and the names of their weights mean."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from medseg.core.errors import ErrorCode, MedSegError, UnusableInput
from medseg.core.geometry import Shape3
from medseg.core.plan import LEAST_LEVELS, Architecture, Plan
from medseg.models.foreign.texts import one_line

_PLAIN, _RESIDUAL = "PlainConvUNet", "ResidualEncoderUNet"
_KNOWN_ARGUMENTS = frozenset(
    {
        *("n_stages", "features_per_stage", "conv_op", "kernel_sizes", "strides"),
        *("n_conv_per_stage", "n_blocks_per_stage", "n_conv_per_stage_decoder"),
        *("conv_bias", "norm_op", "norm_op_kwargs", "nonlin", "nonlin_kwargs"),
        *("dropout_op", "dropout_op_kwargs", "deep_supervision", "nonlin_first"),
        *("block", "bottleneck_channels", "stem_channels"),
    }
)
_TWO_CONVOLUTIONS, _ONE_CONVOLUTION = 2, 1
_STRIDES = {1, 2}
_WIDEST, _MOST_BLOCKS, _LONGEST_KERNEL = 4096, 64, 15
_UPSAMPLING_BIAS = re.compile(r"decoder\.transpconvs\.\d+\.bias")
_HEAD = re.compile(r"decoder\.seg_layers\.(\d{1,3})\.(?:weight|bias)")
_ENCODER_AGAIN = "decoder.encoder."


@dataclass(frozen=True, kw_only=True)
class ForeignNetwork:
    """How nnU-Net built a network, in the words of `Plan`."""

    architecture: Architecture
    widths: tuple[int, ...]
    kernels: tuple[Shape3, ...]
    strides: tuple[Shape3, ...]
    blocks: tuple[int, ...]
    upsampling_bias: bool
    decoder_kernels: tuple[Shape3, ...]


def unsupported(what: str, where: str) -> UnusableInput:
    """The error for what MedSeg has no equal of."""
    return UnusableInput(
        ErrorCode.UNSUPPORTED_MODEL,
        f"{what} has no equal in MedSeg",
        where=where,
        remedy="Run this model with nnU-Net, or train one with medseg train.",
    )


def network_of(configuration: Mapping[str, Any], where: str) -> ForeignNetwork:
    """Network of a configuration of plans.json, in its form of any nnU-Net 2.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, naming the class or argument; DAMAGED_MODEL.
    """
    try:
        name, arguments = _class_and_arguments(configuration)
        _require_known(name, arguments, where)
        return _network(name, arguments, where)
    except MedSegError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise UnusableInput(
            ErrorCode.DAMAGED_MODEL,
            f"the network is not described as nnU-Net does it: {error}",
            where=where,
            remedy="Copy or export the model again.",
        ) from None


def _class_and_arguments(
    configuration: Mapping[str, Any],
) -> tuple[str, dict[str, Any]]:
    if "architecture" in configuration:
        described = configuration["architecture"]
        name = str(described["network_class_name"]).rpartition(".")[2]
        return name, dict(described["arch_kwargs"])
    levels = len(configuration["n_conv_per_stage_encoder"])
    base, most = (
        int(configuration[key])
        for key in ("UNet_base_num_features", "unet_max_num_features")
    )
    arguments = {
        "features_per_stage": [min(base * 2**n, most) for n in range(levels)],
        "kernel_sizes": configuration["conv_kernel_sizes"],
        "strides": configuration["pool_op_kernel_sizes"],
        "n_conv_per_stage": configuration["n_conv_per_stage_encoder"],
        "n_blocks_per_stage": configuration["n_conv_per_stage_encoder"],
        "n_conv_per_stage_decoder": configuration["n_conv_per_stage_decoder"],
        "conv_op": "Conv3d",
        "conv_bias": True,
        "norm_op": "InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": "LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return str(configuration["UNet_class_name"]), arguments


def _require_known(name: str, arguments: Mapping[str, Any], where: str) -> None:
    if name not in (_PLAIN, _RESIDUAL):
        raise unsupported(f"the network {name}", where)
    if unknown := sorted(arguments.keys() - _KNOWN_ARGUMENTS):
        raise unsupported(f"the network's argument {unknown[0]}", where)
    for key, wanted in (
        ("conv_op", "Conv3d"),
        ("norm_op", "InstanceNorm3d"),
        ("nonlin", "LeakyReLU"),
        ("block", "BasicBlockD"),
    ):
        given = str(arguments.get(key) or wanted).rpartition(".")[2].rstrip("'>")
        if given != wanted:
            raise unsupported(f"the network's {key} {given}", where)
    norm, activation = (
        arguments.get(key) or {} for key in ("norm_op_kwargs", "nonlin_kwargs")
    )
    is_usual = norm.get("eps", 1e-5) == 1e-5 and norm.get("affine") is True
    if not is_usual or norm.get("track_running_stats"):
        raise unsupported(f"an instance norm with {norm}", where)
    if activation.get("negative_slope", 0.01) != 0.01:
        raise unsupported(f"a LeakyReLU with {activation}", where)
    for key in ("nonlin_first", "bottleneck_channels"):
        if arguments.get(key):
            raise unsupported(f"the network's argument {key}", where)
    stem = arguments.get("stem_channels")
    if stem not in (None, arguments["features_per_stage"][0]):
        raise unsupported(f"a stem of {stem} channels", where)


def _network(name: str, arguments: Mapping[str, Any], where: str) -> ForeignNetwork:
    widths = tuple(int(width) for width in arguments["features_per_stage"])
    levels = len(widths)
    kernels, strides = (
        tuple(_edges(each) for each in _listed(arguments[key], levels))
        for key in ("kernel_sizes", "strides")
    )
    is_plain = name == _PLAIN
    key = "n_conv_per_stage" if is_plain else "n_blocks_per_stage"
    blocks = tuple(_listed(arguments[key], levels))
    decoder = _listed(arguments["n_conv_per_stage_decoder"], levels - 1)
    wanted = _TWO_CONVOLUTIONS if is_plain else _ONE_CONVOLUTION
    if {*decoder} != {wanted} or (is_plain and {*blocks} != {wanted}):
        counts = f"{list(blocks)} down and {decoder} up"
        raise unsupported(f"a {name} with {counts} convolutions a level", where)
    if not {edge for stride in strides for edge in stride} <= _STRIDES:
        raise unsupported(f"a {name} with the strides {list(strides)}", where)
    if levels < LEAST_LEVELS:
        raise unsupported(f"a {name} of {levels} levels", where)
    edges = {edge for kernel in kernels for edge in kernel}
    if any(edge % 2 == 0 for edge in edges):
        raise unsupported(f"a {name} with the kernels {list(kernels)}", where)
    longest = max(edges)
    most = max((*blocks, levels))
    if max(widths) > _WIDEST or most > _MOST_BLOCKS or longest > _LONGEST_KERNEL:
        raise unsupported(f"a {name} as large as that", where)
    return ForeignNetwork(
        architecture=Architecture.UNET if is_plain else Architecture.RESIDUAL_UNET,
        widths=widths,
        kernels=kernels,
        strides=strides,
        blocks=blocks,
        upsampling_bias=is_plain and bool(arguments.get("conv_bias", False)),
        decoder_kernels=kernels[:-1] if is_plain else (),
    )


def _listed(value: Any, count: int) -> list[Any]:
    """One a level, from one for all or one each."""
    return [value] * count if isinstance(value, int) else list(value)


def _edges(value: Any) -> Shape3:
    i, j, k = [value] * 3 if isinstance(value, int) else (int(edge) for edge in value)
    return i, j, k


def mapped_weights(
    weights: Mapping[str, Tensor],
    plan: Plan,
    wanted: Mapping[str, Tensor],
    where: str,
) -> dict[str, Tensor]:
    """nnU-Net's weights under the names they have here.

    Biases of convolutions before an instance norm have no effect and are left out, or
    are 0 where nnU-Net had none.

    Args:
        weights: Of nnU-Net's network, by its names.
        plan: The plan of the network here.
        wanted: Its parameters.
        where: The checkpoint, for errors.

    Raises:
        ValueError: When one is missing.
        UnusableInput: UNSUPPORTED_MODEL when one is left over.
    """
    is_plain = plan.architecture is Architecture.UNET
    levels = len(plan.widths)
    names = list(unet_names(levels) if is_plain else _residual_names(wanted, levels))
    found: dict[str, Tensor] = {}
    for here, there in names:
        if here not in wanted:
            continue
        if there in weights:
            found[here] = weights[there]
        elif there.endswith(".conv.bias") or _UPSAMPLING_BIAS.fullmatch(there):
            found[here] = torch.zeros(wanted[here].shape)
        else:
            raise ValueError(f"it has no weights {there}")
    read = {there for here, there in names if here in wanted}
    for name in sorted(weights.keys() - read):
        if not _is_without_effect(name, weights, levels):
            raise unsupported(f"the tensor {one_line(name)}", where)
    return found


def _is_without_effect(name: str, weights: Mapping[str, Tensor], levels: int) -> bool:
    """Whether a tensor that is not read is of no use.

    That is the encoder under its second name, modules of a block under theirs, heads
    of coarser levels, and biases that the norm behind them takes away again.
    """
    if name.startswith(_ENCODER_AGAIN):
        original = weights.get(name.removeprefix("decoder."))
        return original is not None and torch.equal(original, weights[name])
    if head := _HEAD.fullmatch(name):
        return int(head[1]) < levels - 2
    block, _, part = name.rpartition(".conv.")
    is_lost = part == "bias" and f"{block}.norm.weight" in weights
    return is_lost or ".all_modules." in name


def _residual_names(wanted: Iterable[str], levels: int) -> Iterator[tuple[str, str]]:
    """The same but for the head, of which nnU-Net has one a level."""
    for name in wanted:
        yield name, name.replace("head.", f"decoder.seg_layers.{levels - 2}.")


def unet_names(levels: int) -> Iterator[tuple[str, str]]:
    """What each weight of a U-Net is called here, and in nnU-Net's PlainConvUNet.

    Args:
        levels: Resolutions that it has.
    """
    places = ["input_block", *(f"downsamples.{n}" for n in range(levels - 2))]
    for level, here in enumerate([*places, "bottleneck"]):
        yield from _block_names(here, f"encoder.stages.{level}.0")
    for step in range(levels - 1):  # both count from the coarsest level
        for part in ("weight", "bias"):
            yield (
                f"upsamples.{step}.transp_conv.conv.{part}",
                f"decoder.transpconvs.{step}.{part}",
            )
        yield from _block_names(
            f"upsamples.{step}.conv_block", f"decoder.stages.{step}"
        )
    for part in ("weight", "bias"):
        yield (
            f"output_block.conv.conv.{part}",
            f"decoder.seg_layers.{levels - 2}.{part}",
        )


def _block_names(here: str, there: str) -> Iterator[tuple[str, str]]:
    for place in range(_TWO_CONVOLUTIONS):
        stem = f"{there}.convs.{place}"
        yield f"{here}.conv{place + 1}.conv.weight", f"{stem}.conv.weight"
        for part in ("weight", "bias"):
            yield f"{here}.norm{place + 1}.{part}", f"{stem}.norm.{part}"
