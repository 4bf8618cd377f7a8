"""DICOM pixels -> intensities: decoding, rescaling, duplicates told from repeats."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import BytesLengthException
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.checks import as_float32, not_readable
from medseg.io.dicom_geometry import Stack
from medseg.io.dicom_headers import SliceHeader, quiet_pydicom

_DECODING_FAILURES = (
    *(ValueError, RuntimeError, AttributeError, EOFError, OSError, KeyError),
    *(TypeError, IndexError, BytesLengthException),
)


def read_intensities(stack: Stack, where: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Intensities (i, j, k) of a stack, and notes on how they came about.

    Slope and intercept are applied slice by slice. The result is int16 where every
    slope is 1 and the values fit, else float32. MONOCHROME1 changes how a picture is
    shown, not what its numbers mean: nothing is inverted.

    Raises:
        UnusableInput: UNSUPPORTED_ENCODING, TRUNCATED_FILE, DUPLICATE_POSITIONS,
            INVALID_HEADER or NOT_FINITE.
    """
    headers = [header for group in stack.positions for header in group]
    for header in headers:
        _require_usable_slope(header)
    is_whole = all(
        header.slope == 1 and header.intercept.is_integer() and header.bits <= 16
        for header in headers
    )
    i, j, k = stack.geometry.shape
    array = np.empty((k, j, i), dtype=np.int32 if is_whole else np.float32)
    place = {
        (header.path, header.frame): number
        for number, group in enumerate(stack.positions)
        for header in group
    }
    filled: dict[int, SliceHeader] = {}
    dropped = 0
    for header, stored in _decoded(headers):
        number = place[header.path, header.frame]
        values = _rescaled(stored, header, is_whole=is_whole)
        if number not in filled:
            array[number] = values
            filled[number] = header
        elif np.array_equal(array[number], values):
            dropped += 1
        else:
            raise _duplicate(filled[number], header, where)
    notes = _notes(headers, dropped)
    return _smallest(array, headers[0].path).T, notes


def decode_frames(path: Path, frames: Sequence[int]) -> Iterator[np.ndarray]:
    """Stored pixels (rows, columns) of frames of one file, before any rescaling.

    Raises:
        UnusableInput: UNSUPPORTED_ENCODING or TRUNCATED_FILE.
    """
    _require_decoder(path)
    with quiet_pydicom():
        try:
            yield from iter_pixels(path, indices=list(frames), raw=True)
        except _DECODING_FAILURES as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise not_readable(error, path) from error
            raise UnusableInput(
                ErrorCode.TRUNCATED_FILE,
                "its pixels are cut off or damaged",
                where=path,
                remedy="Copy or export the series again.",
            ) from error


def _rescaled(stored: np.ndarray, header: SliceHeader, *, is_whole: bool) -> np.ndarray:
    """DICOM PS3.3 C.11.1.1.2: output = slope x stored + intercept."""
    if is_whole:
        shifted: np.ndarray = stored.astype(np.int32) + np.int32(header.intercept)
        return shifted
    slope, intercept = np.float32(header.slope), np.float32(header.intercept)
    scaled: np.ndarray = stored.astype(np.float32) * slope + intercept
    return scaled


def _decoded(
    headers: Iterable[SliceHeader],
) -> Iterator[tuple[SliceHeader, np.ndarray]]:
    """Every slice with its stored pixels, each file opened once."""
    by_file = sorted(headers, key=lambda header: (str(header.path), header.frame))
    for path, group in groupby(by_file, key=lambda header: header.path):
        slices = list(group)
        frames = decode_frames(path, [header.frame for header in slices])
        yield from zip(slices, frames, strict=True)


def _require_decoder(path: Path) -> None:
    with quiet_pydicom():
        meta = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[])
        syntax = UID(str(meta.file_meta.get("TransferSyntaxUID", "")))
    try:
        is_available = get_decoder(syntax).is_available
    except NotImplementedError:
        is_available = False
    if not is_available:
        raise UnusableInput(
            ErrorCode.UNSUPPORTED_ENCODING,
            f"its pixels are encoded as {syntax.name} ({syntax or 'not given'})",
            where=path,
            remedy="Convert it first, for example with gdcmconv --raw.",
        )


def _require_usable_slope(header: SliceHeader) -> None:
    if header.slope == 0:
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            "its rescale slope is 0, which makes every voxel the same",
            where=header.path,
            remedy="Export the series again.",
        )


def _duplicate(first: SliceHeader, second: SliceHeader, where: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.DUPLICATE_POSITIONS,
        f"{first.name} and {second.name} are different pictures of the same place",
        where=where,
        remedy="Keep one acquisition (time, echo, reconstruction) in the folder.",
    )


def _smallest(array: np.ndarray, path: Path) -> np.ndarray:
    """Whole numbers as int16 where they fit; everything else as finite float32."""
    bounds = np.iinfo(np.int16)
    if array.dtype.kind == "f":
        return as_float32(array, path)
    if array.min() >= bounds.min and array.max() <= bounds.max:
        return array.astype(np.int16)
    return array.astype(np.float32)


def _notes(headers: Sequence[SliceHeader], dropped: int) -> tuple[str, ...]:
    notes = []
    if dropped:
        notes.append(f"left out: {dropped} x exact duplicate")
    if any(header.is_inverted for header in headers):
        notes.append("MONOCHROME1: values kept as they are, not inverted")
    if headers[0].modality == "CT" and not all(h.has_rescale for h in headers):
        notes.append("no rescale slope and intercept: values may not be HU")
    if any(header.is_secondary_capture for header in headers):
        notes.append("stored as secondary capture, not as the scanner's own image")
    return tuple(notes)
