"""What a MONAI bundle does to a scan before the network, as parts of a plan."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from medseg.core.geometry import Spacing
from medseg.core.plan import (
    IntensityStatistics,
    MonaiStep,
    Normalisation,
    NormalisationKind,
    PatientAxes,
    StoredAxes,
)
from medseg.models.foreign.bundle_arguments import (
    dictionary_name,
    flag,
    number,
    require_arguments,
    require_key,
)
from medseg.models.foreign.bundle_config import Component, Config

NONZERO_EXPRESSION = "$lambda x: x != 0"
POSITIVE_EXPRESSION = "$lambda x: x > 0"
_WITHOUT_EFFECT: dict[str, set[str]] = {
    "LoadImage": {
        *("reader", "ensure_channel_first", "simple_keys", "overwriting"),
        *("prune_meta_pattern", "prune_meta_sep", "expanduser"),
    },
    "EnsureChannelFirst": {"strict_check"},
    "AddChannel": set(),
    "AsChannelFirst": set(),
    "EnsureType": {"data_type", "device", "track_meta", "wrap_sequence"},
    "ToTensor": {"device", "track_meta", "wrap_sequence"},
    "CastToType": set(),
    "Identity": set(),
    "SelectItems": set(),
}
"""Of reading, types and order in memory, which MedSeg has its own way of."""
_READER_DEFAULTS = {"as_closest_canonical": False}
_LAST_AXES = (None, "no_channel", -1, 3)
_NO_STATISTICS = IntensityStatistics(
    mean=0.0, sd=1.0, percentile_00_5=0.0, percentile_99_5=0.0
)
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class BundleInput:
    """How a bundle prepares a scan.

    Attributes:
        axes: Of the network.
        spacing_mm: Along them; None when scans stay at their own.
        steps: In order.
    """

    axes: PatientAxes | StoredAxes
    spacing_mm: Spacing | None
    steps: tuple[MonaiStep | Normalisation, ...]

    def normalisation(self, *, of_ct: bool) -> Normalisation:
        """What the intensities are in one word: none where it takes several.

        Args:
            of_ct: Whether scans are in Hounsfield units, which the rule for CT means.
        """
        steps = [step for step in self.steps if isinstance(step, Normalisation)]
        is_one = len(steps) == 1 and (
            of_ct or steps[0].kind is not NormalisationKind.CT
        )
        return steps[0] if is_one else _normalisation(NormalisationKind.NONE)


def read_input(config: Config, channels: int) -> BundleInput:
    """The preprocessing of a bundle's configuration.

    Args:
        config: Its `inference.json`.
        channels: How many the network takes.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL, with the transform that has no equal here.
    """
    reader = _Reader(channels)
    for component in config.components("preprocessing"):
        reader.read(component)
    return BundleInput(
        axes=reader.axes, spacing_mm=reader.spacing_mm, steps=tuple(reader.steps)
    )


class _Reader:
    """Goes through the transforms and keeps what they amount to."""

    def __init__(self, channels: int) -> None:
        self.axes: PatientAxes | StoredAxes = StoredAxes(order=(0, 1, 2))
        self.spacing_mm: Spacing | None = None
        self.steps: list[MonaiStep | Normalisation] = []
        self._channels = channels
        self._readers: dict[str, Callable[[Component], None]] = {
            "Orientation": self._orientation,
            "Spacing": self._spacing,
            "CropForeground": self._crop,
            "ScaleIntensityRange": self._range,
            "ScaleIntensity": self._min_max,
            "NormalizeIntensity": self._standard,
        }

    def read(self, component: Component) -> None:
        name = dictionary_name(component)
        require_key(component, "image")
        if name in self._readers:
            self._readers[name](component)
        elif name in _WITHOUT_EFFECT:
            self._reading(component, _WITHOUT_EFFECT[name])
        else:
            raise component.refusal("this transform is not supported")

    def _reading(self, component: Component, known: set[str]) -> None:
        require_arguments(component, known | {"channel_dim"}, _READER_DEFAULTS)
        where = component.value("channel_dim", default=None)
        if where not in _LAST_AXES:
            raise component.refusal(f"channel_dim = {where!r} is not supported")

    def _orientation(self, component: Component) -> None:
        require_arguments(
            component, {"axcodes", "as_closest_canonical"}, {"labels": None}
        )
        codes = component.value("axcodes", default=None)
        if flag(component, "as_closest_canonical"):
            codes = "RAS"
        if self.spacing_mm is not None or isinstance(self.axes, PatientAxes):
            raise component.refusal("it comes after Spacingd, or twice")
        try:
            self.axes = PatientAxes(codes="".join(codes))
        except (TypeError, ValueError):
            raise component.refusal(f"axcodes = {codes!r} are none") from None

    def _spacing(self, component: Component) -> None:
        require_arguments(
            component,
            {"pixdim", "mode"},
            {
                "padding_mode": "border",
                **dict.fromkeys(("align_corners", "diagonal", "scale_extent"), False),
                **dict.fromkeys(("min_pixdim", "max_pixdim")),
                "recompute_affine": False,
                "ensure_same_shape": True,
            },
        )
        mode = component.value("mode", default="bilinear")
        if mode not in ("bilinear", ["bilinear"], 1, [1]):
            raise component.refusal(f"mode = {mode!r} is not supported")
        edges = component.value("pixdim", default=None)
        edges = [edges] * 3 if isinstance(edges, int | float) else edges
        if self.spacing_mm is not None:
            raise component.refusal("it comes twice")
        if not _are_spacings(edges):
            raise component.refusal(f"pixdim = {edges!r} is no spacing of three axes")
        i, j, k = (float(edge) for edge in edges)
        self.spacing_mm = (i, j, k)
        self.steps.append(MonaiStep.RESAMPLE)

    def _crop(self, component: Component) -> None:
        require_arguments(
            component,
            {"select_fn", "mode", "allow_smaller"},
            {
                "source_key": "image",
                "margin": 0,
                "k_divisible": 1,
                **dict.fromkeys(("channel_indices", "constant_values")),
                "start_coord_key": "foreground_start_coord",
                "end_coord_key": "foreground_end_coord",
            },
        )
        chosen = component.raw.get("select_fn", POSITIVE_EXPRESSION)
        steps = {
            POSITIVE_EXPRESSION: MonaiStep.CROP_POSITIVE,
            NONZERO_EXPRESSION: MonaiStep.CROP_NONZERO,
        }
        if not isinstance(chosen, str) or chosen not in steps:
            raise component.refusal(f"select_fn = {chosen!r} is not supported")
        self.steps.append(steps[chosen])

    def _range(self, component: Component) -> None:
        require_arguments(
            component,
            {"a_min", "a_max", "b_min", "b_max", "clip"},
            {"channel_wise": False},
        )
        low, high = number(component, "a_min"), number(component, "a_max")
        new_low, new_high = (
            number(component, "b_min", 0.0),
            number(component, "b_max", 1.0),
        )
        if not (low < high and new_low < new_high):
            raise component.refusal("a_min and b_min are not below a_max and b_max")
        scale = (high - low) / (new_high - new_low)
        is_clipped = flag(component, "clip")
        self.steps.append(
            _linear(
                low - new_low * scale,
                scale,
                (low, high) if is_clipped else (-_LARGEST, _LARGEST),
            )
        )

    def _min_max(self, component: Component) -> None:
        require_arguments(component, {"minv", "maxv", "channel_wise"}, {"factor": None})
        self._require_alone(component)
        low, high = number(component, "minv", 0.0), number(component, "maxv", 1.0)
        if not low < high:
            raise component.refusal("minv is not below maxv")
        self.steps.append(_normalisation(NormalisationKind.MIN_MAX))
        if (low, high) != (0, 1):
            scale = 1 / (high - low)
            self.steps.append(_linear(-low * scale, scale))

    def _standard(self, component: Component) -> None:
        known = {"subtrahend", "divisor", "nonzero", "channel_wise"}
        require_arguments(component, known, {})
        is_nonzero = flag(component, "nonzero")
        given = [
            name
            for name in ("subtrahend", "divisor")
            if component.value(name, default=None) is not None
        ]
        if len(given) == 2 and not is_nonzero:
            sd = number(component, "divisor")
            if not sd > 0:
                raise component.refusal(f"divisor = {sd} is not above 0")
            self.steps.append(_linear(number(component, "subtrahend"), sd))
            return
        if given:
            raise component.refusal(f"{given[0]} is not supported by itself")
        self._require_alone(component)
        nonzero, every = NormalisationKind.Z_SCORE_NONZERO, NormalisationKind.Z_SCORE
        self.steps.append(_normalisation(nonzero if is_nonzero else every))

    def _require_alone(self, component: Component) -> None:
        """Refuse statistics over several channels together."""
        if self._channels > 1 and not flag(component, "channel_wise"):
            raise component.refusal("channel_wise is false for several channels")


def _are_spacings(edges: object) -> bool:
    return (
        isinstance(edges, list)
        and len(edges) == 3
        and all(isinstance(edge, int | float) and 0.01 <= edge <= 100 for edge in edges)
    )


def _normalisation(kind: NormalisationKind) -> Normalisation:
    return Normalisation(kind=kind, statistics=_NO_STATISTICS)


def _linear(
    mean: float, sd: float, clip: tuple[float, float] = (-_LARGEST, _LARGEST)
) -> Normalisation:
    """Clip, subtract, divide."""
    statistics = IntensityStatistics(
        mean=mean, sd=sd, percentile_00_5=clip[0], percentile_99_5=clip[1]
    )
    return Normalisation(kind=NormalisationKind.CT, statistics=statistics)
