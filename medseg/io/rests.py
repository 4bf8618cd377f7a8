"""Bytes after the last voxel: few are harmless, many mean that the header is wrong."""

import math
from collections.abc import Sequence
from pathlib import Path

from medseg.core.errors import ErrorCode, UnusableInput

MAX_REST_BYTES = 4096
"""Most that a program may leave behind; never as much as a slice of voxels."""


def require_no_rest(
    rest_bytes: int, shape: Sequence[int], item_bytes: int, path: Path
) -> tuple[str, ...]:
    """Refuse a file with more voxels than its header says.

    Args:
        rest_bytes: What is left after the last voxel.
        shape: Size of the image.
        item_bytes: Bytes of a voxel.
        path: For messages.

    Returns:
        A note on a rest that is too small to matter.

    Raises:
        UnusableInput: INVALID_HEADER.
    """
    if rest_bytes <= 0:
        return ()
    slice_bytes = math.prod(int(size) for size in shape[:2]) * item_bytes
    if rest_bytes < min(slice_bytes, MAX_REST_BYTES):
        return (f"{rest_bytes} byte(s) after the last voxel not used",)
    raise UnusableInput(
        ErrorCode.INVALID_HEADER,
        f"the file goes on for at least {rest_bytes} bytes after its last voxel, so "
        "that its size or type of number is not what the header says",
        where=path,
        remedy="The header is damaged; get the file again or convert the scan again.",
    )
