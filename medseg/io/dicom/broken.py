"""Which files without the mark of any format must be damaged slices."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from medseg.io.file_kinds import DICOM_SUFFIXES
from medseg.io.read_ahead import FileStart


def broken_dicom(
    unknown: Sequence[FileStart], whole: AbstractSet[Path]
) -> tuple[Path, ...]:
    """Files that are named as DICOM files are, or begin with zeros as these do.

    Args:
        unknown: Files without the mark of any format, empty ones too.
        whole: DICOM files. A file that is named as those in its folder but for the
            digits, or begins with zeros among them, is a slice that was damaged.
    """
    folders = {path.parent for path in whole}
    names = {_without_digits(path) for path in whole}
    return tuple(
        start.path
        for start in unknown
        if start.path.suffix.lower() in DICOM_SUFFIXES
        or _without_digits(start.path) in names
        or (start.path.parent in folders and _is_zeros(start.content))
    )


def _without_digits(path: Path) -> tuple[Path, str]:
    return path.parent, re.sub(r"[0-9a-fA-F]+", "#", path.name)


def _is_zeros(content: bytes) -> bool:
    return bool(content) and not content.strip(b"\0")
