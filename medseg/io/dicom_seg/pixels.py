"""Stored pixels of a DICOM-SEG, those of one bit each included."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.checks import require_believable_size
from medseg.io.dicom.damage import dicom_damage
from medseg.io.dicom.pixels import decode_frames
from medseg.io.dicom.values import whole

_LAYOUT = ("BitsAllocated", "Rows", "Columns", "NumberOfFrames", "PixelData")


def segment_pixels(path: Path, frames: Sequence[int]) -> Iterator[np.ndarray]:
    """Stored pixels (rows, columns) of frames.

    Args:
        path: The DICOM-SEG.
        frames: Numbers of frames, from 0.

    Raises:
        UnusableInput: UNSUPPORTED_ENCODING, TRUNCATED_FILE, or INVALID_HEADER when it
            holds more or fewer pixels than its header says.
    """
    with dicom_damage(path):
        data = pydicom.dcmread(path, specific_tags=list(_LAYOUT))
        if data.file_meta.TransferSyntaxUID.is_encapsulated:
            return decode_frames(path, frames)
        _require_right_size(data, path)
        if data.BitsAllocated > 1:
            return decode_frames(path, frames)
        return _unpacked(data, frames)


def require_frame_count(data: Dataset, path: Path) -> None:
    """Refuse an object whose frames are not those that it describes.

    Raises:
        UnusableInput: INVALID_HEADER.
    """
    described = len(data.get("PerFrameFunctionalGroupsSequence") or [])
    stated = whole(data, "NumberOfFrames", 0)
    if described != stated:
        raise _contradicted(
            f"it describes {described} frames and says that it has {stated}", path
        )


def _require_right_size(data: Dataset, path: Path) -> None:
    """Refuse pixels, not compressed, that are not as many as the header says."""
    shape = [whole(data, name, 0) for name in ("Rows", "Columns", "NumberOfFrames")]
    require_believable_size(shape, 1, path)
    bits = whole(data, "BitsAllocated", 0)
    needed = -(-np.prod(shape, dtype=np.int64) * bits // 8)
    there = len(data.get("PixelData") or b"")
    if there < needed or not bits:
        raise UnusableInput(
            ErrorCode.TRUNCATED_FILE,
            f"its frames take {needed} bytes, and it has {there}",
            where=path,
            remedy="Copy or export it again.",
        )
    if there > needed + needed % 2:  # DICOM pads to an even length
        raise _contradicted(f"its frames take {needed} of {there} bytes", path)


def _unpacked(data: Dataset, frames: Sequence[int]) -> Iterator[np.ndarray]:
    """Frames of bits, which follow each other without filling up the last byte."""
    rows, columns = int(data.Rows), int(data.Columns)
    stored = np.frombuffer(data.PixelData, dtype=np.uint8)
    for frame in frames:
        first, skipped = divmod(frame * rows * columns, 8)
        count = skipped + rows * columns
        bits = np.unpackbits(stored[first:], count=count, bitorder="little")
        yield bits[skipped:].reshape(rows, columns)


def _contradicted(what: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.INVALID_HEADER,
        f"its header contradicts its pixels: {what}",
        where=path,
        remedy="Export it again.",
    )
