"""The regular grid that the frames of a DICOM-SEG lie on, empty slices included."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import LPS_TO_RAS, Geometry
from medseg.io.checks import require_believable_size, require_usable_affine
from medseg.io.dicom.headers import SliceHeader
from medseg.io.dicom.planes import has_geometry, has_same_pixels, turned_deg
from medseg.io.dicom.slice_places import max_off_slice_mm
from medseg.io.dicom.spacing import MAX_ANGLE_DEG, MAX_DRIFT_MM, SAME_POSITION_MM

_MIN_SPACING_MM = 0.01


@dataclass(frozen=True, kw_only=True)
class Distances:
    """What is said of the slices of a DICOM-SEG.

    Attributes:
        spacing_mm: Distance between two; 0, NaN or infinite where not known.
        thickness_mm: Thickness of one, which may be less or more than that.
    """

    spacing_mm: float
    thickness_mm: float


def frame_grid(
    frames: Sequence[SliceHeader], distances: Distances, path: Path
) -> tuple[Geometry, list[int], tuple[str, ...]]:
    """The grid that frames span, the slice that each of them is, and notes.

    Frames that are all empty may have been left out; the grid has their slices too.

    Args:
        frames: One or more frames, in any order.
        distances: What is said of the distance between slices; taken where it fits.
        path: For messages.

    Raises:
        UnusableInput: MISSING_GEOMETRY, INCONSISTENT_ORIENTATION, VARIABLE_SPACING,
            GANTRY_TILT, INVALID_HEADER, TOO_LARGE.
    """
    for frame in frames:
        _require_alike(frame, frames[0], path)
    row, column = np.reshape(frames[0].directions or (), (2, 3))
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    positions = np.array([frame.position_lps_mm for frame in frames])
    along_mm = (positions - positions[0]) @ normal
    first, last = int(along_mm.argmin()), int(along_mm.argmax())
    along_mm -= along_mm[first]
    spacing_mm, notes = _spacing(np.unique(along_mm), distances, path)
    count = round(float(along_mm[last]) / spacing_mm) + 1
    shape = (frames[0].columns, frames[0].rows, count)
    require_believable_size(shape, 1, path)
    sideways = positions - positions[first] - np.outer(along_mm, normal)
    _require_upright(sideways, path)
    affine = np.eye(4)
    affine[:3, 0] = row * frames[0].column_spacing_mm
    affine[:3, 1] = column * frames[0].row_spacing_mm
    affine[:3, 2] = normal * spacing_mm
    if count > 1:
        affine[:3, 2] = _step(positions[last] - positions[first], normal) / (count - 1)
    affine[:3, 3] = positions[first]
    affine = LPS_TO_RAS @ affine
    require_usable_affine(affine, path)
    slices = np.rint(along_mm / spacing_mm).astype(int).tolist()
    return Geometry(shape, affine), slices, notes


def first_slice_on(grid: Geometry, scan: Geometry, path: Path) -> int:
    """The slice of a scan that a grid begins at, if it is a part of the scan's slices.

    Raises:
        UnusableInput: GRID_MISMATCH.
    """
    start = np.rint(scan.to_index(grid.to_world((0, 0, 0)))).astype(int)
    first = int(start[2])
    part = scan.cropped((0, 0, first), (*scan.shape[:2], grid.shape[2]))
    if 0 <= first <= scan.shape[2] - grid.shape[2] and part.is_same_grid(grid):
        return first
    raise UnusableInput(
        ErrorCode.GRID_MISMATCH,
        f"its frames ({grid.shape[0]} x {grid.shape[1]} pixels, {grid.shape[2]} "
        "slices) are not slices of the scan given",
        where=path,
        remedy="Give the scan it was drawn on, or read it without a scan.",
    )


def _spacing(
    along_mm: np.ndarray, distances: Distances, path: Path
) -> tuple[float, tuple[str, ...]]:
    """Distance between slices and notes on it: as stated, where all frames fit that.

    Else the smallest gap between frames is taken, or the thickness of a single slice.
    """
    distinct = along_mm[np.diff(along_mm, prepend=-np.inf) > SAME_POSITION_MM]
    stated_mm = distances.spacing_mm
    if _is_believable(stated_mm):
        fitted_mm = _fitted(distinct, stated_mm)
        if fitted_mm is not None:
            return fitted_mm, ()
    if len(distinct) == 1:
        if not _is_believable(distances.thickness_mm):
            raise _missing("the distance between its slices", path)
        return distances.thickness_mm, ("one slice: its thickness is its spacing",)
    gaps_mm = np.diff(distinct)
    fitted_mm = _fitted(distinct, float(gaps_mm.min()))
    if fitted_mm is not None:
        return fitted_mm, ("distance between slices taken from the frames there are",)
    raise UnusableInput(
        ErrorCode.VARIABLE_SPACING,
        f"its frames are {gaps_mm.min():.2f} to {gaps_mm.max():.2f} mm apart, "
        "which are not slices of one regular grid",
        where=path,
        remedy="Give the scan too (Python: source=), or resample it onto the scan "
        "with the program that made it.",
    )


def _is_believable(spacing_mm: float) -> bool:
    return math.isfinite(spacing_mm) and spacing_mm >= _MIN_SPACING_MM


def _fitted(distinct_mm: np.ndarray, spacing_mm: float) -> float | None:
    """A distance near the one given, of which all places are multiples, if any is."""
    steps = np.rint(distinct_mm / spacing_mm)
    if steps[-1] > 0:
        spacing_mm = float(distinct_mm[-1] / steps[-1])
    off_mm = np.abs(distinct_mm - steps * spacing_mm).max()
    is_apart = len(np.unique(steps)) == len(distinct_mm)
    return spacing_mm if is_apart and off_mm <= max_off_slice_mm(spacing_mm) else None


def _require_alike(frame: SliceHeader, first: SliceHeader, path: Path) -> None:
    if not has_geometry(frame):
        raise _missing("the position, orientation or pixel spacing of a frame", path)
    if turned_deg(frame, first) > MAX_ANGLE_DEG or not has_same_pixels(frame, first):
        raise UnusableInput(
            ErrorCode.INCONSISTENT_ORIENTATION,
            f"frame {frame.frame + 1} has another orientation or pixel size than the "
            "others",
            where=path,
            remedy="Split it into one object for each orientation.",
        )


def _require_upright(sideways_mm: np.ndarray, path: Path) -> None:
    drift_mm = float(np.linalg.norm(sideways_mm, axis=1).max())
    if drift_mm > MAX_DRIFT_MM:
        raise UnusableInput(
            ErrorCode.GANTRY_TILT,
            f"its slices are shifted sideways by up to {drift_mm:.2f} mm",
            where=path,
            remedy="Resample it onto an upright grid with the program that made it.",
        )


def _step(across_mm: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """From the first slice to the last, a tilt within rounding taken away."""
    along_mm = float(across_mm @ normal)
    tilt = np.linalg.norm(across_mm - along_mm * normal) / along_mm
    step: np.ndarray = across_mm
    return along_mm * normal if np.degrees(np.arctan(tilt)) > MAX_ANGLE_DEG else step


def _missing(what: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.MISSING_GEOMETRY,
        f"{what} is missing or is not valid",
        where=path,
        remedy="Export it again with complete headers.",
    )
