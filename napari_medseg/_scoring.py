"""Scores of two Labels layers and the way to each structure; knows no Qt.

Both label maps and the scan are turned to the axes they are shown with before they are
compared, so that a reference in a NIfTI file and a prediction on a DICOM series fit
together when their voxels are the same, whatever the order they are stored in.
"""

import csv
import io
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

import medseg
from napari_medseg._placement import Placement

Position = tuple[float, float, float]

STATES = {
    medseg.MaskState.BOTH_PRESENT: "in both",
    medseg.MaskState.REFERENCE_EMPTY: "not in the reference",
    medseg.MaskState.PREDICTION_EMPTY: "not found",
    medseg.MaskState.BOTH_EMPTY: "in neither",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Scores of one case, with what the table needs beside the numbers.

    Attributes:
        scores: One row a structure.
        colours: Red, green, blue of each label.
        warning: What to mind when reading the table; empty for nothing.
        places: For each label present, a point inside it, (S, A, R) as shown, in mm.
        is_trained_on: Whether the model that predicted was trained on this scan.
    """

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
) -> Comparison:
    """Score a prediction and find where each structure lies.

    Raises:
        UnusableInput: GRID_MISMATCH, when the voxels do not correspond.
    """
    shown = _as_shown(prediction)
    truth = _as_shown(with_names_of(reference, prediction))
    scores = medseg.score(shown, truth, None if scan is None else _scan_as_shown(scan))
    placement = Placement.of(prediction.geometry)
    made = prediction.provenance
    is_trained_on = made is not None and made.is_trained_on
    conflicts = disagreements(prediction.labels, reference.labels)[:1]
    if is_trained_on:
        conflicts.append("the model was trained on this scan, this is no validation")
    structures = (*reference.labels, *prediction.labels)
    return Comparison(
        scores=scores,
        colours={structure.id: structure.colour for structure in structures},
        warning=f"Mind: {'; '.join(conflicts)}." if conflicts else "",
        places=places_of(truth.array, placement) | places_of(shown.array, placement),
        is_trained_on=is_trained_on,
    )


def places_of(array: np.ndarray, placement: Placement) -> dict[int, Position]:
    """A point inside each label, its voxel nearest to its centre of gravity.

    Args:
        array: Label map (S, A, R) as it is shown.
        placement: How it is shown.
    """
    boxes = ndimage.find_objects(array)
    scale, translate = np.array(placement.scale), np.array(placement.translate)
    places = {}
    for label, box in enumerate(boxes, start=1):
        if box is not None:
            start = [axis.start for axis in box]
            voxels = np.argwhere(array[box] == label) + start
            offsets = (voxels - voxels.mean(axis=0)) * scale
            nearest = voxels[np.argmin((offsets**2).sum(axis=1))]
            s, a, r = nearest * scale + translate
            places[label] = float(s), float(a), float(r)
    return places


def as_tsv(evaluation: medseg.Evaluation) -> str:
    """The scores as a spreadsheet takes them from the clipboard."""
    text = io.StringIO()
    table = medseg.scores_csv(evaluation.cases, evaluation.trained_on)
    rows = csv.reader(io.StringIO(table))
    csv.writer(text, "excel-tab", lineterminator="\n").writerows(rows)
    return text.getvalue()


def with_names_of(
    reference: medseg.Segmentation, prediction: medseg.Segmentation
) -> medseg.Segmentation:
    """The reference, its nameless labels called what the prediction calls them."""
    names = {structure.id: structure.name for structure in prediction.labels}
    taken = set(reference.labels.names)
    structures = tuple(
        replace(structure, name=names[structure.id])
        if is_nameless(structure) and names.get(structure.id, "") not in {"", *taken}
        else structure
        for structure in reference.labels
    )
    return replace(reference, labels=medseg.LabelSet(structures))


def disagreements(prediction: medseg.LabelSet, reference: medseg.LabelSet) -> list[str]:
    """Labels that mean one structure in one map and another in the other, in words."""
    names = {structure.id: structure for structure in prediction}
    return [
        f"label {truth.id} is {names[truth.id].name} in the prediction, "
        f"{truth.name} in the reference"
        for truth in reference
        if truth.id in names
        and not is_nameless(truth)
        and not is_nameless(names[truth.id])
        and truth.name.casefold() != names[truth.id].name.casefold()
    ]


def is_nameless(structure: medseg.Structure) -> bool:
    """Whether a structure has only its number for a name."""
    return structure.name == f"label {structure.id}"


def _as_shown(segmentation: medseg.Segmentation) -> medseg.Segmentation:
    placement = Placement.of(segmentation.geometry)
    array = np.ascontiguousarray(placement.to_shown(segmentation.array))
    return replace(segmentation, array=array, geometry=placement.shown)


def _scan_as_shown(volume: medseg.Volume) -> medseg.Volume:
    placement = Placement.of(volume.geometry)
    array = np.stack([placement.to_shown(channel) for channel in volume.array])
    return replace(volume, array=array, geometry=placement.shown)
