"""Uncompressed pixels of the common kind, read from the file as they lie there.

pydicom reads every kind; it parses the header again to do so, which takes longer than
reading the pixels. What is unusual is left to it.
"""

import struct
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

PIXEL_KEYWORDS = ("BitsStored", "HighBit", "PixelRepresentation")
"""What `find_plain_pixels` needs besides the size of a picture."""

_TAG = struct.pack("<HH", 0x7FE0, 0x0010)
_UNDEFINED_LENGTH = 0xFFFFFFFF


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

    def picture(
        self, path: Path, frame: int, rows: int, columns: int
    ) -> np.ndarray | None:
        """Stored pixels of one frame; None where reading them needs more than this.

        Raises:
            OSError: The file cannot be read.
        """
        count = rows * columns
        start = frame * count * 2
        if start + count * 2 > self.byte_count:
            return None
        kind = np.dtype("<i2" if self.is_signed else "<u2")
        values = np.fromfile(path, kind, count, offset=self.offset + start)
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


def find_plain_pixels(stream: BufferedIOBase, data: Dataset) -> PlainPixels | None:
    """Where the pixels are, if they are of the common kind.

    Args:
        stream: The file, at the element of its pixels.
        data: What was read of it until there.
    """
    syntax = data.file_meta.get("TransferSyntaxUID")
    stored = data.get("BitsStored")
    is_common = (
        syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        and data.get("BitsAllocated") == 16
        and data.get("SamplesPerPixel") == 1
        and data.get("PixelRepresentation") in (0, 1)
        and isinstance(stored, int)
        and 1 <= stored <= 16
        and data.get("HighBit") == stored - 1
    )
    if not is_common:
        return None
    head = stream.read(8 if syntax == ImplicitVRLittleEndian else 12)
    if len(head) < 8 or not head.startswith(_TAG):
        return None
    if syntax == ExplicitVRLittleEndian and head[4:8] not in (b"OW\0\0", b"OB\0\0"):
        return None
    byte_count = int.from_bytes(head[-4:], "little")
    if byte_count == _UNDEFINED_LENGTH:
        return None
    return PlainPixels(
        offset=stream.tell(),
        byte_count=byte_count,
        is_signed=data.PixelRepresentation == 1,
        bits_stored=stored,
    )
