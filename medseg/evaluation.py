"""Predictions and references on disk -> scores, for one pair or whole folders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from medseg.core.errors import ErrorCode, MedSegError, UnusableInput, WrongUse
from medseg.core.labels import LabelSet
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.provenance import Provenance
from medseg.core.scores import (
    Evaluation,
    FailedCase,
    MaskState,
    Scores,
    StructureScore,
)
from medseg.core.volume import Volume
from medseg.io import (
    read_dataset,
    read_segmentation,
    read_volume,
    written_whole,
)
from medseg.io.checks import case_id_of, reading_errors, require_there
from medseg.io.decathlon import DESCRIPTION_NAME, read_dataset_labels
from medseg.io.file_kinds import is_hidden, kind_of_name
from medseg.io.safe_writing import require_absent
from medseg.metrics import score
from medseg.models import list_models
from medseg.report import scores_csv, scores_json


@dataclass(frozen=True, kw_only=True)
class _References:
    """What to compare with: a file a case, names of the labels, scans where known."""

    files: Mapping[str, Path]
    labels: LabelSet | None
    ct_scans: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _ScoredCase:
    """Scores of a case, and whether the model that predicted it was trained on it."""

    scores: Scores
    is_trained_on: bool


def evaluate(
    prediction: Path | str,
    reference: Path | str,
    *,
    images: Path | str | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> Evaluation:
    """Score one prediction, or every prediction of a folder.

    In folders, files belong together that have the same name before the suffix. One
    case that cannot be scored does not stop the others: it is listed, as is every
    prediction and every reference that is alone. So is every case that the shipped
    model which predicted it was trained on.

    Args:
        prediction: A label map or a folder of them.
        reference: The same, or the folder of a dataset in decathlon (MSD) layout. The
            names of the labels come from a `dataset.json` in or above it, else from the
            JSON beside each file.
        images: CT scan or a folder of them, named likewise: adds Hounsfield units. A
            CT dataset in decathlon layout brings its own.
        on_progress: Called after every case; may raise `Cancelled`.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE; NO_PAIRS when no name is in both
            folders; of one pair also whatever is wrong with it.
        WrongUse: INVALID_OPTION when one is a file and the others are folders.
    """
    prediction, reference = Path(prediction), Path(reference)
    scans = None if images is None else Path(images)
    for path in (prediction, reference, *([] if scans is None else [scans])):
        require_there(path)
    if prediction.is_dir() != reference.is_dir():
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "one is a file and the other a folder",
            where=f"{prediction} and {reference}",
            remedy="Give two files or two folders.",
        )
    if not prediction.is_dir():
        labels = _labels_near(reference.parent)
        return _evaluation([_scored(prediction, reference, labels, scans)])
    if scans is not None and not scans.is_dir():
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "the predictions are in a folder, the images are one file",
            where=scans,
            remedy="Give the folder of the scans, each named as its prediction.",
        )
    return _evaluate_folders(prediction, reference, scans, on_progress)


def write_scores(
    evaluation: Evaluation, path: Path | str, *, overwrite: bool = False
) -> None:
    """Write scores as a tidy table (.csv), or with means and definitions (.json).

    Raises:
        WrongUse: UNKNOWN_FORMAT or OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    path = Path(path)
    require_writable_scores(path, overwrite=overwrite)
    is_csv = path.suffix.lower() == ".csv"
    text = scores_csv(evaluation.cases) if is_csv else scores_json(evaluation)
    with written_whole(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def require_writable_scores(path: Path | str, *, overwrite: bool = False) -> None:
    """Refuse, before any case is scored, a table that could not be written.

    Raises:
        WrongUse: UNKNOWN_FORMAT or OUTPUT_EXISTS.
    """
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".json"):
        raise WrongUse(
            ErrorCode.UNKNOWN_FORMAT,
            f"scores are not written as {path.suffix or 'a file without suffix'}",
            where=path,
            remedy="Use a name that ends in .csv or .json.",
        )
    require_absent(path, overwrite=overwrite)


def _evaluate_folders(
    prediction: Path,
    reference: Path,
    images: Path | None,
    on_progress: ProgressCallback,
) -> Evaluation:
    predictions = _files_by_case(prediction)
    references = _references(reference)
    scans = references.ct_scans if images is None else _files_by_case(images)
    paired = sorted(predictions.keys() & references.files.keys())
    if not paired:
        raise _no_pairs(prediction, predictions, references.files)
    cases: list[_ScoredCase] = []
    failed: list[FailedCase] = []
    for done, case_id in enumerate(paired, start=1):
        files = predictions[case_id], references.files[case_id]
        try:
            cases.append(_scored(*files, references.labels, scans.get(case_id)))
        except MedSegError as error:
            failed.append(
                FailedCase(
                    case_id=case_id,
                    code=error.code,
                    what=error.what,
                    message=str(error),
                )
            )
        on_progress(
            Progress(stage="scoring", done=done, total=len(paired), note=case_id)
        )
    return replace(
        _evaluation(cases),
        missing=tuple(sorted(references.files.keys() - predictions.keys())),
        surplus=tuple(sorted(predictions.keys() - references.files.keys())),
        failed=tuple(failed),
    )


def _evaluation(cases: Sequence[_ScoredCase]) -> Evaluation:
    return Evaluation(
        cases=_with_every_structure([case.scores for case in cases]),
        trained_on=tuple(case.scores.case_id for case in cases if case.is_trained_on),
    )


def _scored(
    prediction: Path, reference: Path, labels: LabelSet | None, image: Path | None
) -> _ScoredCase:
    predicted = read_segmentation(prediction)
    scores = score(
        predicted,
        read_segmentation(reference, labels),
        None if image is None else _read_ct(image),
    )
    return _ScoredCase(
        scores=replace(scores, case_id=case_id_of(prediction)),
        is_trained_on=_is_trained_on(predicted.provenance),
    )


def _is_trained_on(made: Provenance | None) -> bool:
    """Whether a shipped model made this from a scan that it was trained on."""
    return made is not None and any(
        made.input_sha256 in model.training.image_sha256
        for model in list_models()
        if model.name == made.model
    )


def _read_ct(path: Path) -> Volume:
    """A scan given as CT; DICOM says itself what it is, other formats do not."""
    scan = read_volume(path)
    return replace(scan, channels=("CT",)) if scan.channels == ("image",) else scan


def _references(folder: Path) -> _References:
    if not (folder / "labelsTr").is_dir():
        return _References(files=_files_by_case(folder), labels=_labels_near(folder))
    dataset = read_dataset(folder)
    is_ct = dataset.channels == ("CT",)
    return _References(
        files={case.id: case.reference for case in dataset.cases if case.reference},
        labels=dataset.labels,
        ct_scans={case.id: case.images[0] for case in dataset.cases} if is_ct else {},
    )


def _labels_near(folder: Path) -> LabelSet | None:
    """Names that a dataset's description in the folder, or just above it, gives."""
    for candidate in (folder / DESCRIPTION_NAME, folder.parent / DESCRIPTION_NAME):
        if candidate.is_file():
            return read_dataset_labels(candidate)
    return None


def _files_by_case(folder: Path) -> dict[str, Path]:
    """Files of a folder whose name is an image's; hidden ones left out."""
    files: dict[str, Path] = {}
    with reading_errors(folder):
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    for path in paths:
        if kind_of_name(path) is None or is_hidden(path.name):
            continue
        other = files.setdefault(case_id_of(path), path)
        if other is not path:
            raise UnusableInput(
                ErrorCode.INVALID_DATASET,
                f"{other.name} and {path.name} are both called {case_id_of(path)}",
                where=folder,
                remedy="Keep one file a case.",
            )
    return files


def _with_every_structure(cases: Sequence[Scores]) -> tuple[Scores, ...]:
    """Give each case a row, both masks empty, for what only other cases hold."""
    names = {row.label: row.structure for case in reversed(cases) for row in case.rows}
    return tuple(
        replace(
            case,
            rows=tuple(
                sorted([*case.rows, *_absent(names, case)], key=lambda row: row.label)
            ),
        )
        for case in cases
    )


def _absent(names: Mapping[int, str], case: Scores) -> list[StructureScore]:
    scored = {row.label for row in case.rows}
    return [
        StructureScore(
            structure=name,
            label=label,
            state=MaskState.BOTH_EMPTY,
            dice=None,
            iou=None,
            volume_ml=0.0,
            reference_volume_ml=0.0,
        )
        for label, name in names.items()
        if label not in scored
    ]


def _no_pairs(
    folder: Path, predictions: Mapping[str, Path], references: Mapping[str, Path]
) -> UnusableInput:
    example = min(predictions, default="no file"), min(references, default="no file")
    return UnusableInput(
        ErrorCode.NO_PAIRS,
        f"no prediction is named as a reference is ({len(predictions)} predictions "
        f"such as {example[0]}, {len(references)} references such as {example[1]})",
        where=folder,
        remedy="Name each prediction as its reference.",
    )
