"""One look for all figures: sober, readable in print, safe for colour-blind readers."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMN_MM = 85.0
PAGE_MM = 170.0
INK = "#1b1f24"
QUIET = "#5c6670"
RULE = "#dfe3e8"

# Okabe and Ito (2008), in an order that keeps neighbours apart; yellow left out.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_MM_PER_INCH = 25.4
_LAYOUT_DPI = 600  # text measured at fewer dots is narrower than that of SVG and PDF
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a model may be called "a$b"
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 7.5,
    "axes.titlesize": 8.0,
    "axes.labelsize": 7.5,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.2,
    "text.color": INK,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Within it, everything drawn looks as it does in the report."""
    with mpl.rc_context(_RC):
        yield


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawing:
    """A figure of the report.

    Attributes:
        name: Of its files, without suffix.
        caption: A sentence or more for below the figure.
        figure: Ready to be saved.
    """

    name: str
    caption: str
    figure: Figure

    def __post_init__(self) -> None:
        """Lay the figure out once: every further layout would move it a little."""
        with house_style():
            for _ in range(2):  # the second pass knows how wide the labels are
                self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def svg(self) -> str:
        """The figure as SVG; the same figure always gives the same text."""
        return self._svg

    @cached_property
    def _svg(self) -> str:
        stream = io.StringIO()
        with mpl.rc_context({**_RC, "svg.hashsalt": self.name}):
            self.figure.savefig(stream, format="svg", metadata={"Date": None})
        return stream.getvalue()

    def pdf(self) -> bytes:
        """The figure as PDF; the same figure always gives the same bytes."""
        stream = io.BytesIO()
        with house_style():
            self.figure.savefig(stream, format="pdf", metadata={"CreationDate": None})
        return stream.getvalue()


def panels(
    rows: int, columns: int, *, width_mm: float, height_mm: float
) -> tuple[Figure, list[Axes]]:
    """An empty figure with its axes, row by row."""
    figure = Figure(
        figsize=(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH),
        layout="constrained",
        dpi=_LAYOUT_DPI,
    )
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def colour_of(place: int) -> str:
    """Colour of the first, second ... model."""
    return _COLOURS[place % len(_COLOURS)]


def marker_of(place: int) -> str:
    """Marker of the first, second ... model, so that colour is not all there is."""
    return _MARKERS[place % len(_MARKERS)]


def titled(text: str) -> str:
    """A name as the first word of a title."""
    return text[:1].upper() + text[1:]
