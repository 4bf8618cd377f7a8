"""Uncompressed pixels of the common kind, read from the file as they lie there.

pydicom reads every kind; it parses the header again to do so, which takes longer than
reading the pixels. What is unusual is left to it.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

PIXEL_KEYWORDS = ("BitsStored", "HighBit", "PixelRepresentation")
"""What `plain_pixels` needs besides the size of a picture."""

_TAGS = (struct.pack("<HH", 0x7FE0, 0x0010), struct.pack(">HH", 0x7FE0, 0x0010))
_HEAD_BYTES = 12
_UNDEFINED_LENGTH = 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True)
class PixelElement:
    """The element of a file that holds its pixels.

    Attributes:
        offset: Byte where they begin.
        byte_count: Bytes of all; None where they come in pieces, as compressed ones.
        kind: Its value representation; empty in implicit encoding.
    """

    offset: int
    byte_count: int | None
    kind: bytes


@dataclass(frozen=True, kw_only=True)
class PlainPixels:
    """Where whole numbers of 16 bits lie in a file.

    Attributes:
        offset: Byte where the first is.
        byte_count: Bytes of all.
        is_signed: Whether they may be negative.
        bits_stored: Bits of each that count.
    """

    offset: int
    byte_count: int
    is_signed: bool
    bits_stored: int

    def picture(self, path: Path, rows: int, columns: int) -> np.ndarray | None:
        """Stored pixels of the first frame; None where reading them needs more.

        Raises:
            OSError: The file cannot be read.
        """
        count = rows * columns
        if count * 2 > self.byte_count:
            return None
        kind = np.dtype("<i2" if self.is_signed else "<u2")
        values = np.fromfile(path, kind, count, offset=self.offset)
        if values.size != count or not self._are_usual(values):
            return None
        return values.reshape(rows, columns)

    def _are_usual(self, values: np.ndarray) -> bool:
        """Whether the bits that do not count say nothing else than those that do."""
        if self.bits_stored == 16:
            return True
        low = -(2 ** (self.bits_stored - 1)) if self.is_signed else 0
        high = low + 2**self.bits_stored - 1
        return bool(values.size and values.min() >= low and values.max() <= high)


def find_pixels(stream: BinaryIO, syntax: str) -> PixelElement | None:
    """The element of the pixels; None where the file has none, or ends before it.

    Args:
        stream: The file, where pydicom stopped before the pixels.
        syntax: UID of its encoding.
    """
    start = stream.tell()
    head = stream.read(_HEAD_BYTES)
    if head[:4] not in _TAGS:
        return None
    is_implicit = syntax == ImplicitVRLittleEndian
    length = head[4:8] if is_implicit else head[8:12]
    order: Literal["big", "little"] = "little"
    if syntax == ExplicitVRBigEndian:
        order = "big"
    byte_count = int.from_bytes(length, order)
    return PixelElement(
        offset=start + (8 if is_implicit else _HEAD_BYTES),
        byte_count=None if byte_count == _UNDEFINED_LENGTH else byte_count,
        kind=b"" if is_implicit else head[4:6],
    )


def plain_pixels(element: PixelElement, data: Dataset) -> PlainPixels | None:
    """Where the pixels are, if they are of the common kind.

    Args:
        element: What holds them.
        data: The header.
    """
    stored = data.get("BitsStored")
    is_common = (
        data.file_meta.get("TransferSyntaxUID")
        in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        and data.get("BitsAllocated") == 16
        and data.get("SamplesPerPixel") == 1
        and data.get("PixelRepresentation") in (0, 1)
        and isinstance(stored, int)
        and 1 <= stored <= 16
        and data.get("HighBit") == stored - 1
        and element.kind in (b"", b"OW", b"OB")
    )
    if not is_common or element.byte_count is None:
        return None
    return PlainPixels(
        offset=element.offset,
        byte_count=element.byte_count,
        is_signed=data.PixelRepresentation == 1,
        bits_stored=stored,
    )
