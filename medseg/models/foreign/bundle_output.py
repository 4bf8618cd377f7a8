"""What a MONAI bundle makes of its network's output: labels, regions, names."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard

from medseg.core.labels import LabelSet
from medseg.core.regions import Region
from medseg.models.foreign.bundle_arguments import (
    dictionary_name,
    flag,
    number,
    require_arguments,
    require_inversion,
    require_key,
)
from medseg.models.foreign.bundle_config import Component, Config
from medseg.models.foreign.texts import one_line

_TYPES = {
    "EnsureType": {"data_type", "device", "track_meta", "wrap_sequence"},
    "ToTensor": {"device", "track_meta", "wrap_sequence"},
    "CastToType": set[str](),
    "Identity": set[str](),
}
_BRATS = {"whole tumor": (1, 2, 4), "tumor core": (1, 4), "enhancing tumor": (4,)}
_BRATS_PAINTED = {"whole tumor": 2, "tumor core": 1, "enhancing tumor": 4}
_BRATS_LABELS = ((1, "non-enhancing tumor core"), (2, "edema"), (4, "enhancing tumor"))
_PAINTING = re.compile(r"torch\.where\((\w+)\[\[(\d+)\]\] > 0, (\d+), (.*)\)")


@dataclass(frozen=True, kw_only=True)
class BundleOutput:
    """What a bundle's network tells.

    Attributes:
        labels: Of the label map.
        regions: In the order they are painted; empty where one label a voxel is chosen.
        order: Channel of the network for each region; empty where they are in order.
        by_nearest: Whether labels are decided on before they are resampled.
        largest_piece_only: Structures of which one connected piece is kept.
        notes: What could not be taken over to the letter.
    """

    labels: LabelSet
    regions: tuple[Region, ...]
    order: tuple[int, ...]
    by_nearest: bool
    largest_piece_only: tuple[str, ...]
    notes: tuple[str, ...]


def read_output(config: Config, names: tuple[str, ...]) -> BundleOutput:
    """The postprocessing of a bundle's configuration.

    Args:
        config: Its `inference.json`.
        names: Of the network's output channels.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, with the transform that has no equal here.
    """
    reader = _Reader()
    for component in config.components("postprocessing"):
        reader.read(component)
    if not reader.is_decided:
        raise config.refusal("postprocessing", "no AsDiscreted decides on labels")
    regions: tuple[Region, ...] = ()
    order: tuple[int, ...] = ()
    notes = reader.notes
    if reader.is_sigmoid:
        labels, regions, order, note = _regions(config, names, reader.painting)
        notes += note
    else:
        numbers = [reader.numbers.get(n, n) for n in range(len(names))]
        if numbers != sorted({*numbers}):
            raise config.refusal("postprocessing", "labels change their order")
        labels = LabelSet.from_names(list(zip(numbers, names, strict=True)))
    if not len(labels):
        raise config.refusal("network_def", "it has no output but background")
    return BundleOutput(
        labels=labels,
        regions=regions,
        order=order,
        by_nearest=reader.by_nearest,
        largest_piece_only=_largest(config, labels, reader.largest),
        notes=notes,
    )


def output_names(metadata: Config, outputs: int) -> tuple[str, ...]:
    """A name for each channel of the network's output, each once."""
    names: list[str] = []
    for channel, given in enumerate(channel_texts(metadata, "outputs", outputs)):
        name = given or f"label {channel}"
        names.append(f"{name} {channel}" if name in names else name)
    return tuple(names)


def channel_texts(metadata: Config, side: str, count: int) -> tuple[str, ...]:
    """What the metadata call each channel; empty where they do not.

    Args:
        metadata: The bundle's `metadata.json`.
        side: "inputs" or "outputs".
        count: Channels there are.
    """
    data_format = metadata.root.get("network_data_format")
    named = data_format.get(side) if isinstance(data_format, dict) else None
    first = next(iter(named.values()), None) if isinstance(named, dict) else None
    given = first.get("channel_def") if isinstance(first, dict) else None
    table = given if isinstance(given, dict) else {}
    return tuple(one_line(table.get(str(channel), "")) for channel in range(count))


class _Reader:
    """Goes through the transforms and keeps what they amount to."""

    def __init__(self) -> None:
        self.is_sigmoid = False
        self.is_decided = False
        self.by_nearest = True  # what is not inverted is saved so
        self.largest: list[int] | None = []
        self.painting: tuple[tuple[int, int], ...] = ()
        self.numbers: dict[int, int] = {}
        self.notes: tuple[str, ...] = ()
        self._is_softmax = False
        self._readers: dict[str, Callable[[Component], None]] = {
            "Activations": self._activation,
            "AsDiscrete": self._decision,
            "Invert": self._inversion,
            "KeepLargestConnectedComponent": self._keep_largest,
            "Lambda": self._paint,
            "MapLabelValue": self._renumber,
        }

    def read(self, component: Component) -> None:
        name = dictionary_name(component)
        require_key(component, "pred")
        if name in self._readers:
            self._readers[name](component)
        elif name == "SaveImage":
            if component.value("scale", default=None) is not None:
                raise component.refusal("scale is not supported")
        elif name in _TYPES:
            of_labels = {"dtype"} if self.is_decided else set[str]()
            require_arguments(component, _TYPES[name] | of_labels, {})
        else:
            raise component.refusal("this transform is not supported")

    def _activation(self, component: Component) -> None:
        require_arguments(component, {"softmax", "sigmoid"}, {"other": None})
        if self.is_decided:
            raise component.refusal("it comes after labels were decided on")
        self._is_softmax |= flag(component, "softmax")
        self.is_sigmoid |= flag(component, "sigmoid")

    def _decision(self, component: Component) -> None:
        defaults = {"to_onehot": None, "rounding": None}
        require_arguments(component, {"argmax", "threshold"}, defaults)
        by_argmax = flag(component, "argmax")
        has_threshold = component.value("threshold", default=None) is not None
        if by_argmax in (has_threshold, self.is_sigmoid):
            known = "argmax, and a threshold after sigmoid"
            raise component.refusal(f"only {known} are supported")
        if has_threshold and number(component, "threshold") != 0.5:
            raise component.refusal("only 0.5 is supported as threshold")
        self.is_decided = True

    def _inversion(self, component: Component) -> None:
        require_inversion(component)
        is_nearest = flag(component, "nearest_interp", default=True)
        self.by_nearest = is_nearest or self.is_decided
        if self.is_decided and not is_nearest:
            self.notes += (
                "the bundle interpolates between label numbers; here each voxel takes "
                "the nearest label",
            )
        elif not is_nearest and not self._is_softmax and not self.is_sigmoid:
            self.notes += (
                "the bundle resamples logits; here probabilities are resampled",
            )

    def _keep_largest(self, component: Component) -> None:
        defaults: dict[str, bool | int | None]
        defaults = {"independent": True, "connectivity": None, "num_components": 1}
        defaults |= {"is_onehot": None}
        require_arguments(component, {"applied_labels"}, defaults)
        labels = component.value("applied_labels", default=None)
        labels = [labels] if isinstance(labels, int) else labels
        if not self.is_decided or self.is_sigmoid or self.largest != []:
            raise component.refusal("it is supported once, after argmax, only")
        if labels is not None and not _are_labels(labels):
            raise component.refusal(f"applied_labels = {labels!r} are none")
        self.largest = labels

    def _renumber(self, component: Component) -> None:
        require_arguments(component, {"orig_labels", "target_labels"}, {})
        old = component.value("orig_labels", default=None)
        new = component.value("target_labels", default=None)
        if not (_are_labels(old) and _are_labels(new) and len(old) == len(new)):
            raise component.refusal("only numbers of 1 or more are supported")
        if not self.is_decided or self.numbers:
            raise component.refusal("it is supported once, for labels, only")
        self.numbers = dict(zip(old, new, strict=True))
        self.largest = self.largest and [self.numbers.get(n, n) for n in self.largest]

    def _paint(self, component: Component) -> None:
        if not (self.is_decided and self.is_sigmoid):
            raise component.refusal("this transform is not supported")
        require_arguments(component, {"func"}, {"inv_func": None, "track_meta": True})
        self.painting = _painting(component)


def _are_labels(values: object) -> TypeGuard[list[int]]:
    """Whether they are a list of labels' numbers."""
    return isinstance(values, list) and all(
        isinstance(each, int) and each >= 1 for each in values
    )


def _painting(component: Component) -> tuple[tuple[int, int], ...]:
    """Channel and label of each region, in painting order, of nested `torch.where`."""
    text = " ".join(component.text("func").split())
    head = re.fullmatch(r"\$lambda (\w+): (.*)", text)
    result: list[tuple[int, int]] = []
    rest = head[2] if head else ""
    while head and (match := _PAINTING.fullmatch(rest)) and match[1] == head[1]:
        result.append((int(match[2]), int(match[3])))
        rest = match[4]
    if not result or rest != "0":
        raise component.refusal(f"func = {text!r} is not supported")
    return tuple(reversed(result))


def _regions(
    config: Config, names: tuple[str, ...], painting: tuple[tuple[int, int], ...]
) -> tuple[LabelSet, tuple[Region, ...], tuple[int, ...], tuple[str, ...]]:
    """Labels, regions, the channel of each, and what was assumed."""
    lower = [name.lower() for name in names]
    if "background" in lower:
        raise config.refusal("postprocessing", "sigmoid with a background channel")
    notes: tuple[str, ...] = ()
    is_brats = sorted(lower) == sorted(_BRATS)
    if not painting and is_brats:
        painting = tuple((lower.index(name), _BRATS_PAINTED[name]) for name in _BRATS)
    elif not painting:
        painting = tuple((channel, channel + 1) for channel in range(len(names)))
        if len(names) > 1:
            notes = ("where channels overlap the later one covers the earlier one",)
    channels = tuple(channel for channel, _ in painting)
    if sorted(channels) != list(range(len(names))):
        raise config.refusal("postprocessing", "labels are not of each channel once")
    known = dict(_BRATS_LABELS) if is_brats else {}
    if is_brats and {lower[c]: label for c, label in painting} != _BRATS_PAINTED:
        is_brats, known = False, {}
    labels = LabelSet.from_names(
        [(label, known.get(label, names[c])) for c, label in painting]
    )
    regions = tuple(
        Region(
            name=names[c],
            ids=_BRATS[lower[c]] if is_brats else (label,),
            painted_as=label,
        )
        for c, label in painting
    )
    order = () if channels == tuple(range(len(names))) else channels
    return labels, regions, order, notes


def _largest(
    config: Config, labels: LabelSet, applied: list[int] | None
) -> tuple[str, ...]:
    if applied is None:
        return labels.names
    by_id = {structure.id: structure.name for structure in labels}
    if not {*applied} <= by_id.keys():
        raise config.refusal("postprocessing", f"there are no labels {applied}")
    return tuple(by_id[label] for label in applied)
