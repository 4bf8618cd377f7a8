"""Which format a file is in, told from its first bytes or its name."""

import os
from enum import StrEnum
from pathlib import Path

_SUFFIXES = {
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
    ".mha": "MetaImage",
    ".mhd": "MetaImage",
}


class FileKind(StrEnum):
    """Formats that are read."""

    DICOM = "DICOM"
    NIFTI = "NIfTI"
    NRRD = "NRRD"
    META_IMAGE = "MetaImage"


def kind_of_name(path: Path) -> FileKind | None:
    """Format that a file's suffix stands for; None for DICOM, which has none."""
    name = path.name.lower()
    for suffix, kind in _SUFFIXES.items():
        if name.endswith(suffix):
            return FileKind(kind)
    return None


def kind_of_file(path: Path) -> FileKind | None:
    """Format of a file: by its suffix, else by the marks in its first bytes."""
    return kind_of_name(path) or _kind_of_bytes(path)


def is_dicom(path: Path) -> bool:
    """Whether a file bears the mark of DICOM, "DICM" at byte 128."""
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def files_below(path: Path) -> list[Path]:
    """Every file under a folder (or the file itself), hidden ones left out."""
    if path.is_file():
        return [path]
    found: list[Path] = []
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if name[0] != ".")
        found += [Path(folder, name) for name in sorted(names) if name[0] != "."]
    return [file for file in found if file.is_file()]


def _kind_of_bytes(path: Path) -> FileKind | None:
    with path.open("rb") as stream:
        start = stream.read(540)
    if start[128:132] == b"DICM":
        return FileKind.DICOM
    if start[344:348] == b"n+1\0" or start[4:8] == b"n+2\0":
        return FileKind.NIFTI
    if start.startswith(b"NRRD000"):
        return FileKind.NRRD
    return None
