"""Which lesions are found: by overlap asked for and by size."""

import numpy as np
from matplotlib.axes import Axes

from medseg.study.figures.style import (
    PAGE_MM,
    Drawing,
    colour_of,
    marker_of,
    panels,
    titled,
)
from medseg.study.nouns import Study
from medseg.study.results import Estimate, LesionDetection, VolumeBin


def draw_lesions(study: Study, structure: str) -> Drawing | None:
    """Sensitivity and F1 over the IoU asked for, and sensitivity by volume."""
    found = [each for each in study.detections if each.structure == structure]
    if not found:
        return None
    figure, axes = panels(1, 3, width_mm=PAGE_MM, height_mm=58.0)
    for each in found:
        place = study.models.index(each.model)
        _over_iou(axes[0], each, place, [p.sensitivity for p in each.points])
        _over_iou(axes[1], each, place, [p.f1 for p in each.points])
        _by_volume(axes[2], each, place, len(found))
    bins = found[0].volume_bins
    axes[0].set_ylabel("Sensitivity")
    axes[1].set_ylabel("F1")
    axes[2].set_ylabel("Sensitivity")
    for ax in axes[:2]:
        ax.set_xlabel("IoU of a match above")
    axes[2].set_xlabel("Volume of the lesion (ml)")
    axes[2].set_xticks(range(len(bins)), [_range(each) for each in bins])
    for ax in axes:
        ax.set_ylim(-0.03, 1.03)
    axes[0].legend(loc="lower left")
    axes[0].set_title(titled(structure))
    lesions = sum(each.lesions for each in bins)
    return Drawing(
        name=f"lesions_{study.structures.index(structure) + 1}",
        caption=(
            f"Detection of {lesions} lesions ({structure}), pooled over cases, with "
            f"{100 * study.settings.bootstrap.level:g} % confidence intervals. By "
            "volume: lesions matched at any overlap; n below each bin."
        ),
        figure=figure,
    )


def _over_iou(
    ax: Axes, detection: LesionDetection, place: int, estimates: list[Estimate | None]
) -> None:
    points = [
        (point.iou_threshold, estimate)
        for point, estimate in zip(detection.points, estimates, strict=True)
        if estimate is not None
    ]
    if not points:
        return
    colour = colour_of(place)
    at = [threshold for threshold, _ in points]
    ax.plot(
        at,
        [estimate.value for _, estimate in points],
        marker=marker_of(place),
        markersize=3.5,
        color=colour,
        label=detection.model,
    )
    ends = [(each.low, each.high) for _, each in points]
    if all(low is not None and high is not None for low, high in ends):
        low, high = np.array(ends, dtype=np.float64).T
        ax.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)


def _by_volume(ax: Axes, detection: LesionDetection, place: int, models: int) -> None:
    aside = (place - (models - 1) / 2) * 0.2
    for at, each in enumerate(detection.volume_bins):
        if each.sensitivity is None:
            continue
        estimate, colour = each.sensitivity, colour_of(place)
        ax.plot(
            at + aside, estimate.value, marker_of(place), color=colour, markersize=3.5
        )
        if estimate.low is not None and estimate.high is not None:
            ax.plot([at + aside] * 2, [estimate.low, estimate.high], color=colour)


def _range(each: VolumeBin) -> str:
    ends = f"> {each.from_ml:g}" if each.to_ml is None else f"\u2264 {each.to_ml:g}"
    return f"{ends}\nn = {each.lesions}"
