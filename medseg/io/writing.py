"""Write a scan or a label map in the format that the file's suffix names."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from medseg import io
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.volume import Segmentation, Volume
from medseg.io.checks import stem_of
from medseg.io.file_kinds import FileKind, kind_of_name
from medseg.io.label_maps import describe_segmentation, names_path
from medseg.io.safe_writing import require_absent, written_whole_together

PROBABILITIES_SUFFIX = ".probabilities.nii.gz"
_STEPS = 4096
_IN_TWO_FILES = (".nhdr", ".mhd")
_WRITABLE = ".nii.gz, .nii, .nrrd, .mha"


def write_segmentation(
    segmentation: Segmentation, path: Path | str, *, overwrite: bool = False
) -> None:
    """Write a label map, and beside it a `.json` with its names and provenance.

    Both are complete on the disk before either replaces an earlier file; the label map
    comes last, so that where it is new, its names are.

    Raises:
        WrongUse: UNKNOWN_FORMAT, or OUTPUT_EXISTS when one of the files is there.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    path = Path(path)
    require_writable(path, overwrite=overwrite)
    save = io.save_nifti if _is_nifti(path) else io.save_itk
    files = (names_path(path), path)
    with written_whole_together(files, overwrite=overwrite) as (names, labels):
        save(segmentation.array, segmentation.geometry, labels)
        names.write_text(describe_segmentation(segmentation), encoding="utf-8")


def write_volume(volume: Volume, path: Path | str, *, overwrite: bool = False) -> None:
    """Write a scan.

    Raises:
        WrongUse: UNKNOWN_FORMAT or OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    path = Path(path)
    if _is_nifti(path):
        io.write_nifti_volume(volume, path, overwrite=overwrite)
    else:
        io.write_itk_volume(volume, path, overwrite=overwrite)


def write_probabilities(
    probabilities: Volume, path: Path | str, *, overwrite: bool = False
) -> None:
    """Write the probabilities that belong to a label map, in steps of 1/4096.

    The steps are exact in float32 and let the file be packed well.

    Args:
        probabilities: A channel a label, background first.
        path: Of the label map; the file's name is `probabilities_path` of it.
        overwrite: Replace an earlier file.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    rounded = np.rint(probabilities.array * _STEPS) / np.float32(_STEPS)
    io.write_nifti_volume(
        replace(probabilities, array=rounded.astype(np.float32, copy=False)),
        probabilities_path(path),
        overwrite=overwrite,
    )


def probabilities_path(path: Path | str) -> Path:
    """Where the probabilities of a label map are: `labels.probabilities.nii.gz`."""
    path = Path(path)
    return path.with_name(f"{stem_of(path)}{PROBABILITIES_SUFFIX}")


def require_writable(path: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a label map that could not be written.

    Raises:
        WrongUse: UNKNOWN_FORMAT or OUTPUT_EXISTS.
    """
    _is_nifti(path)
    for file in (path, names_path(path)):
        require_absent(file, overwrite=overwrite)


def _is_nifti(path: Path) -> bool:
    """Whether a path names a NIfTI file; if not, it names an NRRD or MHA file.

    Raises:
        WrongUse: UNKNOWN_FORMAT.
    """
    kind = kind_of_name(path)
    if kind is None or path.suffix.lower() in _IN_TWO_FILES:
        raise WrongUse(
            ErrorCode.UNKNOWN_FORMAT,
            f"files ending in {path.suffix or 'nothing'!r} are not written",
            where=path,
            remedy=f"Use one of {_WRITABLE}.",
        )
    return kind is FileKind.NIFTI
