"""A MONAI bundle's configuration as a plan."""

import json
from dataclasses import dataclass
from typing import Any

from medseg.core.geometry import Shape3
from medseg.core.plan import (
    Architecture,
    MonaiNetwork,
    MonaiNetworkName,
    Plan,
    Recipe,
)
from medseg.models.foreign.bundle_arguments import number, require_arguments
from medseg.models.foreign.bundle_config import Config
from medseg.models.foreign.bundle_input import read_input
from medseg.models.foreign.bundle_output import (
    channel_texts,
    output_names,
    read_output,
)
from medseg.models.foreign.texts import one_line
from medseg.networks.monai_networks import network_arguments

_LARGEST_EDGE = 1024
_PADDING = "constant"
_INFERER_ARGUMENTS = {
    "padding_mode",
    *("roi_size", "sw_batch_size", "overlap", "mode", "sw_device", "device"),
    *("progress", "cache_roi_weight_map", "cpu_thresh", "buffer_steps", "buffer_dim"),
}
_INFERER_DEFAULTS = {
    "sigma_scale": 0.125,
    "cval": 0.0,
    "with_coord": False,
}
_AS_IT_COMES_MM = (1.0, 1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class BundlePlan:
    """What a bundle's configuration says.

    Attributes:
        plan: What its network takes and gives.
        largest_piece_only: Structures of which one connected piece is kept.
    """

    plan: Plan
    largest_piece_only: tuple[str, ...]


def read_plan(inference: Config, metadata: Config) -> BundlePlan:
    """The plan of a bundle.

    Args:
        inference: Its `inference.json`.
        metadata: Its `metadata.json`.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, with the key of what has no equal here.
    """
    network = _network(inference)
    try:
        arguments = network_arguments(network)
    except ValueError as error:
        raise inference.refusal("network_def", str(error)) from None
    channels = _count(inference, arguments, "in_channels", 1)
    outputs = _count(inference, arguments, "out_channels", 2)
    prepared = read_input(inference, channels)
    output = read_output(inference, output_names(metadata, outputs))
    window, notes = _windows(inference)
    reasons = [("labels", note) for note in output.notes]
    reasons += [("windows", note) for note in notes]
    if prepared.spacing_mm is None:
        reasons.append(("spacing_mm", "the bundle takes scans at their own spacing"))
    names = _channels(metadata, channels)
    normalisation = prepared.normalisation(of_ct=names == ("CT",))
    try:
        plan = Plan(
            channels=names,
            labels=output.labels,
            regions=output.regions,
            architecture=Architecture.MONAI,
            monai_network=MonaiNetwork(
                name=network.name,
                arguments=json.dumps(arguments),
                output_order=output.order,
            ),
            spacing_mm=prepared.spacing_mm or _AS_IT_COMES_MM,
            patch_shape=window,
            batch_size=1,
            normalisation=(normalisation,) * channels,
            widths=(),
            kernels=(),
            strides=(),
            mirror_axes=(),
            axes=prepared.axes,
            recipe=Recipe.MONAI,
            monai_steps=prepared.steps,
            labels_by_nearest=output.by_nearest,
            reasons=tuple(reasons),
        )
    except ValueError as error:
        raise inference.refusal("network_def", str(error)) from None
    return BundlePlan(plan=plan, largest_piece_only=output.largest_piece_only)


def _network(inference: Config) -> MonaiNetwork:
    key = "network_def" if inference.has("network_def") else "network"
    component = inference.component(key)
    names = {name.value: name for name in MonaiNetworkName} | {
        "Unet": MonaiNetworkName.UNET,
        "DynUnet": MonaiNetworkName.DYNUNET,
        "Dynunet": MonaiNetworkName.DYNUNET,
    }
    if component.target not in names:
        raise component.refusal(f"the networks known are {', '.join(MonaiNetworkName)}")
    arguments = {
        name: component.value(name, default=None) for name in component.argument_names
    }
    return MonaiNetwork(name=names[component.target], arguments=json.dumps(arguments))


def _count(
    inference: Config, arguments: dict[str, Any], name: str, default: int
) -> int:
    count = arguments.get(name, default)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise inference.refusal(f"network_def#{name}", f"{count!r} is none")
    return count


def _channels(metadata: Config, count: int) -> tuple[str, ...]:
    """Names of the scan's channels: the modality where there is one."""
    texts = channel_texts(metadata, "inputs", count)
    if count == 1:
        data_format = metadata.root.get("network_data_format")
        inputs = data_format.get("inputs") if isinstance(data_format, dict) else None
        first = next(iter(inputs.values()), None) if isinstance(inputs, dict) else None
        modality = first.get("modality") if isinstance(first, dict) else None
        is_known = isinstance(modality, str) and modality.isalnum()
        return (str(modality).upper() if is_known else texts[0] or "image",)
    return tuple(text or f"channel {n}" for n, text in enumerate(texts))


def _windows(inference: Config) -> tuple[Shape3, tuple[str, ...]]:
    inferer = inference.component("inferer")
    if inferer.target not in ("SlidingWindowInferer", "SlidingWindowInfererAdapt"):
        raise inferer.refusal("only SlidingWindowInferer is supported")
    require_arguments(inferer, _INFERER_ARGUMENTS, _INFERER_DEFAULTS)
    overlap = number(inferer, "overlap", 0.25)
    if not 0 <= overlap < 1:
        raise inferer.refusal(f"overlap = {overlap:g} is not 0 to 1")
    edges = inferer.value("roi_size", default=None)
    edges = [edges] * 3 if isinstance(edges, int) else edges
    is_shape = isinstance(edges, list) and len(edges) == 3
    if not is_shape or not all(
        isinstance(edge, int) and 0 < edge <= _LARGEST_EDGE for edge in edges
    ):
        raise inferer.refusal(f"roi_size = {edges!r} is no window of three axes")
    notes: tuple[str, ...] = (f"the bundle's own overlap is {overlap:g}",)
    padding = inferer.value("padding_mode", default=_PADDING)
    if padding != _PADDING:  # matters along axes of a scan shorter than a window
        notes += (f"scans smaller than one are filled with 0, not {one_line(padding)}",)
    return (edges[0], edges[1], edges[2]), notes
