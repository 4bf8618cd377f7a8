"""The files of one case -> its scores; what a worker process runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medseg.core.described_labels import DescribedLabels, all_labels_of
from medseg.core.errors import ErrorCode, MedSegError, UnusableInput
from medseg.core.evaluation import FailedCase
from medseg.core.lesions import LesionRules
from medseg.core.scores import Scores
from medseg.core.volume import Segmentation, Volume, grid_difference
from medseg.evaluation.pairing import CaseFiles
from medseg.io import read_segmentation, read_volume
from medseg.io.file_kinds import FileKind, kind_of_file
from medseg.io.reading import sha256_of_scan
from medseg.metrics import better_named, score_described
from medseg.preprocessing import resample_nearest


@dataclass(frozen=True, kw_only=True)
class CaseTask:
    """One case and how it is scored.

    Attributes:
        files: Of the case.
        described: What the labels mean; None for the names beside the files.
        has_ct: Whether the image is a CT scan.
        tolerance_mm: As `medseg.score` takes it.
        resample_reference: Whether a reference on another grid is brought onto the
            prediction's.
        lesions: How lesions are told apart.
        needs_hash: Whether the scan's hash is wanted even where only the image has it.
        is_by_reader: Whether the prediction is a reader's: what that ignores counts in
            neither map either. What a model says to ignore counts as wrong.
    """

    files: CaseFiles
    described: DescribedLabels | None
    has_ct: bool
    tolerance_mm: float | Mapping[str, float] | None
    resample_reference: bool
    lesions: LesionRules
    needs_hash: bool
    is_by_reader: bool = False


@dataclass(frozen=True, kw_only=True)
class ScoredCase:
    """Scores of a case, and what is known of the scan and of who predicted.

    Attributes:
        scores: Of the case.
        model: Name of the model that predicted; empty where not known.
        model_sha256: Hash over that model's weights; empty where not known.
        input_sha256: Hash of the scan; empty where not known.
        is_trained_on: Whether the prediction says its model was trained on the scan.
    """

    scores: Scores
    model: str = ""
    model_sha256: str = ""
    input_sha256: str = ""
    is_trained_on: bool = False


def scored_or_failed(task: CaseTask) -> ScoredCase | FailedCase:
    """Scores of a case, or why it has none."""
    try:
        return scored_case(task)
    except MedSegError as error:
        return failed_case(task, error)
    except MemoryError:
        return failed_case(
            task,
            UnusableInput(
                ErrorCode.OUT_OF_MEMORY,
                "there is not enough memory for this case",
                where=task.files.prediction,
                remedy="Use fewer --workers, or a machine with more memory.",
            ),
        )


def died_case(task: CaseTask) -> FailedCase:
    """Why there are no scores of a case whose process ended without an answer."""
    return failed_case(
        task,
        UnusableInput(
            ErrorCode.WORKER_DIED,
            "the process that scored it was killed or crashed, twice",
            where=task.files.prediction,
            remedy="Look at this case alone; it may need more memory than there is.",
        ),
    )


def failed_case(task: CaseTask, error: MedSegError) -> FailedCase:
    """A case that could not be scored, for the list of those."""
    return FailedCase(
        case_id=task.files.case_id,
        code=error.code,
        what=error.what,
        message=str(error),
    )


def scored_case(task: CaseTask) -> ScoredCase:
    """Read and compare the files of one case.

    Raises:
        MedSegError: What is wrong with a file, or keeps the two from being compared.
    """
    prediction, reference = _labels_of(task)
    notes: tuple[str, ...] = ()
    if task.resample_reference:
        reference, notes = _on_grid_of(prediction, reference)
    scan = _read_ct(task.files.image) if task.files.image and task.has_ct else None
    if task.is_by_reader:
        reference = _ignoring_both(prediction, reference, task.described)
    scores = score_described(
        prediction,
        reference,
        task.described,
        scan,
        tolerance_mm=task.tolerance_mm,
        lesions=task.lesions,
    )
    made = prediction.provenance
    return ScoredCase(
        scores=replace(
            scores, case_id=task.files.case_id, notes=(*notes, *scores.notes)
        ),
        model=made.model if made else "",
        model_sha256=made.model_sha256 if made else "",
        input_sha256=(made.input_sha256 if made else "") or _hash(task, scan),
        is_trained_on=made is not None and made.is_trained_on,
    )


def _labels_of(task: CaseTask) -> tuple[Segmentation, Segmentation]:
    """Both label maps, each numbered label named as the other side names it.

    One out of DICOM is put on the grid of the scan, where that is known.
    """
    files = task.files
    is_dicom = {path: kind_of_file(path) is FileKind.DICOM for path in files.label_maps}
    scan = read_volume(files.image) if files.image and any(is_dicom.values()) else None
    prediction, reference = (
        read_segmentation(path, labels, source=scan if is_dicom[path] else None)
        for path, labels in zip(
            files.label_maps, (None, all_labels_of(task.described)), strict=True
        )
    )
    return (
        replace(prediction, labels=better_named(prediction.labels, reference.labels)),
        replace(reference, labels=better_named(reference.labels, prediction.labels)),
    )


def _on_grid_of(
    prediction: Segmentation, reference: Segmentation
) -> tuple[Segmentation, tuple[str, ...]]:
    if prediction.geometry.is_same_grid(reference.geometry):
        return reference, ()
    note = (
        "the reference was resampled onto the prediction's grid by nearest neighbour ("
        f"{grid_difference(prediction.geometry, reference.geometry)})"
    )
    return resample_nearest(reference, prediction.geometry), (note,)


def _ignoring_both(
    prediction: Segmentation, reference: Segmentation, described: DescribedLabels | None
) -> Segmentation:
    """The reference, which ignores what the other map ignores as well."""
    ignore_id = None if described is None else described.ignore_id
    if ignore_id is None or prediction.array.shape != reference.array.shape:
        return reference
    ignored = prediction.array == ignore_id
    array = np.where(ignored, np.uint16(ignore_id), reference.array)
    return replace(reference, array=array)


def _hash(task: CaseTask, scan: Volume | None) -> str:
    if scan is not None:
        return scan.sha256
    if task.needs_hash and task.files.image is not None:
        return sha256_of_scan(task.files.image)
    return ""


def _read_ct(path: Path) -> Volume:
    """A scan given as CT; DICOM says itself what it is, other formats do not."""
    scan = read_volume(path)
    return replace(scan, channels=("CT",)) if scan.channels == ("image",) else scan
