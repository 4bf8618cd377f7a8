"""What every reader checks, whatever the file format."""

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from medseg.core.acceptance import Accepted, Mendable
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.io.file_kinds import DICOM_SUFFIXES, IMAGE_SUFFIXES

MAX_BYTES = 8 * 2**30
"""Largest array that is read; a header that claims more is not believed."""

MAX_SHEAR_DEG = 0.1

MAX_LENGTH_MM = 1e6
"""Largest step or distance from the origin that is believed, in an affine."""

_FLAT = 0.01  # sine of the angle below which axes do not span a volume


def require_there(path: Path) -> None:
    """Refuse a path where nothing is.

    Raises:
        UnusableInput: NOT_FOUND, or NOT_READABLE when that cannot be told.
    """
    with reading_errors(path):
        if not path.exists():
            raise _not_found("there is no such file or folder", path)


def require_file(path: Path) -> None:
    """Refuse a path that is not a file.

    Raises:
        UnusableInput: NOT_FOUND, or NOT_READABLE when that cannot be told.
    """
    with reading_errors(path):
        if not path.is_file():
            raise _not_found("there is no such file", path)


@contextmanager
def reading_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to read into typed errors.

    Raises:
        UnusableInput: NOT_READABLE, with the file the system names, else `path`.
    """
    try:
        yield
    except OSError as error:
        raise not_readable(error, path) from error


def not_readable(error: OSError, path: Path) -> UnusableInput:
    """The error for a file or folder that is there and cannot be read."""
    return UnusableInput(
        ErrorCode.NOT_READABLE,
        f"cannot be read: {error.strerror or error}",
        where=str(error.filename or path),
        remedy="Check its permissions, and the disk or network it lies on.",
    )


def require_believable_size(shape: Sequence[int], item_bytes: int, path: Path) -> int:
    """Bytes the voxels take, refused before any of them is allocated.

    Raises:
        UnusableInput: INVALID_HEADER or TOO_LARGE.
    """
    if not shape or min(shape) < 1:
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            f"the header gives the image a size of {_times(shape)}",
            where=path,
            remedy="The file is damaged; get it again or convert the scan again.",
        )
    count = math.prod(int(size) for size in shape) * item_bytes
    if count > MAX_BYTES:
        raise UnusableInput(
            ErrorCode.TOO_LARGE,
            f"the header claims {_times(shape)} voxels, {count / 2**30:.1f} GiB",
            where=path,
            remedy=f"At most {MAX_BYTES // 2**30} GiB are read; crop or resample.",
        )
    return count


def require_usable_affine(affine: np.ndarray, path: Path) -> None:
    """Refuse an affine that is not finite, has an axis without extent, or shears.

    Raises:
        UnusableInput: INVALID_HEADER or SHEARED_AFFINE.
    """
    require_axes(affine, path)
    require_right_angles(affine, path, frozenset())


def require_axes(affine: np.ndarray, path: Path) -> None:
    """Refuse an affine that is not finite, or far away, or whose axes span no volume.

    Raises:
        UnusableInput: INVALID_HEADER.
    """
    matrix: np.ndarray = affine[:3, :3]
    extents = np.linalg.norm(matrix, axis=0)
    is_usable = np.abs(affine).max() <= MAX_LENGTH_MM and extents.min() >= 1e-6
    if not is_usable or abs(np.linalg.det(matrix / extents)) < _FLAT:
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            "the affine holds no usable numbers (NaN, an axis without extent, two "
            f"along each other, or more than {MAX_LENGTH_MM / 1000:g} m)",
            where=path,
            remedy="Convert the scan again from its DICOM files.",
        )


def require_right_angles(
    affine: np.ndarray, path: Path, accept: AbstractSet[Accepted]
) -> tuple[str, ...]:
    """Refuse an affine that shears, unless that is accepted, which is noted.

    Raises:
        UnusableInput: SHEARED_AFFINE.
    """
    shear_deg = largest_shear_deg(affine[:3, :3])
    if shear_deg <= MAX_SHEAR_DEG:
        return ()
    problem = Mendable(
        code=Accepted.SHEARED_AFFINE,
        what=f"the axes are {shear_deg:.2f} degrees away from right angles",
        where=path,
        remedy="Resample the scan onto a grid with right angles first.",
        mending=f"{shear_deg:.1f} degrees, resampled onto an upright grid",
    )
    return (problem.accepted_in(accept),)


def largest_shear_deg(matrix: np.ndarray) -> float:
    """How far two of the three axes (columns) are from being at right angles."""
    directions = matrix / np.linalg.norm(matrix, axis=0)
    cosines = np.abs(directions.T @ directions - np.eye(3))
    return float(np.degrees(np.arcsin(np.clip(cosines.max(), 0, 1))))


def require_finite(array: np.ndarray, path: Path) -> None:
    """Refuse voxels that are NaN or infinite.

    Raises:
        UnusableInput: NOT_FINITE, with their number.
    """
    if array.dtype.kind != "f":
        return
    count = array.size - int(np.count_nonzero(np.isfinite(array)))
    if count:
        raise UnusableInput(
            ErrorCode.NOT_FINITE,
            f"{count} of {array.size} voxels are NaN or infinite",
            where=path,
            remedy="Replace them with the value of air or background first.",
        )


def as_float32(array: np.ndarray, path: Path) -> np.ndarray:
    """Floating-point voxels as float32, refused if one is not finite then.

    Raises:
        UnusableInput: NOT_FINITE.
    """
    with np.errstate(over="ignore"):
        converted = array.astype(np.float32, copy=False)
    require_finite(converted, path)
    return converted


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits.

    Raises:
        UnusableInput: NOT_READABLE.
    """
    with reading_errors(path), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_all(paths: Iterable[Path]) -> str:
    """SHA-256 over the sorted hashes of several files; their names do not matter."""
    return sha256_of_hashes(sorted(sha256_of(path) for path in paths))


def sha256_of_hashes(hashes: Iterable[str]) -> str:
    """SHA-256 over hexadecimal hashes, in the order given."""
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def channels_first(
    array: np.ndarray, channels: tuple[str, ...] | int | None, path: Path
) -> np.ndarray:
    """Voxels (i, j, k) or (i, j, k, channel) as (channel, i, j, k).

    Args:
        array: The voxels.
        channels: Their names, or the number of the only one to take.
        path: The file.

    Raises:
        WrongUse: INVALID_OPTION for a number that the file does not hold.
        UnusableInput: CHANNEL_MISMATCH when a fourth dimension has no names (it may
            be time), or other ones than are wanted.
    """
    moved = array[np.newaxis] if array.ndim == 3 else np.moveaxis(array, -1, 0)
    if isinstance(channels, int):
        if not 0 <= channels < len(moved):
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"there is no channel {channels}, the file holds {len(moved)}",
                where=path,
                remedy=f"Give 0 to {len(moved) - 1}.",
            )
        return moved[channels : channels + 1].copy()  # the others need no memory then
    if channels is None and len(moved) > 1:
        raise UnusableInput(
            ErrorCode.CHANNEL_MISMATCH,
            f"the file holds {len(moved)} volumes: channels, or points in time?",
            where=path,
            remedy="Take one: channel=0 in Python, --channel 0 in classical and "
            "instances. For a model of several, give this file for each with "
            "--channel NAME=PATH.",
        )
    if channels is not None and len(moved) != len(channels):
        raise UnusableInput(
            ErrorCode.CHANNEL_MISMATCH,
            f"{len(channels)} channels are wanted ({', '.join(channels)}), "
            f"but the file holds {len(moved)}",
            where=path,
            remedy="Give a file with these channels, in this order.",
        )
    return moved


def stem_of(path: Path) -> str:
    """File name without the suffixes of an image file."""
    for suffix in (*IMAGE_SUFFIXES, *DICOM_SUFFIXES):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def case_id_of(path: Path) -> str:
    """Name of the case a file holds: its own, in letters, digits, dot, dash, _."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", stem_of(path)).strip("-.")
    return slug[:64] or "case"


def _not_found(what: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.NOT_FOUND, what, where=path, remedy="Check the path."
    )


def _times(shape: Sequence[int]) -> str:
    return " x ".join(str(int(size)) for size in shape)
