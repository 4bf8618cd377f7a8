"""NIfTI files <-> volumes and label maps."""

import gzip
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from io import BufferedIOBase
from pathlib import Path

import nibabel as nib
import numpy as np
from isal import igzip, isal_zlib
from nibabel.fileholders import FileHolder

from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.labels import LabelSet
from medseg.core.volume import Segmentation, Volume
from medseg.io.checks import (
    MAX_SHEAR_DEG,
    as_float32,
    case_id_of,
    channels_first,
    largest_shear_deg,
    require_file,
    sha256_of,
)
from medseg.io.label_maps.named_voxels import (
    as_label_map,
    named_labels,
    names_path,
    read_provenance,
)
from medseg.io.meanwhile import meanwhile
from medseg.io.nifti.header import NiftiHeader, read_nifti_header
from medseg.io.regular_grid import upright
from medseg.io.rests import require_no_rest
from medseg.io.safe_writing import written_whole

_GZIP_MAGIC = b"\x1f\x8b"
_ISAL_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub
_DAMAGED_GZIP = (EOFError, gzip.BadGzipFile, _ISAL_ERROR)
_DEFLATE_MAX_RATIO = 1032  # zlib's documented bound
_CHUNK = 2**20  # stays in the processor's cache between unpacking and copying
_LEVEL = 2  # of 0 to 3; a CT takes 4 % more than at zlib's 6 and a 30th of the time


@dataclass(frozen=True, eq=False)
class _Stored:
    header: NiftiHeader
    values: np.ndarray


def read_nifti_volume(
    path: Path,
    channels: tuple[str, ...] | int | None = None,
    accept: AbstractSet[Accepted] = frozenset(),
) -> Volume:
    """Read a scan: 3D, or 4D with the channels last, as the decathlon stores them.

    Integers stay integers unless the header scales them; all else becomes float32.

    Args:
        path: A .nii or .nii.gz file.
        channels: Name of each channel, or the number of the only one to take. A file
            with a fourth dimension is refused without them, since it may as well be a
            series in time.
        accept: Problems that are mended and not refused.

    Raises:
        UnusableInput: The file is damaged, its geometry contradicts itself, a voxel
            is not finite, or it does not have the channels named.
    """
    with meanwhile(partial(sha256_of, path)) as hashed:
        stored = _read(path, accept)
        values = channels_first(_true_values(stored, path), channels, path)
    volume = Volume(
        array=values,
        geometry=stored.header.geometry,
        channels=channels if isinstance(channels, tuple) else ("image",),
        case_id=case_id_of(path),
        sha256=hashed.result(),
        notes=stored.header.notes,
    )
    return upright(volume, path)


def read_nifti_labels(path: Path, labels: LabelSet | None = None) -> Segmentation:
    """Read a label map.

    Args:
        path: A .nii or .nii.gz file of whole numbers, stored as integers or floats.
        labels: Names; without them those beside the file are taken, else numbers.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP, UNKNOWN_LABEL, or as for a scan.
    """
    stored = _read(path)
    values = stored.values
    if stored.header.slope is not None:
        values = values * stored.header.slope + stored.header.intercept
    if values.ndim != 3:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            f"a label map has three dimensions, this file {values.shape}",
            where=path,
            remedy="Give one 3D label map.",
        )
    label_map = as_label_map(values, path)
    return Segmentation(
        array=label_map,
        geometry=stored.header.geometry,
        labels=named_labels(label_map, labels, path),
        case_id=case_id_of(path),
        provenance=read_provenance(names_path(path)),
        notes=stored.header.notes,
    )


def write_nifti_volume(volume: Volume, path: Path, *, overwrite: bool = False) -> None:
    """Write a scan; several channels become a fourth dimension.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    array = volume.array[0] if len(volume.channels) == 1 else volume.array
    if array.ndim == 4:
        array = np.moveaxis(array, 0, -1)
    with written_whole(path, overwrite=overwrite) as temporary:
        save_nifti(array, volume.geometry, temporary)


def write_nifti_labels(
    segmentation: Segmentation, path: Path, *, overwrite: bool = False
) -> None:
    """Write a label map without its names (`write_segmentation` adds those).

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    with written_whole(path, overwrite=overwrite) as temporary:
        save_nifti(segmentation.array, segmentation.geometry, temporary)


def read_nifti_geometry(path: Path) -> NiftiHeader:
    """Read and check the header, and that the file can hold its voxels.

    Raises:
        UnusableInput: As `read_nifti_volume`, where the header shows it.
    """
    with _unpacked(path) as stream:
        header = read_nifti_header(stream, path)
    rest = _require_right_size(header, path)
    return replace(header, notes=header.notes + rest)


def _read(path: Path, accept: AbstractSet[Accepted] = frozenset()) -> _Stored:
    with _unpacked(path) as stream:
        header = read_nifti_header(stream, path, accept)
        _require_right_size(header, path)
        stream.seek(header.offset)
        values = np.empty(header.byte_count, dtype=np.uint8)
        view, filled = values.data, 0
        while filled < len(view):
            count = stream.readinto(view[filled : filled + _CHUNK])
            if not count:
                raise _truncated(path)
            filled += count
        rest, notes = 0, header.notes
        while chunk := stream.read(_CHUNK):  # to the end, where gzip has its checksum
            rest += len(chunk)
            notes = header.notes + _notes_on_rest(rest, header, path)
    header = replace(header, notes=notes)
    native = values.view(header.dtype).reshape(header.shape, order="F")
    return _Stored(header, native.astype(header.dtype.newbyteorder("="), copy=False))


@contextmanager
def _unpacked(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file, through gzip if its bytes say so, whatever its suffix."""
    require_file(path)
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        stream: BufferedIOBase = igzip.IGzipFile(fileobj=file) if is_packed else file
        try:
            yield stream
        except _DAMAGED_GZIP as error:
            raise _truncated(path) from error


def _require_right_size(header: NiftiHeader, path: Path) -> tuple[str, ...]:
    """Refuse, before allocating, what the file cannot hold even fully packed.

    Returns:
        A note on a few bytes too many, which a packed file does not show.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP_MAGIC
    possible = size * _DEFLATE_MAX_RATIO if is_packed else size - header.offset
    if header.byte_count > possible:
        raise _truncated(path)
    rest = 0 if is_packed else possible - header.byte_count
    return _notes_on_rest(rest, header, path)


def _notes_on_rest(rest: int, header: NiftiHeader, path: Path) -> tuple[str, ...]:
    return require_no_rest(rest, header.shape, header.dtype.itemsize, path)


def _true_values(stored: _Stored, path: Path) -> np.ndarray:
    values, header = stored.values, stored.header
    if header.slope is not None:
        exact = np.float32 if values.dtype.itemsize <= 2 else np.float64
        with np.errstate(over="ignore", invalid="ignore"):  # checked below
            values = np.multiply(values, header.slope, dtype=exact)
            values += exact(header.intercept)
    return as_float32(values, path) if values.dtype.kind == "f" else values


def _truncated(path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.TRUNCATED_FILE,
        "the file ends before its last voxel, or is damaged",
        where=path,
        remedy="Copy or download it again.",
    )


def save_nifti(array: np.ndarray, geometry: Geometry, file: Path) -> None:
    """Write voxels straight into a file, such as `written_whole` gives."""
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    image = nib.Nifti1Image(array, geometry.affine, dtype=array.dtype)
    _place(image.header, geometry)
    with _packed(file) as stream:
        image.to_file_map({"image": FileHolder(fileobj=stream)})


def save_nifti_shares(shares: Volume, steps: int, file: Path) -> None:
    """Write values from 0 to 1 in so many steps, a channel at a time.

    They are stored as whole numbers with a scale factor, which take half the space of
    float32.

    Args:
        shares: Several channels become the fourth dimension.
        steps: At most 65535; a power of two gives exact values.
        file: Such as `written_whole` gives.
    """
    header = nib.Nifti1Header()
    header.set_data_dtype(np.uint16)
    channels = (len(shares.channels),) if len(shares.channels) > 1 else ()
    header.set_data_shape((*shares.geometry.shape, *channels))
    header.set_slope_inter(1 / steps, 0)
    header["magic"] = b"n+1"
    header["vox_offset"] = header.single_vox_offset
    _place(header, shares.geometry)
    with _packed(file) as stream:
        header.write_to(stream)
        for channel in shares.array:
            counted = np.rint(np.multiply(channel, steps, dtype=np.float32))
            stream.write(counted.astype(np.uint16).tobytes(order="F"))


def _place(header: nib.Nifti1Header, geometry: Geometry) -> None:
    is_sheared = largest_shear_deg(geometry.affine[:3, :3]) > MAX_SHEAR_DEG
    header.set_sform(geometry.affine, code=1)
    header.set_qform(
        None if is_sheared else geometry.affine, code=0 if is_sheared else 1
    )
    header.set_xyzt_units("mm")


@contextmanager
def _packed(file: Path) -> Iterator[BufferedIOBase]:
    """A file to write to, packed where it is named so."""
    with file.open("wb") as raw:
        if file.name.lower().endswith(".gz"):  # no name, no time: same in, same out
            with igzip.IGzipFile("", "wb", _LEVEL, raw, 0) as stream:
                yield stream
        else:
            yield raw
