"""Reliability diagrams and risk over coverage."""

from medseg.study.figures.style import (
    PAGE_MM,
    QUIET,
    Drawing,
    colour_of,
    marker_of,
    panels,
    titled,
)
from medseg.study.nouns import Study

_PANEL_MM = 58.0


def draw_calibration(study: Study) -> Drawing | None:
    """A panel a structure: how often the reference agrees with each probability."""
    shown = [s for s in study.structures if _has(study, s)]
    if not shown:
        return None
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure, axes = panels(rows, columns, width_mm=PAGE_MM, height_mm=_PANEL_MM * rows)
    for ax, structure in zip(axes, shown, strict=False):
        ax.plot([0, 1], [0, 1], color=QUIET, linewidth=0.6)
        for each in study.calibrations:
            if each.structure == structure:
                place = study.models.index(each.model)
                ax.plot(
                    [part.confidence for part in each.bins],
                    [part.frequency for part in each.bins],
                    marker=marker_of(place),
                    markersize=3,
                    color=colour_of(place),
                    label=f"{each.model} (ECE {each.expected_error:.3f})",
                )
        ax.set_title(titled(structure))
        ax.set_xlabel("Probability")
        ax.legend(loc="upper left")
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    for ax in axes[::columns]:
        ax.set_ylabel("Share in the reference")
    return Drawing(
        name="calibration",
        caption=(
            "Reliability: share of voxels in the reference among those to which the "
            "model gave each probability, within 10 mm of the structure. On the line "
            "probabilities are what they say; ECE is the expected calibration error."
        ),
        figure=figure,
    )


def draw_risks(study: Study) -> Drawing | None:
    """A panel a structure: mean error over the surest cases."""
    shown = [s for s in study.structures if any(r.structure == s for r in study.risks)]
    if not shown:
        return None
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure, axes = panels(rows, columns, width_mm=PAGE_MM, height_mm=_PANEL_MM * rows)
    for ax, structure in zip(axes, shown, strict=False):
        for each in study.risks:
            if each.structure == structure:
                ax.plot(
                    each.coverage,
                    each.risk,
                    color=colour_of(study.models.index(each.model)),
                    label=f"{each.model} (AURC {each.aurc:.3f})",
                )
        ax.set_title(titled(structure))
        ax.set_xlabel("Share of cases kept, the surest first")
        ax.legend(loc="best")
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    for ax in axes[::columns]:
        ax.set_ylabel("Mean of 1 \N{MINUS SIGN} Dice")
    return Drawing(
        name="risk_coverage",
        caption=(
            "Error over the cases that are kept when those of least confidence are set "
            "aside. A curve that falls to the left means the model's doubt is worth "
            "heeding. AURC is the area under the curve."
        ),
        figure=figure,
    )


def _has(study: Study, structure: str) -> bool:
    return any(each.structure == structure for each in study.calibrations)
