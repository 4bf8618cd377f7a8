"""How a DICOM file is encoded, and what that may cost, before memory is taken."""

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.checks import require_believable_size
from medseg.io.dicom.plain_pixels import (
    PIXEL_KEYWORDS,
    PixelElement,
    PlainPixels,
    plain_pixels,
)
from medseg.io.dicom.values import whole

MAX_INFLATED_BYTES = 2**30
"""Largest content of a deflated file, which pydicom inflates as a whole."""

LAYOUT_KEYWORDS = (
    *("Rows", "Columns", "NumberOfFrames", "BitsAllocated", "SamplesPerPixel"),
    *PIXEL_KEYWORDS,
)
"""What `layout_of` needs of a header."""

_CHUNK_BYTES = 2**20
_START_BYTES = 132  # preamble and "DICM"


@dataclass(frozen=True, kw_only=True)
class PixelLayout:
    """How the pixels of a file are stored.

    Attributes:
        syntax: UID of the encoding; empty where not given.
        rows: Pixels along a column.
        columns: Pixels along a row.
        bits: Bits that a stored pixel takes.
        frames: Pictures in the file.
        low_bit: The lowest bit that counts, from 0.
        byte_count: Bytes of all, where they are not compressed and this is known.
        plain: Where they are, if they can be read as they lie in the file.
    """

    syntax: str
    rows: int
    columns: int
    bits: int
    frames: int = 1
    low_bit: int = 0
    byte_count: int | None = None
    plain: PlainPixels | None = None

    @property
    def _uid(self) -> UID:
        return UID(self.syntax, validation_mode=IGNORE)  # no remark that quotes it

    @property
    def is_compressed(self) -> bool:
        """Whether pictures are encoded one by one, by a decoder that may crash."""
        uid = self._uid
        return uid.is_transfer_syntax and uid.is_encapsulated

    @property
    def is_deflated(self) -> bool:
        """Whether the file is compressed as a whole."""
        return self.syntax == DeflatedExplicitVRLittleEndian

    def require_decodable(self, path: Path) -> None:
        """Refuse an encoding that nothing here decodes.

        Raises:
            UnusableInput: UNSUPPORTED_ENCODING.
        """
        try:
            known = self._uid.is_valid and get_decoder(self._uid)
            is_available = bool(known and known.is_available)
        except NotImplementedError:
            is_available = False
        if not is_available:
            name = self._uid.name if self._uid.is_valid else "nothing known"
            given = self.syntax if self._uid.is_valid else "not a valid UID"
            raise UnusableInput(
                ErrorCode.UNSUPPORTED_ENCODING,
                f"its pixels are encoded as {name} ({given})",
                where=path,
                remedy="Convert it first, for example with gdcmconv --raw.",
            )

    def require_stored(self, frames: int, path: Path) -> None:
        """Refuse a file too short for the frames it claims to hold uncompressed.

        Raises:
            UnusableInput: TRUNCATED_FILE, INVALID_HEADER or TOO_LARGE.
        """
        shape = (self.rows, self.columns, frames)
        require_believable_size(shape, max(self.bits // 8, 1), path)
        is_plain = not (self.is_deflated or self.is_compressed)
        if is_plain and self._bytes_of(frames) > path.stat().st_size:
            raise damaged_pixels(path)

    def require_consistent(self, path: Path) -> None:
        """Refuse a header that contradicts the pixels after it, or shifts their bits.

        Raises:
            UnusableInput: INVALID_HEADER, or TRUNCATED_FILE for too few pixels.
        """
        if self.low_bit:
            raise _contradiction(
                f"its pixels end at bit {self.low_bit}, not at the lowest", path
            )
        if self.byte_count is not None:
            self.require_bytes(self.byte_count, path)

    def require_bytes(self, byte_count: int, path: Path) -> None:
        """Refuse another amount of uncompressed pixels than the header asks for.

        Raises:
            UnusableInput: INVALID_HEADER, or TRUNCATED_FILE for too few.
        """
        needed = self._bytes_of(self.frames)
        if byte_count < needed:
            raise damaged_pixels(path)
        if byte_count > needed + needed % 2:
            raise _contradiction(
                f"it asks for {needed} bytes of pixels and {byte_count} are there", path
            )

    def _bytes_of(self, frames: int) -> int:
        return -(-self.rows * self.columns * frames * self.bits // 8)


def layout_of(data: Dataset, pixels: PixelElement | None) -> PixelLayout:
    """How the pixels of a file are stored.

    Args:
        data: Its header: at least what `LAYOUT_KEYWORDS` names.
        pixels: The element that holds them, where it is there to be seen.
    """
    stored = whole(data, "BitsStored", 0)
    layout = PixelLayout(
        syntax=syntax_of(data),
        rows=whole(data, "Rows", 0),
        columns=whole(data, "Columns", 0),
        bits=whole(data, "BitsAllocated", 0),
        frames=whole(data, "NumberOfFrames", 1),
        low_bit=whole(data, "HighBit", stored - 1) + 1 - stored,
    )
    if pixels is None or layout.is_compressed or whole(data, "SamplesPerPixel", 1) > 1:
        return layout
    return replace(
        layout, byte_count=pixels.byte_count, plain=plain_pixels(pixels, data)
    )


def syntax_of(data: Dataset) -> str:
    """UID of how a file is encoded; empty where not given."""
    return str(data.file_meta.get("TransferSyntaxUID", ""))


def damaged_pixels(path: Path) -> UnusableInput:
    """The error for pixels that cannot be decoded."""
    return UnusableInput(
        ErrorCode.TRUNCATED_FILE,
        "its pixels are cut off or damaged",
        where=path,
        remedy="Copy or export the series again.",
    )


def _contradiction(what: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.INVALID_HEADER,
        f"the header contradicts itself or its pixels: {what}",
        where=path,
        remedy="Export the series again.",
    )


def require_believable_inflation(stream: BinaryIO, path: Path) -> None:
    """Refuse a deflated file that inflates to more than is believed.

    Args:
        stream: The file, at its start, where it is left.
        path: For messages.

    Raises:
        UnusableInput: TOO_LARGE.
        Exception: What pydicom raises on damaged files.
    """
    try:
        if stream.read(_START_BYTES)[-4:] == b"DICM":
            _require_believable(stream, path)
    finally:
        stream.seek(0)


def _require_believable(stream: BinaryIO, path: Path) -> None:
    meta = read_dataset(
        stream,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag >> 16 != 2,
    )
    if meta.get("TransferSyntaxUID", "") != DeflatedExplicitVRLittleEndian:
        return
    inflated = 0
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while content := inflater.unconsumed_tail or stream.read(_CHUNK_BYTES):
        inflated += len(inflater.decompress(content, _CHUNK_BYTES))
        if inflated > MAX_INFLATED_BYTES:
            raise UnusableInput(
                ErrorCode.TOO_LARGE,
                f"it inflates to more than {MAX_INFLATED_BYTES // 2**30} GiB",
                where=path,
                remedy="Have it exported without compression.",
            )
