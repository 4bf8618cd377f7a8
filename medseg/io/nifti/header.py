"""NIfTI headers, checked before a single voxel is read."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from medseg.core.acceptance import Accepted, Mendable
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Affine, Geometry, Shape3
from medseg.io.checks import (
    require_axes,
    require_believable_size,
    require_right_angles,
)

MAX_FORM_CONFLICT_MM = 1.0
ROUNDING_MM = 0.1
"""Distance between the forms that needs no note."""

MIN_OFFSET, MAX_OFFSET = 352, 2**30

_HEADERS: dict[int, type[nib.Nifti1Header]] = {
    348: nib.Nifti1Header,
    540: nib.Nifti2Header,
}
_MAGIC = {348: b"n+1\0", 540: b"n+2\0"}
_UNITS = {1: ("metres", 1000.0), 3: ("micrometres", 0.001)}  # xyzt_units of NIfTI


@dataclass(frozen=True, eq=False, kw_only=True)
class NiftiHeader:
    """What reading the voxels needs to know.

    Attributes:
        shape: Size along i, j, k and, if above 1, the fourth dimension.
        geometry: Place of the voxels as stored, in RAS millimetres; its axes are at
            right angles unless a shear was accepted.
        dtype: Type of the stored numbers.
        offset: Byte where they begin.
        slope: Factor from stored to true values; None when they are the same.
        intercept: What is added after the factor.
        notes: What had to be decided.
    """

    shape: tuple[int, ...]
    geometry: Geometry
    dtype: "np.dtype[np.generic]"
    offset: int
    slope: float | None
    intercept: float
    notes: tuple[str, ...]

    @property
    def byte_count(self) -> int:
        """Bytes that the voxels take in the file."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


def read_nifti_header(
    stream: BufferedIOBase, path: Path, accept: AbstractSet[Accepted] = frozenset()
) -> NiftiHeader:
    """Read and check the header at the start of a stream (unpacked already).

    Raises:
        UnusableInput: NOT_AN_IMAGE, INVALID_HEADER, TOO_LARGE, NOT_A_VOLUME,
            SFORM_QFORM_CONFLICT or SHEARED_AFFINE.
    """
    raw = _raw_header(stream, path)
    try:
        dtype = raw.get_data_dtype()
        slope, intercept = raw.get_slope_inter()
    except (HeaderDataError, ValueError, OverflowError, KeyError) as error:
        raise _invalid(str(error), path) from error
    if int(raw["bitpix"]) != 8 * dtype.itemsize:
        raise _invalid(f"{int(raw['bitpix'])} bits for a voxel of type {dtype}", path)
    if np.isinf(float(raw["scl_slope"])):  # NaN: not scaled
        raise _invalid("its scale factor (scl_slope) is infinite", path)
    offset = float(raw["vox_offset"])
    if not (MIN_OFFSET <= offset <= MAX_OFFSET and offset.is_integer()):
        raise _invalid(f"its voxels begin at byte {offset:g}", path)
    if dtype.fields is not None or dtype.kind not in "iuf":
        raise UnusableInput(
            ErrorCode.NOT_AN_IMAGE,
            "it holds colours or complex numbers, not intensities",
            where=path,
            remedy="Give a grey-level scan or a label map.",
        )
    shape = _shape(raw, path)
    require_believable_size(shape, dtype.itemsize, path)
    affine, notes = _affine(raw, shape[:3], path, accept)
    is_scaled = slope is not None and (slope, intercept) != (1.0, 0.0)
    return NiftiHeader(
        shape=shape,
        geometry=Geometry((shape[0], shape[1], shape[2]), affine),
        dtype=dtype,
        offset=int(offset),
        slope=float(slope) if is_scaled else None,
        intercept=float(intercept) if is_scaled else 0.0,
        notes=notes,
    )


def _raw_header(stream: BufferedIOBase, path: Path) -> nib.Nifti1Header:
    start = stream.read(4)
    sizes = {int.from_bytes(start, "little"), int.from_bytes(start, "big")}
    size = next((size for size in sizes if size in _HEADERS), None)
    block = start + stream.read(size - 4) if size else b""
    is_whole = size is not None and len(block) == size
    if size is None or not is_whole or _MAGIC[size] not in block:
        raise UnusableInput(
            ErrorCode.NOT_AN_IMAGE,
            "this is not a NIfTI file" if start else "the file is empty",
            where=path,
            remedy="Copy or export it again; a scan is NIfTI, NRRD, MHA or DICOM.",
        )
    header: nib.Nifti1Header = _HEADERS[size](binaryblock=block, check=False)
    if header["pixdim"][0] != -1:  # the standard: whatever is not -1 counts as 1
        header["pixdim"][0] = 1
    return header


def _shape(raw: nib.Nifti1Header, path: Path) -> tuple[int, ...]:
    dimensions = [int(size) for size in raw["dim"]]
    count = dimensions[0]
    if not 1 <= count <= 7 or min(dimensions[1 : count + 1]) < 1:
        raise _invalid(f"its dimensions are {dimensions}", path)
    shape = dimensions[1 : count + 1]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if not 3 <= len(shape) <= 4:
        raise UnusableInput(
            ErrorCode.NOT_A_VOLUME,
            f"it has {len(shape)} dimensions: {shape}",
            where=path,
            remedy="Give a 3D volume, or a 4D one whose last dimension is channels.",
        )
    return tuple(shape)


def _affine(
    raw: nib.Nifti1Header,
    shape: tuple[int, ...],
    path: Path,
    accept: AbstractSet[Accepted],
) -> tuple[Affine, tuple[str, ...]]:
    """Affine in millimetres (sform before qform before pixel sizes), and notes."""
    pixdim = np.array(raw["pixdim"][1:4], dtype=np.float64)
    has_sizes = bool(np.isfinite(pixdim).all() and pixdim.min() > 0)
    has_sform, has_qform = int(raw["sform_code"]) > 0, int(raw["qform_code"]) > 0
    if not (has_sform or has_sizes):
        raise _invalid(f"its voxel sizes (pixdim) are {pixdim.tolist()}", path)
    unit, mm_per_unit = _UNITS.get(int(raw["xyzt_units"]) & 7, ("mm", 1.0))
    notes = [] if mm_per_unit == 1 else [f"lengths were in {unit}"]
    qform = _scaled(_qform(raw, path), mm_per_unit) if has_qform and has_sizes else None
    if has_sform:
        affine = _scaled(raw.get_sform(), mm_per_unit)
    elif qform is not None:
        affine = qform
    else:
        affine = _scaled(raw.get_base_affine(), mm_per_unit)
        notes.append("no sform or qform: orientation unknown, voxel sizes only")
    for each in (affine, qform):
        if each is not None:
            require_axes(each, path)
    notes += require_right_angles(affine, path, accept)
    grid: Shape3 = (shape[0], shape[1], shape[2])
    if has_sform and qform is not None:
        forms = Geometry(grid, affine), Geometry(grid, qform)
        notes += _require_agreement(*forms, path, accept)
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.allclose(spacing_mm, pixdim * mm_per_unit, rtol=0.01):
        notes.append(f"voxel sizes {pixdim.round(4).tolist()} of pixdim not used")
    return affine, tuple(notes)


def _qform(raw: nib.Nifti1Header, path: Path) -> np.ndarray:
    """As the file has it, in its own unit."""
    try:
        return np.asarray(raw.get_qform())
    except (HeaderDataError, ValueError) as error:
        raise _invalid(f"its qform is not a rotation: {error}", path) from error


def _scaled(affine: np.ndarray, mm_per_unit: float) -> Affine:
    in_mm = np.array(affine, dtype=np.float64)
    in_mm[:3] *= mm_per_unit
    return in_mm


def _require_agreement(
    sform: Geometry, qform: Geometry, path: Path, accept: AbstractSet[Accepted]
) -> tuple[str, ...]:
    conflict_mm = sform.disagreement_mm(qform)
    if conflict_mm <= MAX_FORM_CONFLICT_MM:
        what = f"sform and qform are {conflict_mm:.2f} mm apart: the sform is used"
        return (what,) if conflict_mm > ROUNDING_MM else ()
    problem = Mendable(
        code=Accepted.SFORM_QFORM_CONFLICT,
        what=f"sform and qform place the scan {conflict_mm:.1f} mm apart",
        where=path,
        remedy="Find out which is right and write it into both.",
        mending=f"{conflict_mm:.1f} mm, the sform is used",
    )
    return (problem.accepted_in(accept),)


def _invalid(what: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.INVALID_HEADER,
        f"the NIfTI header is not valid: {what}",
        where=path,
        remedy="The file is damaged; get it again or convert the scan again.",
    )
