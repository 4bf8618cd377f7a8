"""Files beside a label map that belong to it, and what they are called."""

from pathlib import Path

from medseg.io.checks import stem_of

PROBABILITIES_SUFFIX = ".probabilities.nii.gz"
UNCERTAINTY_SUFFIX = ".uncertainty.nii.gz"
INSTANCE_TABLE_SUFFIX = ".instances.csv"
BOXES_SUFFIX = ".boxes.json"
_INSTANCES = ".instances"


def probabilities_path(path: Path | str) -> Path:
    """Where the probabilities of a label map are: `labels.probabilities.nii.gz`."""
    return _beside(Path(path), PROBABILITIES_SUFFIX)


def uncertainty_path(path: Path | str) -> Path:
    """Where the uncertainty of a label map is: `labels.uncertainty.nii.gz`."""
    return _beside(Path(path), UNCERTAINTY_SUFFIX)


def instances_path(path: Path | str) -> Path:
    """Where the instance map of a label map is: `labels.instances.nii.gz`.

    It has the format of the label map. A DICOM-SEG holds both in one file.
    """
    path = Path(path)
    stem = stem_of(path)
    return path.with_name(f"{stem}{_INSTANCES}{path.name[len(stem) :]}")


def instance_table_path(path: Path | str) -> Path:
    """Where the table of a label map's lesions is: `labels.instances.csv`."""
    return _beside(Path(path), INSTANCE_TABLE_SUFFIX)


def boxes_path(path: Path | str) -> Path:
    """Where the boxes of a label map's lesions are: `labels.boxes.json`."""
    return _beside(Path(path), BOXES_SUFFIX)


def is_companion(path: Path) -> bool:
    """Whether a file belongs to a label map beside it and is none itself."""
    name = path.name.lower()
    is_shares = name.endswith((PROBABILITIES_SUFFIX, UNCERTAINTY_SUFFIX))
    return is_shares or stem_of(path).lower().endswith(_INSTANCES)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{stem_of(path)}{suffix}")
