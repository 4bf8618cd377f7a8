"""Estimates with their intervals below one another."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medseg.core.metric import Metric
from medseg.study.figures.style import (
    INK,
    PAGE_MM,
    QUIET,
    RULE,
    Drawing,
    colour_of,
    marker_of,
    panels,
    titled,
)
from medseg.study.nouns import Study
from medseg.study.results import ALL_STRUCTURES, Estimate

MINUS = "\N{MINUS SIGN}"
_LINE_MM = 5.5
_FRAME_MM = 22.0


@dataclass(frozen=True, kw_only=True)
class _Line:
    label: str
    estimate: Estimate
    place: int


def draw_differences(study: Study, metric: Metric) -> Drawing | None:
    """Paired differences of every pair of models, and the margin if there is one."""
    found = [each for each in study.comparisons if each.metric == metric.name]
    if not found:
        return None
    pairs = list(dict.fromkeys((each.first, each.second) for each in found))
    lines = [
        _Line(
            label=f"{titled(each.structure)}: {each.first} {MINUS} {each.second}",
            estimate=each.difference,
            place=pairs.index((each.first, each.second)),
        )
        for each in found
    ]
    drawing, ax = _forest(lines)
    ax.axvline(0, color=QUIET, linewidth=0.8)
    margin = study.settings.margin if metric.name == study.settings.primary else None
    note = ""
    if margin is not None:
        worst = -margin if metric.is_higher_better else margin
        ax.axvline(worst, color=INK, linewidth=0.8, linestyle="--")
        note = " The dashed line is the margin of non-inferiority."
    ax.set_xlabel(f"Difference of {metric.title}{_unit(metric)}")
    better = "right" if metric.is_higher_better else "left"
    return Drawing(
        name=f"differences_{metric.name}",
        caption=(
            f"Paired differences of mean {metric.title} with "
            f"{100 * study.settings.bootstrap.level:g} % confidence intervals; on the "
            f"{better} of 0 the model named first is better.{note}"
        ),
        figure=drawing,
    )


def draw_subgroups(study: Study, column: str) -> Drawing | None:
    """The primary measure within the groups of one column."""
    metric = study.settings.primary_metric
    several = len(study.structures) > 1
    shown = ALL_STRUCTURES if several else study.structures[0]
    found = [
        each
        for each in study.subgroups
        if each.column == column and each.structure == shown
    ]
    if not found:
        return None
    lines = [
        _Line(
            label=f"{each.group} (n = {each.mean.n}): {each.model}",
            estimate=each.mean,
            place=study.models.index(each.model),
        )
        for each in found
    ]
    drawing, ax = _forest(lines)
    for model in study.models:
        overall = next(
            each.mean.value
            for each in study.summaries
            if (each.model, each.structure, each.metric) == (model, shown, metric.name)
        )
        colour = colour_of(study.models.index(model))
        ax.axvline(overall, color=colour, linewidth=0.8, linestyle=":")
    ax.set_xlabel(f"{metric.title}{_unit(metric)}, {shown}")
    return Drawing(
        name=f"subgroups_{_slug(column)}",
        caption=(
            f"Mean {metric.title} ({shown}) by {column}, with "
            f"{100 * study.settings.bootstrap.level:g} % confidence intervals. Dotted "
            "lines are the means over all cases. No tests are made within subgroups."
        ),
        figure=drawing,
    )


def _forest(lines: Sequence[_Line]) -> tuple[Figure, Axes]:
    height_mm = _FRAME_MM + _LINE_MM * len(lines)
    figure, (ax,) = panels(1, 1, width_mm=PAGE_MM, height_mm=height_mm)
    for row, line in enumerate(lines):
        colour, estimate = colour_of(line.place), line.estimate
        if estimate.low is not None and estimate.high is not None:
            ax.plot([estimate.low, estimate.high], [row, row], color=colour)
        ax.plot(
            estimate.value,
            row,
            marker_of(line.place),
            color=colour,
            markersize=4,
        )
    ax.set_yticks(range(len(lines)), [line.label for line in lines])
    ax.set_ylim(len(lines) - 0.5, -0.5)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    return figure, ax


def _unit(metric: Metric) -> str:
    return f" ({metric.unit})" if metric.unit else ""


def _slug(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name.lower())
