"""Which format a file is in, told from its first bytes or its name."""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path


class FileKind(StrEnum):
    """Formats that are read."""

    DICOM = "DICOM"
    NIFTI = "NIfTI"
    NRRD = "NRRD"
    META_IMAGE = "MetaImage"


class SegmentationFormat(StrEnum):
    """Formats that a label map is written in."""

    NIFTI = "nifti"
    NRRD = "nrrd"
    META_IMAGE = "mha"
    DICOM_SEG = "dicom-seg"
    DICOM_SEG_LABELMAP = "dicom-seg-labelmap"
    RTSTRUCT = "rtstruct"

    @property
    def is_dicom(self) -> bool:
        """Whether it refers to the DICOM series it was made of."""
        return self in _DICOM_FORMATS


_DICOM_FORMATS = frozenset(
    {
        SegmentationFormat.DICOM_SEG,
        SegmentationFormat.DICOM_SEG_LABELMAP,
        SegmentationFormat.RTSTRUCT,
    }
)

_FORMAT_OF_SOP_CLASS = {
    "1.2.840.10008.5.1.4.1.1.66.4": SegmentationFormat.DICOM_SEG,
    "1.2.840.10008.5.1.4.1.1.66.7": SegmentationFormat.DICOM_SEG_LABELMAP,
    "1.2.840.10008.5.1.4.1.1.481.3": SegmentationFormat.RTSTRUCT,
}

IMAGE_SUFFIXES = {
    ".nii": FileKind.NIFTI,
    ".nii.gz": FileKind.NIFTI,
    ".nrrd": FileKind.NRRD,
    ".nhdr": FileKind.NRRD,
    ".mha": FileKind.META_IMAGE,
    ".mhd": FileKind.META_IMAGE,
}
DICOM_SUFFIXES = (".dcm", ".ima")
"""Some DICOM files have one of these; most have none."""

MARKED_BYTES = 512
"""All marks of a format are within these first bytes of a file."""


def format_of_sop_class(sop_class: str) -> SegmentationFormat | None:
    """Format of a DICOM object of labels, by its SOPClassUID; None for any other."""
    return _FORMAT_OF_SOP_CLASS.get(sop_class)


def kind_of_name(path: Path) -> FileKind | None:
    """Format that a file's suffix stands for; None for DICOM, which has none."""
    name = path.name.lower()
    for suffix, kind in IMAGE_SUFFIXES.items():
        if name.endswith(suffix):
            return kind
    return None


def kind_of_file(path: Path) -> FileKind | None:
    """Format of a file: by its suffix, else by the marks in its first bytes."""
    kind = kind_of_name(path)
    if kind is not None:
        return kind
    with path.open("rb") as stream:
        return kind_of_bytes(stream.read(MARKED_BYTES))


def kind_of_bytes(start: bytes) -> FileKind | None:
    """Format that the first bytes of a file have the mark of."""
    if start[128:132] == b"DICM":
        return FileKind.DICOM
    if start[344:348] == b"n+1\0" or start[4:8] == b"n+2\0":
        return FileKind.NIFTI
    if start.startswith(b"NRRD000"):
        return FileKind.NRRD
    return None


def is_dicom(path: Path) -> bool:
    """Whether a file bears the mark of DICOM, "DICM" at byte 128."""
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _raised(error: OSError) -> None:
    raise error


def files_below(
    path: Path, on_error: Callable[[OSError], None] = _raised
) -> list[Path]:
    """Every file under a folder (or the file itself), hidden ones left out.

    Args:
        path: Folder or file.
        on_error: Called for each folder or file that cannot be looked at.
    """
    if path.is_file():
        return [path]
    found: list[Path] = []
    for folder, subfolders, names in os.walk(path, onerror=on_error):
        subfolders[:] = sorted(name for name in subfolders if not is_hidden(name))
        found += [Path(folder, name) for name in sorted(names) if not is_hidden(name)]
    return [file for file in found if _is_file(file, on_error)]


def files_beside(path: Path) -> list[Path]:
    """A file and those in its folder, hidden ones left out."""
    return sorted(
        file
        for file in path.parent.iterdir()
        if file.is_file() and (file == path or not is_hidden(file.name))
    )


def is_hidden(name: str) -> bool:
    """Whether a name begins with a dot, as what macOS leaves behind ("._scan")."""
    return name.startswith(".")


def _is_file(path: Path, on_error: Callable[[OSError], None]) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        on_error(error)
        return False
