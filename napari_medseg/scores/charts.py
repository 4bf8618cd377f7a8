"""What the plots of the scores show; knows no Qt."""

import math
from dataclasses import dataclass
from enum import Enum

import medseg
from napari_medseg.scores.columns import Colour
from napari_medseg.scores.work import Comparison

_LEAST_ML = 1e-3
_MM_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Plot(Enum):
    """The plots there are."""

    DICE = "Dice by structure"
    IOU = "IoU by structure"
    NSD = "NSD by structure"
    HD95 = "HD95 by structure (mm)"
    DICE_BY_VOLUME = "Dice against volume"
    VOLUMES = "Volumes: prediction against reference"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One structure's bar.

    Attributes:
        label: Of the structure.
        name: Of the structure.
        colour: Of the structure.
        value: None where there is none.
        text: The value as it is read.
    """

    label: int
    name: str
    colour: Colour
    value: float | None
    text: str


@dataclass(frozen=True, kw_only=True)
class BarChart:
    """Bars from the worst to the best.

    Attributes:
        title: What is plotted.
        bars: From the top.
        end: Value at the right end.
    """

    title: str
    bars: tuple[Bar, ...]
    end: float


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One structure's dot.

    Attributes:
        label: Of the structure.
        name: Of the structure.
        colour: Of the structure.
        x: Across.
        y: Up.
    """

    label: int
    name: str
    colour: Colour
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis of a scatter plot.

    Attributes:
        title: What it says.
        start: Value at one end.
        end: Value at the other.
        ticks: Values marked.
        is_logarithmic: Whether steps are factors.
    """

    title: str
    start: float
    end: float
    ticks: tuple[float, ...]
    is_logarithmic: bool = False

    def share(self, value: float) -> float:
        """How far along a value lies, 0 to 1."""
        if self.is_logarithmic:
            whole = math.log(self.end / self.start)
            return math.log(max(value, self.start) / self.start) / whole
        return (value - self.start) / (self.end - self.start)


@dataclass(frozen=True, kw_only=True)
class ScatterChart:
    """Dots in a square.

    Attributes:
        title: What is plotted.
        dots: One a structure that has both values.
        across: The horizontal axis.
        up: The vertical axis.
        has_diagonal: Whether equal values are marked by a line.
    """

    title: str
    dots: tuple[Dot, ...]
    across: Axis
    up: Axis
    has_diagonal: bool = False


Chart = BarChart | ScatterChart


def chart_of(plot: Plot, comparison: Comparison) -> Chart:
    """A plot of the scores."""
    match plot:
        case Plot.DICE_BY_VOLUME:
            return _dice_by_volume(comparison)
        case Plot.VOLUMES:
            return _volumes(comparison)
        case Plot.DICE | Plot.IOU | Plot.NSD | Plot.HD95:
            return _bars(plot, comparison)


def _value(plot: Plot, row: medseg.StructureScore) -> float | None:
    match plot:
        case Plot.IOU:
            return row.iou
        case Plot.NSD:
            return row.nsd
        case Plot.HD95:
            return row.hd95_mm
        case _:
            return row.dice


def _bars(plot: Plot, comparison: Comparison) -> BarChart:
    is_mm = plot is Plot.HD95
    bars = []
    for row in comparison.scores.rows:
        value = _value(plot, row)
        if row.state is medseg.MaskState.BOTH_EMPTY:
            continue
        text = "-" if value is None else f"{value:.1f}" if is_mm else f"{value:.3f}"
        bars.append(
            Bar(
                label=row.label,
                name=row.structure,
                colour=comparison.colours.get(row.label, (128, 128, 128)),
                value=value,
                text=text,
            )
        )
    worst = -math.inf  # what has no value was missed, or is not there
    bars.sort(
        key=lambda bar: (
            worst if bar.value is None else -bar.value if is_mm else bar.value
        )
    )
    largest = max((bar.value for bar in bars if bar.value is not None), default=1.0)
    end = next((float(step) for step in _MM_STEPS if step >= largest), largest)
    return BarChart(title=plot.value, bars=tuple(bars), end=end if is_mm else 1.0)


def _dice_by_volume(comparison: Comparison) -> ScatterChart:
    rows = [
        row
        for row in comparison.scores.rows
        if row.dice is not None and row.reference_volume_ml > 0
    ]
    dots = tuple(
        _dot(comparison, row, row.reference_volume_ml, row.dice or 0.0) for row in rows
    )
    return ScatterChart(
        title=Plot.DICE_BY_VOLUME.value,
        dots=dots,
        across=_volume_axis("Volume of the reference (ml)", [dot.x for dot in dots]),
        up=Axis(title="Dice", start=0, end=1, ticks=(0, 0.25, 0.5, 0.75, 1)),
    )


def _volumes(comparison: Comparison) -> ScatterChart:
    rows = [
        row
        for row in comparison.scores.rows
        if row.state is medseg.MaskState.BOTH_PRESENT
    ]
    dots = tuple(
        _dot(comparison, row, row.reference_volume_ml, row.volume_ml) for row in rows
    )
    values = [value for dot in dots for value in (dot.x, dot.y)]
    return ScatterChart(
        title=Plot.VOLUMES.value,
        dots=dots,
        across=_volume_axis("Reference (ml)", values),
        up=_volume_axis("Prediction (ml)", values),
        has_diagonal=True,
    )


def _dot(comparison: Comparison, row: medseg.StructureScore, x: float, y: float) -> Dot:
    colour = comparison.colours.get(row.label, (128, 128, 128))
    return Dot(label=row.label, name=row.structure, colour=colour, x=x, y=y)


def _volume_axis(title: str, values: list[float]) -> Axis:
    """Whole powers of ten around the values."""
    there = [max(value, _LEAST_ML) for value in values] or [1.0]
    first = math.floor(math.log10(min(there)))
    last = max(first + 1, math.ceil(math.log10(max(there))))
    return Axis(
        title=title,
        start=10.0**first,
        end=10.0**last,
        ticks=tuple(10.0**power for power in range(first, last + 1)),
        is_logarithmic=True,
    )
