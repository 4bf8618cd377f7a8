"""Scores after an edit: only the structures that were edited are compared again."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import find_objects

from medseg.core.labels import LabelSet
from medseg.core.scores import Scores
from medseg.core.volume import LabelArray, Segmentation, Volume, require_same_grid
from medseg.metrics.scoring import diagonal_mm, score

Box = tuple[slice, slice, slice]

_MOST_LABELS = 65536


def update_scores(
    scores: Scores,
    prediction: Segmentation,
    reference: Segmentation,
    edited: Collection[int],
    scan: Volume | None = None,
    *,
    tolerance_mm: float | None = None,
) -> Scores:
    """The scores that `score` would give, of which only some have changed.

    Only the part of the maps around the edited structures is looked at.

    Args:
        scores: Before the edit, with the lesion rules that `score` has by default.
        prediction: After it.
        reference: After it.
        edited: Labels that have gained or lost a voxel in either map.
        scan: The same as before.
        tolerance_mm: The same as before.

    Raises:
        UnusableInput: As `score` does.
    """
    where = f"prediction and reference of {prediction.case_id}"
    require_same_grid(prediction.geometry, reference.geometry, where=where)
    is_edited = np.zeros(_MOST_LABELS, bool)
    is_edited[list(edited)] = True
    box = _box(prediction.array, reference.array, edited)
    again = score(
        _cut(prediction, box, is_edited),
        _cut(reference, box, is_edited),
        None if scan is None else _cut_scan(scan, box),
        tolerance_mm=tolerance_mm,
    )
    names = {row.label: row.structure for row in scores.rows}
    rows = [row for row in scores.rows if row.label not in edited]
    rows += [
        replace(
            row,
            structure=names.get(row.label, row.structure),
            diagonal_mm=diagonal_mm(reference.geometry),  # the cut has another
        )
        for row in again.rows
        if row.label in edited
    ]
    lesions = [each for each in scores.lesions if each.label not in edited]
    lesions += [each for each in again.lesions if each.label in edited]
    return replace(
        scores,
        rows=tuple(sorted(rows, key=lambda row: row.label)),
        lesions=tuple(sorted(lesions, key=lambda each: each.label)),
    )


def _box(prediction: LabelArray, reference: LabelArray, edited: Collection[int]) -> Box:
    """Around the edited labels, with a voxel of margin where the image has one."""
    found = [
        boxes[label - 1]
        for boxes in (find_objects(prediction), find_objects(reference))
        for label in edited
        if label <= len(boxes) and boxes[label - 1] is not None
    ]
    i, j, k = (
        slice(
            max(0, min((box[axis].start for box in found), default=0) - 1),
            min(size, max((box[axis].stop for box in found), default=0) + 1),
        )
        for axis, size in enumerate(reference.shape)
    )
    return i, j, k


def _cut(
    segmentation: Segmentation, box: Box, is_edited: Bool[np.ndarray, " label"]
) -> Segmentation:
    part = segmentation.array[box]
    kept = (each for each in segmentation.labels if is_edited[each.id])
    return replace(
        segmentation,
        array=np.where(is_edited[part], part, 0).astype(part.dtype),
        geometry=segmentation.geometry.cropped(_start(box), part.shape),
        labels=LabelSet(tuple(kept)),
    )


def _cut_scan(scan: Volume, box: Box) -> Volume:
    part = scan.array[(slice(None), *box)]
    geometry = scan.geometry.cropped(_start(box), part.shape[1:])
    return replace(scan, array=part, geometry=geometry, source=())


def _start(box: Box) -> tuple[int, int, int]:
    i, j, k = box
    return i.start, j.start, k.start
