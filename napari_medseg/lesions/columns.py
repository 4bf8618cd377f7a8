"""What stands in the tables of lesions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import medseg
from napari_medseg.structures.table import volume_text

Row = TypeVar("Row")
Value = str | float | None


def as_it_is(value: Value) -> str:
    """Words, or a whole number; "-" for nothing."""
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else value


@dataclass(frozen=True, kw_only=True)
class Column(Generic[Row]):
    """One column.

    Attributes:
        header: Its name.
        meaning: What it says, for the tooltip.
        width: Least, in pixels; 0 for what the others leave.
        value: Of a row, for sorting; None where there is none.
        text: Of a value.
    """

    header: str
    meaning: str
    width: int
    value: Callable[[Row], Value]
    text: Callable[[Value], str] = as_it_is


def millilitres(value: Value) -> str:
    """A volume."""
    return volume_text(value) if isinstance(value, float) else "-"


def _tenths(value: Value) -> str:
    return f"{value:.1f}" if isinstance(value, float) else "-"


def hundredths(value: Value) -> str:
    """A share, to two digits."""
    return f"{value:.2f}" if isinstance(value, float) else "-"


def _growth(value: Value) -> str:
    return f"{value:+.2f}" if isinstance(value, float) else "-"


def _percent(value: Value) -> str:
    return f"{value:+.0f}" if isinstance(value, float) else "-"


def _mean(measure: medseg.InstanceMeasure) -> Value:
    return measure.intensities[0].mean if measure.intensities else None


def _organ(measure: medseg.InstanceMeasure) -> Value:
    return None if measure.organ is None else measure.organ.name


def _numbers(parts: tuple[medseg.InstanceMeasure, ...]) -> Value:
    return "+".join(str(each.number) for each in parts) or None


STRUCTURE_COLUMN, MEAN_COLUMN, CONFIDENCE_COLUMN = 1, 6, 7
LESION_COLUMNS: tuple[Column[medseg.InstanceMeasure], ...] = (
    Column(
        header="No.",
        meaning="Number in the layer of lesions. A click on a row goes to the lesion.",
        width=40,
        value=lambda each: float(each.number),
    ),
    Column(
        header="Structure",
        meaning="What it is one of.",
        width=72,
        value=lambda each: each.structure.name,
    ),
    Column(
        header="Volume (ml)",
        meaning="Volume in millilitres.",
        width=52,
        value=lambda each: each.volume_ml,
        text=millilitres,
    ),
    Column(
        header="Long axis (mm)",
        meaning="Longest diameter within an axial slice, in mm (yellow).",
        width=68,
        value=lambda each: each.longest_axial_mm,
        text=_tenths,
    ),
    Column(
        header="Short axis (mm)",
        meaning="Longest line at a right angle to it in that slice, in mm (blue).",
        width=72,
        value=lambda each: each.perpendicular_mm,
        text=_tenths,
    ),
    Column(
        header="Sphericity",
        meaning="1 for a ball, less for all else.",
        width=70,
        value=lambda each: each.sphericity,
        text=hundredths,
    ),
    Column(
        header="Mean intensity",
        meaning="Mean intensity in the scan, in HU for a CT.",
        width=58,
        value=_mean,
        text=_tenths,
    ),
    Column(
        header="Confidence",
        meaning="Mean probability that the model gives its voxels.",
        width=78,
        value=lambda each: each.confidence,
        text=hundredths,
    ),
    Column(
        header="Organ",
        meaning="The structure that it touches most and that is no lesion.",
        width=0,
        value=_organ,
    ),
)
FOLLOWED_STRUCTURE_COLUMN = 2
FOLLOWED_COLUMNS: tuple[Column[medseg.FollowedLesion], ...] = (
    Column(
        header="Baseline no.",
        meaning="Numbers in the baseline, several where lesions merged.",
        width=54,
        value=lambda each: _numbers(each.baseline),
    ),
    Column(
        header="No.",
        meaning="Numbers in the layer of lesions, several where one split.",
        width=38,
        value=lambda each: _numbers(each.follow_up),
    ),
    Column(
        header="Structure",
        meaning="What it is one of.",
        width=96,
        value=lambda each: each.structure,
    ),
    Column(
        header="Status",
        meaning="What became of it. A click on a row goes to the lesion.",
        width=0,
        value=lambda each: each.fate.value,
    ),
    Column(
        header="Matched by",
        meaning="What tells that both are one: tracking UID, overlap or distance.",
        width=60,
        value=lambda each: each.matched_by and each.matched_by.value,
    ),
    Column(
        header="Baseline (ml)",
        meaning="Volume in the baseline, in millilitres.",
        width=56,
        value=lambda each: each.baseline_ml if each.baseline else None,
        text=millilitres,
    ),
    Column(
        header="Volume (ml)",
        meaning="Volume now, in millilitres.",
        width=52,
        value=lambda each: each.follow_up_ml if each.follow_up else None,
        text=millilitres,
    ),
    Column(
        header="Change (ml)",
        meaning="Volume less that in the baseline, in millilitres.",
        width=52,
        value=lambda each: each.growth_ml,
        text=_growth,
    ),
    Column(
        header="Change (%)",
        meaning="Change in percent of the volume in the baseline.",
        width=50,
        value=lambda each: each.growth_percent,
        text=_percent,
    ),
)
