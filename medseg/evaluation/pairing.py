"""Which files belong together: those named alike before the suffix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medseg.core.described_labels import DescribedLabels
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.labels import LabelSet
from medseg.io import read_dataset
from medseg.io.checks import case_id_of, reading_errors, require_there
from medseg.io.datasets.reading import DESCRIPTION_NAME, read_described_labels
from medseg.io.file_kinds import DICOM_SUFFIXES, is_hidden, kind_of_name
from medseg.io.label_maps.companions import is_companion


@dataclass(frozen=True, kw_only=True)
class CaseFiles:
    """The files of one case.

    Attributes:
        case_id: Name of the case.
        prediction: Label map to judge.
        reference: Label map to compare with.
        image: The scan, where it is known.
    """

    case_id: str
    prediction: Path
    reference: Path
    image: Path | None = None

    @property
    def label_maps(self) -> tuple[Path, Path]:
        """Prediction and reference."""
        return self.prediction, self.reference


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """What is to be compared, and what is alone.

    Attributes:
        cases: By ascending case id.
        described: What the labels mean, where the references have that in common.
        has_ct: Whether the images are CT scans, which have Hounsfield units.
        missing: References without a prediction.
        surplus: Predictions without a reference.
    """

    cases: tuple[CaseFiles, ...]
    described: DescribedLabels | None
    has_ct: bool
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()

    @property
    def labels(self) -> LabelSet | None:
        """Names of the structures, where they are known."""
        return None if self.described is None else self.described.labels


@dataclass(frozen=True, kw_only=True)
class _References:
    """What to compare with: a file a case, what labels mean, scans where known."""

    files: Mapping[str, Path]
    described: DescribedLabels | None
    images: Mapping[str, Path] = field(default_factory=dict)
    is_ct: bool = False


def pairs_of(prediction: Path, reference: Path, images: Path | None) -> Pairs:
    """Pair two files or two folders, with CT scans where they are given.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE, EMPTY_FOLDER; INVALID_DATASET when two
            files are of one case; NO_PAIRS when no name is in both folders.
        WrongUse: INVALID_OPTION when one is a file and the others are folders.
    """
    for path in (prediction, reference, *([] if images is None else [images])):
        require_there(path)
    if prediction.is_dir() != reference.is_dir():
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "one is a file and the other a folder",
            where=f"{prediction} and {reference}",
            remedy="Give two files or two folders.",
        )
    if prediction.is_dir():
        return _pairs_of_folders(prediction, reference, images)
    files = CaseFiles(
        case_id=case_id_of(prediction),
        prediction=prediction,
        reference=reference,
        image=images,
    )
    described = described_near(reference.parent)
    return Pairs(cases=(files,), described=described, has_ct=images is not None)


def _pairs_of_folders(prediction: Path, reference: Path, images: Path | None) -> Pairs:
    if images is not None and not images.is_dir():
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "the predictions are in a folder, the images are one file",
            where=images,
            remedy="Give the folder of the scans, each named as its prediction.",
        )
    predictions = label_maps_by_case(prediction)
    references = _references(reference)
    scans = references.images if images is None else scans_by_case(images)
    paired = sorted(predictions.keys() & references.files.keys())
    if not paired:
        raise _no_pairs(prediction, predictions, references.files)
    return Pairs(
        cases=tuple(
            CaseFiles(
                case_id=case_id,
                prediction=predictions[case_id],
                reference=references.files[case_id],
                image=scans.get(case_id),
            )
            for case_id in paired
        ),
        described=references.described,
        has_ct=images is not None or references.is_ct,
        missing=tuple(sorted(references.files.keys() - predictions.keys())),
        surplus=tuple(sorted(predictions.keys() - references.files.keys())),
    )


def _references(folder: Path) -> _References:
    if not (folder / "labelsTr").is_dir():
        files = label_maps_by_case(folder)
        return _References(files=files, described=described_near(folder))
    dataset = read_dataset(folder)
    return _References(
        files={case.id: case.reference for case in dataset.cases if case.reference},
        described=dataset.described,
        images={case.id: case.images[0] for case in dataset.cases},
        is_ct=dataset.channels == ("CT",),
    )


def described_near(folder: Path) -> DescribedLabels | None:
    """What a dataset's description in the folder, or just above it, says of labels."""
    for candidate in (folder / DESCRIPTION_NAME, folder.parent / DESCRIPTION_NAME):
        if candidate.is_file():
            return read_described_labels(candidate)
    return None


def label_maps_by_case(folder: Path | str) -> dict[str, Path]:
    """Label maps in a folder, by case: files named as images are.

    Hidden files are left out, as are probabilities, uncertainty and instances.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE, EMPTY_FOLDER; INVALID_DATASET when two
            files are of one case.
    """
    folder = Path(folder)
    require_there(folder)
    with reading_errors(folder):
        paths = [path for path in folder.iterdir() if path.is_file()]
    return _by_case([path for path in paths if _is_named_as_image(path)], folder)


def scans_by_case(folder: Path | str) -> dict[str, Path]:
    """Scans in a folder, by case: files, and folders of DICOM series.

    Raises:
        UnusableInput: As `label_maps_by_case`.
    """
    folder = Path(folder)
    require_there(folder)
    with reading_errors(folder):
        paths = [path for path in folder.iterdir() if not is_hidden(path.name)]
    scans = [path for path in paths if path.is_dir() or _is_named_as_image(path)]
    return _by_case(scans, folder)


def _is_named_as_image(path: Path) -> bool:
    name = path.name.lower()
    is_image = kind_of_name(path) is not None or name.endswith(DICOM_SUFFIXES)
    return is_image and not is_hidden(name) and not is_companion(path)


def _by_case(paths: Sequence[Path], folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(paths):
        other = files.setdefault(case_id_of(path), path)
        if other is not path:
            raise UnusableInput(
                ErrorCode.INVALID_DATASET,
                f"{other.name} and {path.name} are both called {case_id_of(path)}",
                where=folder,
                remedy="Keep one file a case.",
            )
    if not files:
        raise UnusableInput(
            ErrorCode.EMPTY_FOLDER,
            "the folder holds no NIfTI, NRRD, MHA or .dcm file",
            where=folder,
            remedy="Give the folder the files lie in, not one above or below it.",
        )
    return files


def _no_pairs(
    folder: Path, predictions: Mapping[str, Path], references: Mapping[str, Path]
) -> UnusableInput:
    example = min(predictions), min(references)
    return UnusableInput(
        ErrorCode.NO_PAIRS,
        f"no prediction is named as a reference is ({len(predictions)} predictions "
        f"such as {example[0]}, {len(references)} references such as {example[1]})",
        where=folder,
        remedy="Name each prediction as its reference.",
    )
