"""Where the files of a cohort are, guessed from one folder; knows no Qt."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import medseg
from napari_medseg.review.mixed import is_mixed

_TABLES = ("scores.csv", "scores.json")
_REFERENCES = {"labelstr", "references", "reference"}
_SCANS = {"imagestr", "imagests", "images", "scans"}
_LABELS_OF_NOBODY = {"labels", "masks"}
_MOST_MODELS = 2


@dataclass(frozen=True, kw_only=True)
class CohortFolders:
    """What is looked through together; each part may be missing.

    Attributes:
        root: The folder that was opened; notes and flags are kept in it.
        scans: Folder of scans, or a dataset in decathlon layout.
        references: Folder of references, or the same dataset.
        predictions: Folder of label maps of the first model; that of the scans where
            both lie in one.
        others: Folder of label maps of a second model to compare with.
        scores: Table of scores, or the folder of a study.
    """

    root: Path
    scans: Path | None = None
    references: Path | None = None
    predictions: Path | None = None
    others: Path | None = None
    scores: Path | None = None


def discover(root: Path) -> CohortFolders:
    """Guess from the names in a folder, and in those directly in it, what is what.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE.
    """
    try:
        folders = sorted(each for each in root.iterdir() if _is_seen_folder(each))
        holds_label_maps, is_both = _holds_label_maps(root), is_mixed(root)
    except OSError as error:
        raise medseg.UnusableInput(
            medseg.ErrorCode.NOT_READABLE,
            f"the folder cannot be read: {error.strerror or error}",
            where=root,
            remedy="Choose the folder of a cohort or study.",
        ) from error
    scans = _named(folders, _SCANS)
    references = _named(folders, _REFERENCES) or _named(folders, _LABELS_OF_NOBODY)
    others = [each for each in folders if each not in (scans, references)]
    models = [each for each in others if _holds_label_maps(each)][:_MOST_MODELS]
    if holds_label_maps:
        models = [root, *models][:_MOST_MODELS]
    tables = [root / name for name in _TABLES] + [
        folder / name for folder in others for name in _TABLES
    ]
    return CohortFolders(
        root=root,
        scans=root if scans is None and is_both else scans,
        references=references,
        predictions=models[0] if models else None,
        others=models[1] if len(models) > 1 else None,
        scores=next((table for table in tables if table.is_file()), None),
    )


def _is_seen_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _named(folders: Iterable[Path], names: set[str]) -> Path | None:
    return next((each for each in folders if each.name.lower() in names), None)


def _holds_label_maps(folder: Path) -> bool:
    try:
        return any(
            each.name.lower().endswith((".nii.gz", ".nii", ".nrrd", ".mha", ".dcm"))
            for each in folder.iterdir()
        )
    except OSError:
        return False
