"""Bland-Altman plots of volumes."""

import numpy as np
from matplotlib.axes import Axes

from medseg.study.figures.style import (
    INK,
    PAGE_MM,
    QUIET,
    Drawing,
    colour_of,
    panels,
    titled,
)
from medseg.study.nouns import Study
from medseg.study.results import VolumeAgreement

_PANEL_MM = 55.0


def draw_volumes(study: Study, model: str) -> Drawing | None:
    """A panel a structure: difference of the volumes over their mean."""
    found = [each for each in study.volumes if each.model == model]
    if not found:
        return None
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    figure, axes = panels(rows, columns, width_mm=PAGE_MM, height_mm=_PANEL_MM * rows)
    colour = colour_of(study.models.index(model))
    for ax, each in zip(axes, found, strict=False):
        _panel(ax, each, colour)
    for ax in axes[len(found) :]:
        ax.set_visible(False)
    for ax in axes[::columns]:
        ax.set_ylabel("Prediction \N{MINUS SIGN} reference (ml)")
    return Drawing(
        name=f"volumes_{study.models.index(model) + 1}",
        caption=(
            f"Volumes by {model} against the reference (Bland and Altman, 1986): bias "
            "(solid) and limits of agreement (dashed) with their "
            f"{100 * study.settings.bootstrap.level:g} % confidence intervals "
            "(shaded); the dotted line is the proportional bias."
        ),
        figure=figure,
    )


def _panel(ax: Axes, agreement: VolumeAgreement, colour: str) -> None:
    pairs = np.array(agreement.volumes_ml)
    middle, difference = pairs.mean(axis=1), pairs[:, 1] - pairs[:, 0]
    ax.scatter(middle, difference, s=6, color=colour, alpha=0.5, linewidths=0)
    ax.axhline(0, color=QUIET, linewidth=0.5)
    for estimate, line in (
        (agreement.bias_ml, "-"),
        (agreement.lower_limit_ml, "--"),
        (agreement.upper_limit_ml, "--"),
    ):
        ax.axhline(estimate.value, color=INK, linewidth=1.0, linestyle=line)
        if estimate.low is not None and estimate.high is not None:
            ax.axhspan(estimate.low, estimate.high, color=QUIET, alpha=0.15, lw=0)
    ends = np.array([middle.min(), middle.max()])
    trend = agreement.bias_ml.value + agreement.slope.value * (ends - middle.mean())
    ax.plot(ends, trend, color=INK, linewidth=1.0, linestyle=":")
    ax.set_title(titled(agreement.structure))
    ax.set_xlabel("Mean of both volumes (ml)")
