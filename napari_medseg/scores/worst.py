"""From a score to the place that caused it; knows no Qt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

import medseg
from napari_medseg.scores.work import Comparison, Pair
from napari_medseg.structures.contents import Position, shown_at

Curves = tuple[medseg.SliceCounts, medseg.SliceCounts, medseg.SliceCounts]

PLANES = ("axial", "coronal", "sagittal")
"""Names of slices across S, A, R."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A place worth a look.

    Attributes:
        position: (S, A, R) as shown, in mm.
        words: What is there.
    """

    position: Position
    words: str


def stops_of(
    comparison: Comparison, label: int, curves: Curves, axis: int
) -> tuple[Stop, ...]:
    """Where one click after the other leads: the structure, then where it is worst.

    Args:
        comparison: What was scored.
        label: The structure.
        curves: Its voxels slice by slice, along S, A and R.
        axis: The one of these that slices are looked at along.
    """
    stops = []
    if label in comparison.places:
        words = "the structure"
        stops.append(Stop(position=comparison.places[label], words=words))
    for scores in comparison.scores.lesions:
        lesion = worst_lesion(scores) if scores.label == label else None
        if lesion is not None:
            stops.append(_lesion_stop(lesion, comparison.pair))
    pair, counts = comparison.pair, curves[axis]
    worst = worst_slice(counts)
    if worst is not None:
        index = medseg.largest_error(
            pair.prediction, pair.reference, label, axis=axis, index=worst
        )
        words = (
            f"worst {PLANES[axis]} {slice_words(worst, len(counts.wrong))}: "
            f"Dice {counts.dice[worst]:.2f}"
        )
        if index is not None:
            position = shown_at(pair.placement, index)
            stops.append(Stop(position=position, words=words))
    return tuple(stops)


def slice_words(index: int, count: int) -> str:
    """A slice by the number that napari's slider has for it, which counts from 0.

    Args:
        index: Of the slice, from 0.
        count: How many slices there are.
    """
    return f"slice {index} (of 0 to {count - 1})"


def worst_slice(counts: medseg.SliceCounts) -> int | None:
    """The slice with the most wrong voxels; None when nothing is wrong.

    That with the lowest Dice is no help: it is one of the ends of the structure, where
    a handful of voxels decide.
    """
    wrong = counts.wrong
    return int(wrong.argmax()) if wrong.any() else None


def worst_lesion(scores: medseg.LesionScores) -> medseg.Lesion | None:
    """The largest missed one, else the largest spurious one, else the least IoU."""
    missed = _alone(scores.lesions, medseg.Side.REFERENCE)
    spurious = _alone(scores.lesions, medseg.Side.PREDICTION)
    for lesions in (missed, spurious):
        if lesions:
            return max(lesions, key=lambda lesion: lesion.volume_ml)
    return min(scores.lesions, key=lambda lesion: lesion.iou, default=None)


def _alone(
    lesions: Iterable[medseg.Lesion], side: medseg.Side
) -> Sequence[medseg.Lesion]:
    return [each for each in lesions if each.side is side and each.partner is None]


def _lesion_stop(lesion: medseg.Lesion, pair: Pair) -> Stop:
    if lesion.partner is not None:
        words = f"worst lesion: IoU {lesion.iou:.2f}"
    elif lesion.side is medseg.Side.REFERENCE:
        words = f"missed lesion of {lesion.volume_ml:.2f} ml"
    else:
        words = f"spurious lesion of {lesion.volume_ml:.2f} ml"
    index = pair.placement.shown.to_index(lesion.centre_ras_mm)
    position = shown_at(pair.placement, np.round(index).tolist())
    return Stop(position=position, words=words)
