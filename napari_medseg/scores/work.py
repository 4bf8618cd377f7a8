"""Scores of two Labels layers and the way to each structure; knows no Qt.

Both label maps and the scan are turned to the axes they are shown with before they are
compared, so that a reference in a NIfTI file and a prediction on a DICOM series fit
together when their voxels are the same, whatever the order they are stored in.
"""

from dataclasses import dataclass, replace

import numpy as np

import medseg
from napari_medseg.layers.naming import disagreements, with_names_of
from napari_medseg.layers.placement import Placement
from napari_medseg.structures.contents import (
    Position,
    as_shown,
    as_tab_separated,
    shown_at,
)

STATES = {
    medseg.MaskState.BOTH_PRESENT: "in both",
    medseg.MaskState.REFERENCE_EMPTY: "not in the reference",
    medseg.MaskState.PREDICTION_EMPTY: "not found",
    medseg.MaskState.BOTH_EMPTY: "in neither",
}
_MOST_VOXELS_AT_ONCE = 10_000_000
_MOST_NAMES = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """What is compared, on the axes S, A, R it is shown with.

    Attributes:
        prediction: The label map to judge.
        reference: The one to compare with.
        scan: For Hounsfield units.
        placement: How the three are shown.
        tolerance_mm: Of the NSD.
    """

    prediction: medseg.Segmentation
    reference: medseg.Segmentation
    scan: medseg.Volume | None
    placement: Placement
    tolerance_mm: float | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Scores of one case, with what the table needs beside the numbers.

    Attributes:
        pair: What was compared.
        scores: One row a structure.
        colours: Red, green, blue of each label.
        warning: What to mind when reading the table; empty for nothing.
        places: For each label present, a point inside it, (S, A, R) as shown, in mm.
        is_trained_on: Whether the model that predicted was trained on this scan.
    """

    pair: Pair
    scores: medseg.Scores
    colours: dict[int, tuple[int, int, int]]
    warning: str
    places: dict[int, Position]
    is_trained_on: bool = False

    @property
    def evaluation(self) -> medseg.Evaluation:
        """The same as tables are written from."""
        case_id = self.scores.case_id
        return medseg.Evaluation(
            cases=(self.scores,), trained_on=(case_id,) if self.is_trained_on else ()
        )


def compare(
    prediction: medseg.Segmentation,
    reference: medseg.Segmentation,
    scan: medseg.Volume | None,
    tolerance_mm: float | None = None,
) -> Comparison:
    """Score a prediction and find where each structure lies.

    Raises:
        UnusableInput: GRID_MISMATCH, when the voxels do not correspond.
    """
    pair = Pair(
        prediction=as_shown(prediction),
        reference=as_shown(with_names_of(reference, prediction)),
        scan=None if scan is None else _scan_as_shown(scan),
        placement=Placement.of(prediction.geometry),
        tolerance_mm=tolerance_mm,
    )
    scores = medseg.score(
        pair.prediction, pair.reference, pair.scan, tolerance_mm=tolerance_mm
    )
    return _described(pair, scores)


@dataclass(frozen=True, eq=False, kw_only=True)
class Update:
    """What an edit, or a move, has led to.

    Attributes:
        comparison: With the edit; None when that takes too long to do unasked, or the
            labels were moved.
        words: What is told of it; empty where nothing was changed.
    """

    comparison: Comparison | None
    words: str


def update(
    before: Comparison, prediction: medseg.Segmentation, reference: medseg.Segmentation
) -> Update:
    """Score again what was edited, when that is quick.

    Args:
        before: The comparison as it was.
        prediction: The label map to judge, as it is now.
        reference: The one to compare with, as it is now.
    """
    pair = replace(
        before.pair,
        prediction=as_shown(prediction),
        reference=as_shown(with_names_of(reference, prediction)),
    )
    if not _lie_as_before(before.pair, pair):
        words = "The labels lie on other voxels than before: compute again."
        return Update(comparison=None, words=words)
    edited = edited_labels(before.pair.prediction, pair.prediction)
    edited |= edited_labels(before.pair.reference, pair.reference)
    if not edited:
        return Update(comparison=before, words="")
    names = _names_of(before, edited)
    if _voxels_of(before, edited) > _MOST_VOXELS_AT_ONCE:
        return Update(comparison=None, words=f"Edited: {names}. Compute again.")
    scores = medseg.update_scores(
        before.scores,
        pair.prediction,
        pair.reference,
        edited,
        pair.scan,
        tolerance_mm=pair.tolerance_mm,
    )
    updated = _described(pair, scores)
    return Update(comparison=updated, words=f"Updated after an edit: {names}.")


def edited_labels(
    before: medseg.Segmentation, after: medseg.Segmentation
) -> frozenset[int]:
    """Labels that have gained or lost a voxel, on the same grid."""
    changed = before.array != after.array
    gone, come = np.unique(before.array[changed]), np.unique(after.array[changed])
    return frozenset({*gone.tolist(), *come.tolist()} - {0})


def _lie_as_before(before: Pair, after: Pair) -> bool:
    return before.prediction.geometry.is_same_grid(
        after.prediction.geometry
    ) and before.reference.geometry.is_same_grid(after.reference.geometry)


def _names_of(comparison: Comparison, labels: frozenset[int]) -> str:
    names = {row.label: row.structure for row in comparison.scores.rows}
    words = [names.get(label, f"label {label}") for label in sorted(labels)]
    more = ", …" if len(words) > _MOST_NAMES else ""
    return ", ".join(words[:_MOST_NAMES]) + more


def _voxels_of(comparison: Comparison, labels: frozenset[int]) -> float:
    voxel_ml = comparison.pair.reference.geometry.voxel_volume_ml
    return sum(
        (row.volume_ml + row.reference_volume_ml) / voxel_ml
        for row in comparison.scores.rows
        if row.label in labels
    )


def _described(pair: Pair, scores: medseg.Scores) -> Comparison:
    prediction, reference = pair.prediction, pair.reference
    made = prediction.provenance
    is_trained_on = made is not None and made.is_trained_on
    conflicts = disagreements(prediction.labels, reference.labels)[:1]
    if is_trained_on:
        conflicts.append("the model was trained on this scan, this is no validation")
    structures = (*reference.labels, *prediction.labels)
    placement = pair.placement
    return Comparison(
        pair=pair,
        scores=scores,
        colours={structure.id: structure.colour for structure in structures},
        warning=f"Mind: {'; '.join(conflicts)}." if conflicts else "",
        places=places_of(reference, placement) | places_of(prediction, placement),
        is_trained_on=is_trained_on,
    )


def places_of(shown: medseg.Segmentation, placement: Placement) -> dict[int, Position]:
    """A point inside each label that has a voxel.

    Args:
        shown: Label map on the axes S, A, R.
        placement: How it is shown.
    """
    return {
        each.structure.id: shown_at(placement, each.inside)
        for each in medseg.measure_structures(shown)
        if each.inside is not None
    }


def as_tsv(evaluation: medseg.Evaluation) -> str:
    """The scores as a spreadsheet takes them from the clipboard."""
    table = medseg.scores_csv(evaluation.cases, evaluation.trained_on)
    return as_tab_separated(table)


def _scan_as_shown(volume: medseg.Volume) -> medseg.Volume:
    placement = Placement.of(volume.geometry)
    array = np.stack([placement.to_shown(channel) for channel in volume.array])
    return replace(volume, array=array, geometry=placement.shown)
