"""What the table of scores shows, and how good each value is; knows no Qt."""

from collections.abc import Callable
from dataclasses import dataclass

import medseg
from napari_medseg.scores.work import STATES

Colour = tuple[int, int, int]
Value = str | float | None
Cell = Callable[[medseg.StructureScore], Value]

# From the colours of Okabe and Ito: readers who see no red or no green tell them apart.
_BAD: Colour = (213, 94, 0)
_MIDDLING: Colour = (245, 236, 200)
_GOOD: Colour = (86, 180, 233)
_POOR_OVERLAP, _FAIR_OVERLAP = 0.5, 0.8
_FAIR_MM, _POOR_MM = 4.0, 12.0

STATE_WORDS = {
    medseg.MaskState.BOTH_PRESENT: "both",
    medseg.MaskState.REFERENCE_EMPTY: "extra",
    medseg.MaskState.PREDICTION_EMPTY: "missed",
    medseg.MaskState.BOTH_EMPTY: "none",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        title: Over it.
        meaning: In its tooltip.
        cell: Value of a row.
        digits: After the decimal point.
        shade: How good a value is, as a colour; None for a column without.
    """

    title: str
    meaning: str
    cell: Cell
    digits: int = 0
    shade: Callable[[float], Colour] | None = None


def overlap_shade(value: float) -> Colour:
    """Of a value from 0, bad, to 1, good."""
    if value < _FAIR_OVERLAP:
        return _between(_BAD, _MIDDLING, _share(value, _POOR_OVERLAP, _FAIR_OVERLAP))
    return _between(_MIDDLING, _GOOD, _share(value, _FAIR_OVERLAP, 1.0))


def distance_shade(distance_mm: float) -> Colour:
    """Of a distance from 0 mm, good."""
    if distance_mm > _FAIR_MM:
        return _between(_MIDDLING, _BAD, _share(distance_mm, _FAIR_MM, _POOR_MM))
    return _between(_GOOD, _MIDDLING, _share(distance_mm, 0.0, _FAIR_MM))


COLUMNS = (
    Column(
        title="Structure", meaning="Name of the structure.", cell=lambda r: r.structure
    ),
    Column(
        title="Dice",
        meaning="2 |A and B| / (|A| + |B|); 1 is perfect.",
        cell=lambda r: r.dice,
        digits=3,
        shade=overlap_shade,
    ),
    Column(
        title="IoU",
        meaning="|A and B| / |A or B|; 1 is perfect.",
        cell=lambda r: r.iou,
        digits=3,
        shade=overlap_shade,
    ),
    Column(
        title="HD95 (mm)",
        meaning="95th percentile of the distance between the surfaces, in mm.",
        cell=lambda r: r.hd95_mm,
        digits=1,
        shade=distance_shade,
    ),
    Column(
        title="NSD",
        meaning="Share of both surfaces within the tolerance of each other.",
        cell=lambda r: r.nsd,
        digits=3,
        shade=overlap_shade,
    ),
    Column(
        title="Volume (ml)",
        meaning="Volume of the prediction, in ml.",
        cell=lambda r: r.volume_ml,
        digits=1,
    ),
    Column(
        title="Ref. (ml)",
        meaning="Volume of the reference, in ml.",
        cell=lambda r: r.reference_volume_ml,
        digits=1,
    ),
    Column(
        title="Status",
        meaning="Both maps hold it; missed: only the reference; extra: only the "
        "prediction.",
        cell=lambda r: STATE_WORDS[r.state],
    ),
    Column(
        title="HU",
        meaning="Mean of the CT inside the prediction.",
        cell=lambda r: r.mean_hu,
    ),
)
NSD_COLUMN, STATE_COLUMN, HU_COLUMN = 4, 7, 8


def text_of(column: Column, row: medseg.StructureScore) -> str:
    """A cell as it is read; "-" where there is no value."""
    value = column.cell(row)
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    # Nobody reads tenths of a litre's worth of millilitres.
    digits = 0 if column.digits == 1 and value >= 1000 else column.digits
    return f"{value:.{digits}f}"


def tip_of(row: medseg.StructureScore) -> str:
    """What a row says at length."""
    return (
        f"{row.structure}: {STATES[row.state]}. Click to go there, again for where it "
        "is worst."
    )


def ink_on(colour: Colour) -> Colour:
    """Black or white, whichever is read more easily on a colour."""
    red, green, blue = colour
    is_light = 0.299 * red + 0.587 * green + 0.114 * blue > 128
    return (0, 0, 0) if is_light else (255, 255, 255)


def _share(value: float, first: float, last: float) -> float:
    return min(1.0, max(0.0, (value - first) / (last - first)))


def _between(first: Colour, last: Colour, share: float) -> Colour:
    red, green, blue = (
        round(a + (b - a) * share) for a, b in zip(first, last, strict=True)
    )
    return red, green, blue
