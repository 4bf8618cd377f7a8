"""Compressed voxels on disk, of which a box is read at a time."""

from dataclasses import dataclass
from pathlib import Path

import blosc2
import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Shape3

_BLOCK_EDGE = 32
_COMPRESSION = blosc2.CParams(
    codec=blosc2.Codec.ZSTD,
    clevel=1,
    filters=[blosc2.Filter.BITSHUFFLE],
    nthreads=1,
)
_DECOMPRESSION = blosc2.DParams(nthreads=1)


@dataclass(frozen=True, kw_only=True)
class StoredVoxels:
    """An array in a file, memory-mapped while a box of it is read.

    Opened for every box: a handle must not be shared by threads, and keeping one for
    every case and thread would exhaust them. It takes well under a millisecond.

    Attributes:
        path: The file.
        shape: Size along each axis.
    """

    path: Path
    shape: tuple[int, ...]

    def __getitem__(self, box: tuple[slice, ...], /) -> np.ndarray:
        """The voxels of a box.

        Raises:
            UnusableInput: NOT_READABLE when the file is gone or was damaged.
        """
        try:
            stored = blosc2.open(
                str(self.path), mode="r", mmap_mode="r", dparams=_DECOMPRESSION
            )
            return np.asarray(stored[box])
        except (OSError, RuntimeError, ValueError) as error:
            raise UnusableInput(
                ErrorCode.NOT_READABLE,
                "a prepared case cannot be read any more",
                where=self.path,
                remedy="Remove this file and resume: the case is prepared again.",
            ) from error


def stored_bytes(array: np.ndarray, box_shape: Shape3) -> bytes:
    """The content of such a file, without loss.

    Args:
        array: Voxels (i, j, k) or (channel, i, j, k).
        box_shape: Of the boxes that are going to be read.
    """
    lead = (1,) * (array.ndim - 3)
    grid = array.shape[-3:]
    chunks = [min(n, edge) for n, edge in zip(grid, box_shape, strict=True)]
    blocks = [min(n, _BLOCK_EDGE) for n in chunks]
    stored = blosc2.asarray(
        np.ascontiguousarray(array),
        chunks=(*lead, *chunks),
        blocks=(*lead, *blocks),
        cparams=_COMPRESSION,
    )
    return bytes(stored.to_cframe())
