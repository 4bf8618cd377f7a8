"""Predicted beside real Dice, and what is left of the error when doubtful cases go."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
            _draw_points(points, judged, dataset)
            _draw_curve(curve, judged)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=_DPI, metadata={"Software": None})
    return content.getvalue()


def _draw_points(axes: Axes, judged: JudgedStructure, dataset: str) -> None:
    predicted, dice = zip(*judged.predicted, strict=True)
    lowest = max(0.0, min((*predicted, *dice)) - 0.02)
    axes.plot([lowest, 1], [lowest, 1], color=_GREY, lw=0.8)
    axes.plot(predicted, dice, "o", color=_BLUE, ms=3, alpha=0.6, mec="none")
    axes.set(
        title=f"{judged.score.structure}, {len(dice)} cases of {dataset}",
        xlabel="predicted Dice (held out)",
        ylabel="Dice",
        xlim=(lowest, 1),
        ylim=(lowest, 1),
    )
    axes.grid(alpha=0.3)


def _draw_curve(axes: Axes, judged: JudgedStructure) -> None:
    curve = judged.curve
    coverage = curve.coverage
    axes.plot(coverage, curve.risk, color=_BLUE, label="by predicted Dice")
    axes.plot(coverage, curve.oracle_risk, color=_GREEN, label="best possible order")
    axes.axhline(curve.random_aurc, color=_GREY, lw=0.8, ls="--", label="by chance")
    axes.set(
        title=f"AURC {curve.aurc:.4f}, {curve.excess_aurc:.4f} above the best",
        xlabel="share of the cases taken",
        ylabel="mean of 1 - Dice",
        xlim=(0, 1),
    )
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right", frameon=False)
    axes.grid(alpha=0.3)
