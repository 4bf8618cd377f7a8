"""How firm a ranking is."""

from medseg.study.figures.style import (
    COLUMN_MM,
    Drawing,
    colour_of,
    panels,
)
from medseg.study.nouns import Study
from medseg.study.results import ALL_STRUCTURES


def draw_ranking(study: Study) -> Drawing | None:
    """Share of the bootstrap samples in which each model took each place."""
    shown = ALL_STRUCTURES if len(study.structures) > 1 else study.structures[0]
    metric = study.settings.primary_metric
    ranking = next(
        (
            each
            for each in study.rankings
            if (each.structure, each.metric) == (shown, metric.name)
        ),
        None,
    )
    if ranking is None:
        return None
    height_mm = 30.0 + 7.0 * len(ranking.models)
    figure, (ax,) = panels(1, 1, width_mm=COLUMN_MM, height_mm=height_mm)
    for row, ranked in enumerate(ranking.models):
        colour = colour_of(study.models.index(ranked.model))
        for place, share in enumerate(ranked.rank_shares, start=1):
            ax.scatter(place, row, s=260 * share, color=colour, linewidths=0)
            if share >= 0.005:
                ax.annotate(
                    f"{100 * share:.0f} %",
                    (place, row),
                    xytext=(0, -12),
                    textcoords="offset points",
                    ha="center",
                    fontsize=6,
                )
    ax.set_yticks(range(len(ranking.models)), [each.model for each in ranking.models])
    ax.set_ylim(len(ranking.models) - 0.3, -0.6)
    ax.set_xticks(range(1, len(ranking.models) + 1))
    ax.set_xlim(0.5, len(ranking.models) + 0.5)
    ax.set_xlabel("Rank")
    return Drawing(
        name="ranking",
        caption=(
            f"Ranks by mean {metric.title} ({shown}) over bootstrap samples. "
            + _stability(ranking.kendall_tau)
        ),
        figure=figure,
    )


def _stability(tau: float | None) -> str:
    if tau is None:
        return "All models tie."
    return (
        f"Mean Kendall's tau between these rankings and that of all cases: {tau:.2f}."
    )
