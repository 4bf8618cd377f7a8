"""NumPy's own files, read in threads."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

# NumPy parses each header as Python, and CPython's parser counts its depth for all
# threads together: two at once may end in SystemError
# (https://github.com/python/cpython/issues/106905).
_PARSING = Lock()


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a .npy file.

    Raises:
        OSError, ValueError, EOFError: It cannot be read, or holds Python objects.
    """
    with _PARSING, path.open("rb") as stream:
        array: NDArray[Any] = np.load(stream, allow_pickle=False)
    return array


def read_npz(path: Path, names: Sequence[str]) -> tuple[NDArray[Any], ...]:
    """Arrays of a .npz file, by name.

    Raises:
        OSError, ValueError, EOFError, BadZipFile, zlib.error: As `read_npy`.
        LookupError: One is not there, or the file is no archive.
    """
    with _PARSING, path.open("rb") as stream:  # NumPy leaves a damaged one open
        stored = np.load(stream, allow_pickle=False)
        return tuple(stored[name] for name in names)
