"""From a score to the place that caused it; knows no Qt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

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
    worst = worst_slice(curves[axis])
    if worst is not None:
        stops.append(_slice_stop(comparison.pair, label, curves[axis], axis, worst))
    return tuple(stops)


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


def _slice_stop(
    pair: Pair, label: int, counts: medseg.SliceCounts, axis: int, worst: int
) -> Stop:
    """In the middle of the largest patch of wrong voxels of the slice."""
    judged = pair.prediction.array.take(worst, axis) == label
    truth = pair.reference.array.take(worst, axis) == label
    patches, count = ndimage.label(judged ^ truth)
    sizes = ndimage.sum_labels(judged ^ truth, patches, range(1, count + 1))
    voxels = np.argwhere(patches == int(np.argmax(sizes)) + 1)
    apart = voxels - voxels.mean(axis=0)
    index = voxels[np.argmin((apart**2).sum(axis=1))].tolist()
    index.insert(axis, worst)
    words = (
        f"worst {PLANES[axis]} slice, {worst + 1} of {len(counts.wrong)}: "
        f"Dice {counts.dice[worst]:.2f}"
    )
    return Stop(position=shown_at(pair.placement, index), words=words)
