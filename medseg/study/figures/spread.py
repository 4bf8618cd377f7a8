"""How the scores of each structure spread over the cases."""

import numpy as np
from matplotlib.axes import Axes

from medseg.core.metric import Metric
from medseg.study.figures.style import (
    INK,
    PAGE_MM,
    Drawing,
    colour_of,
    panels,
    titled,
)
from medseg.study.nouns import Study
from medseg.study.results import Estimate

_POINT_WIDTH = 0.32
_MOST_COLUMNS = 4


def draw_spread(study: Study, metric: Metric) -> Drawing:
    """A panel a structure: every case, quartiles, and the mean with its interval."""
    columns = min(_MOST_COLUMNS, len(study.structures))
    rows = -(-len(study.structures) // columns)
    figure, axes = panels(rows, columns, width_mm=PAGE_MM, height_mm=62.0 * rows)
    for ax, structure in zip(axes, study.structures, strict=False):
        for place, model in enumerate(study.models):
            values = _values(study, model, structure, metric)
            if len(values):
                _points(ax, place, values)
        for each in study.summaries:
            if (each.structure, each.metric) == (structure, metric.name):
                _mean(ax, study.models.index(each.model), each.mean)
        ax.set_title(titled(structure))
        ax.set_xticks(range(len(study.models)), study.models)
        ax.set_xlim(-0.6, len(study.models) - 0.4)
    for ax in axes[len(study.structures) :]:
        ax.set_visible(False)
    limits = [ax.get_ylim() for ax in axes[: len(study.structures)]]
    for ax in axes:
        ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    unit = f" ({metric.unit})" if metric.unit else ""
    for ax in axes[::columns]:
        ax.set_ylabel(f"{metric.title}{unit}")
    return Drawing(
        name=f"scores_{metric.name}",
        caption=(
            f"{metric.title} of every case. Boxes span the quartiles, the line in them "
            "is the median; the black dot is the mean with its "
            f"{100 * study.settings.bootstrap.level:g} % confidence interval."
        ),
        figure=figure,
    )


def _values(study: Study, model: str, structure: str, metric: Metric) -> np.ndarray:
    counted = [
        row.counted(metric, study.settings.missed)
        for case in study.scores[model]
        for row in case.rows
        if row.structure == structure
    ]
    return np.array([value for value in counted if value is not None])


def _points(ax: Axes, place: int, values: np.ndarray) -> None:
    rng = np.random.default_rng(place)
    aside = rng.uniform(-_POINT_WIDTH, _POINT_WIDTH, len(values))
    colour = colour_of(place)
    ax.scatter(place + aside, values, s=5, color=colour, alpha=0.35, linewidths=0)
    ax.boxplot(
        values,
        positions=[place],
        widths=0.5,
        showfliers=False,
        showcaps=False,
        whiskerprops={"linewidth": 0},
        boxprops={"color": colour, "linewidth": 1.0},
        medianprops={"color": colour, "linewidth": 1.4},
    )


def _mean(ax: Axes, place: int, mean: Estimate) -> None:
    ax.plot(place, mean.value, "o", color=INK, markersize=3.5, zorder=5)
    if mean.low is not None and mean.high is not None:
        ax.plot([place, place], [mean.low, mean.high], color=INK, zorder=5)
