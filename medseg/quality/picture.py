"""Predicted beside real Dice, and what is left of the error when doubtful cases go."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medseg.core.selective import rank_correlation
from medseg.quality.judging import JudgedStructure

_DPI = 100
_RC: dict[Any, Any] = {
    "font.size": 8,
    "text.parse_math": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
}
_GREY = "#5c6670"
_BLUE = "#1f6fb2"
_GREEN = "#2b8a3e"
_MOST = 8
_ROOM = 0.05  # of the range
_LEAST_ROOM = 0.001  # where all values are nearly the same


def curves_png(structures: Sequence[JudgedStructure], dataset: str) -> bytes:
    """A row of two plots for each structure; of many the first.

    Args:
        structures: What to draw.
        dataset: Its name, for the title.
    """
    shown = structures[:_MOST]
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(7, 2.6 * len(shown)), layout="constrained")
        rows = figure.subplots(len(shown), 2, squeeze=False)
        for judged, (points, curve) in zip(shown, rows, strict=True):
            draw_points(points, judged.score.structure, judged.predicted)
            _draw_curve(curve, judged)
        figure.suptitle(dataset)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=_DPI, metadata={"Software": None})
    return content.getvalue()


def draw_points(
    axes: Axes, structure: str, pairs: Sequence[tuple[float, float]]
) -> None:
    """A dot for each case, and the line on which they would lie at best.

    Args:
        axes: To draw on.
        structure: Its name.
        pairs: Predicted and real Dice of each case.
    """
    predicted, dice = zip(*pairs, strict=True)
    axes.axline((1, 1), slope=1, color=_GREY, lw=0.8, label="predicted = real")
    axes.plot(predicted, dice, "o", color=_BLUE, ms=3, alpha=0.6, mec="none")
    axes.set(
        title=points_title(structure, pairs),
        xlabel="predicted Dice (held out)",
        ylabel="real Dice",
        xlim=_range_of(predicted),
        ylim=_range_of(dice),
    )
    axes.legend(loc="lower right", frameon=False)
    axes.grid(alpha=0.3)


def points_title(structure: str, pairs: Sequence[tuple[float, float]]) -> str:
    """Which structure, how many cases, and how well one number tells the other.

    Args:
        structure: Its name.
        pairs: Predicted and real Dice of each case.
    """
    title = f"{structure}, n = {len(pairs)}"
    correlation = rank_correlation(*zip(*pairs, strict=True))
    return title if correlation is None else f"{title}, Spearman {correlation:.2f}"


def _range_of(values: Sequence[float]) -> tuple[float, float]:
    """From the least to the most, with a little room for the dots."""
    room = max(_LEAST_ROOM, _ROOM * (max(values) - min(values)))
    return min(values) - room, max(values) + room


def _draw_curve(axes: Axes, judged: JudgedStructure) -> None:
    curve = judged.curve
    coverage = curve.coverage
    axes.plot(coverage, curve.risk, color=_BLUE, label="by predicted Dice")
    axes.plot(coverage, curve.oracle_risk, color=_GREEN, label="best possible order")
    axes.axhline(curve.random_aurc, color=_GREY, lw=0.8, ls="--", label="by chance")
    axes.set(
        title=f"AURC {curve.aurc:.3f}, {curve.excess_aurc:.3f} above the best order",
        xlabel="share of the cases taken",
        ylabel="mean of 1 - Dice",
        xlim=(0, 1),
    )
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right", frameon=False)
    axes.grid(alpha=0.3)
