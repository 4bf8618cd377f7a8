"""DICOM pixels -> intensities: decoding, rescaling, duplicates told from repeats."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels

from medseg.core.errors import ErrorCode, MedSegError, UnusableInput
from medseg.io.checks import as_float32, not_readable, reading_errors
from medseg.io.dicom.damage import quiet_pydicom
from medseg.io.dicom.decoding import Decoder
from medseg.io.dicom.decoding_child import DECODING_FAILURES
from medseg.io.dicom.encoding import (
    LAYOUT_KEYWORDS,
    PixelLayout,
    damaged_pixels,
    layout_of,
    require_believable_inflation,
    syntax_of,
)
from medseg.io.dicom.geometry import Stack
from medseg.io.dicom.headers import SliceHeader
from medseg.io.dicom.plain_pixels import find_pixels


def read_intensities(stack: Stack, where: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Intensities (i, j, k) of a stack, and notes on how they came about.

    Slope and intercept are applied slice by slice. The result is int16 where every
    slope is 1 and the values fit, else float32. MONOCHROME1 changes how a picture is
    shown, not what its numbers mean: nothing is inverted.

    Raises:
        UnusableInput: UNSUPPORTED_ENCODING, DECODER_FAILED, TRUNCATED_FILE,
            DUPLICATE_POSITIONS, TOO_LARGE or NOT_FINITE.
    """
    headers = [header for group in stack.positions for header in group]
    is_whole = all(
        header.slope == 1 and header.intercept.is_integer() and header.layout.bits <= 16
        for header in headers
    )
    i, j, k = stack.shape
    array = np.empty((0, j, i), dtype=np.int16 if is_whole else np.float32)
    place = {
        (header.path, header.frame): number
        for number, group in enumerate(stack.positions)
        for header in group
    }
    filled: dict[int, SliceHeader] = {}
    dropped = 0
    for header, stored in _decoded(headers):
        if not filled:  # decoded once, the size in the header is believed
            array = np.empty((k, j, i), array.dtype)
        number = place[header.path, header.frame]
        values = _rescaled(stored, header, is_whole=is_whole)
        if array.dtype == np.int16 and not _fits_int16(values):
            array = array.astype(np.int32)
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
        UnusableInput: UNSUPPORTED_ENCODING, DECODER_FAILED, TRUNCATED_FILE,
            INVALID_HEADER or TOO_LARGE.
    """
    with _damage(path), quiet_pydicom():
        with path.open("rb") as stream:
            require_believable_inflation(stream, path)
            data = pydicom.dcmread(
                stream,
                specific_tags=list(LAYOUT_KEYWORDS),
                stop_before_pixels=True,
            )
            layout = layout_of(data, find_pixels(stream, syntax_of(data)))
        layout.require_consistent(path)
    with closing(Decoder()) as decoder:
        yield from _frames(path, frames, layout, decoder)


def _frames(
    path: Path, frames: Sequence[int], layout: PixelLayout, decoder: Decoder
) -> Iterator[np.ndarray]:
    """Frames of one file: compressed ones by the decoder's process."""
    with reading_errors(path), quiet_pydicom():
        layout.require_decodable(path)
        layout.require_stored(max(frames) + 1, path)
        pictures = _as_they_lie(path, frames, layout)
        is_compressed = layout.is_compressed
    if pictures is not None:
        yield from pictures
        return
    if is_compressed:
        decoded = decoder.frames(path, frames, layout)
    else:
        decoded = _uncompressed(path, frames, layout)
    for picture in decoded:
        if picture.shape != (layout.rows, layout.columns):
            raise damaged_pixels(path)
        yield picture


def _as_they_lie(
    path: Path, frames: Sequence[int], layout: PixelLayout
) -> list[np.ndarray] | None:
    """Frames of the common uncompressed kind; None for any other."""
    if layout.plain is None or list(frames) != [0]:
        return None
    picture = layout.plain.picture(path, layout.rows, layout.columns)
    return None if picture is None else [picture]


def _uncompressed(
    path: Path, frames: Sequence[int], layout: PixelLayout
) -> Iterator[np.ndarray]:
    with _damage(path), quiet_pydicom():
        source: Dataset | Path = path
        if layout.is_deflated:
            source = pydicom.dcmread(path)
            layout.require_bytes(len(source.PixelData), path)
        pictures = iter_pixels(source, indices=list(frames), raw=True)
    for _ in frames:
        with _damage(path), quiet_pydicom():
            picture = next(pictures)
        yield picture


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except MedSegError:
        raise
    except DECODING_FAILURES as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise not_readable(error, path) from error
        raise damaged_pixels(path) from error


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
    with closing(Decoder()) as decoder:
        for path, group in groupby(by_file, key=lambda header: header.path):
            slices = list(group)
            frames = [header.frame for header in slices]
            pictures = _frames(path, frames, slices[0].layout, decoder)
            yield from zip(slices, pictures, strict=True)


def _duplicate(first: SliceHeader, second: SliceHeader, where: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.DUPLICATE_POSITIONS,
        f"{first.name} and {second.name} are different pictures of the same place",
        where=where,
        remedy="Keep one acquisition (time, echo, reconstruction) in the folder.",
    )


def _fits_int16(values: np.ndarray) -> bool:
    bounds = np.iinfo(np.int16)
    return bool(values.min() >= bounds.min and values.max() <= bounds.max)


def _smallest(array: np.ndarray, path: Path) -> np.ndarray:
    """Whole numbers as int16 where they fit; everything else as finite float32."""
    if array.dtype.kind == "f":
        return as_float32(array, path)
    return array if array.dtype == np.int16 else array.astype(np.float32)


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
