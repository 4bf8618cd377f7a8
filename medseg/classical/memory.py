"""Main memory that methods take, told before they begin.

A system that lends more memory than it has ends the process that uses it; so what would
not fit is refused.
"""

from math import prod

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.memory import available_bytes

# The most each method holds at once beside the scan or label map, per voxel it looks
# at; `tests/core/classical/test_memory.py` measures them.
BYTES_A_VOXEL = {
    "otsu": 20,
    "threshold": 8,
    "hysteresis": 12,
    "grow": 14,
    "grow-by-confidence": 20,
    "watershed": 48,
    "watershed-from-markers": 26,
    "canny": 42,
    "gradient-edges": 24,
    "active-contour": 66,
    "kmeans": 20,
    "gaussian-mixture": 20,
    "supervoxels": 36,
    "body-mask": 28,
    "lung-mask": 30,
    "smooth": 24,
    "fill-holes": 12,
    "keep-largest": 14,
    "split-touching": 36,
    "cut-touching": 36,
}


def require_memory(method: str, shape: tuple[int, ...], case_id: str) -> None:
    """Refuse a method for which there is not enough main memory now.

    Args:
        method: What it is called on the command line.
        shape: Of the part it looks at, in voxels.
        case_id: Of the scan or label map.

    Raises:
        UnusableInput: OUT_OF_MEMORY, with what it would take.
    """
    free = available_bytes()
    needed = BYTES_A_VOXEL[method] * prod(shape)
    if free is not None and needed > free:
        raise UnusableInput(
            ErrorCode.OUT_OF_MEMORY,
            f"{method} takes about {needed / 1e9:.1f} GB of main memory, "
            f"{free / 1e9:.1f} GB are free",
            where=case_id,
            remedy="Look in a box only, or close other programs.",
        )
