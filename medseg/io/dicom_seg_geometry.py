"""The regular grid that the frames of a DICOM-SEG lie on, empty slices included."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import LPS_TO_RAS, Geometry
from medseg.io.checks import require_believable_size, require_usable_affine
from medseg.io.dicom_headers import SliceHeader
from medseg.io.dicom_spacing import MAX_ANGLE_DEG, MAX_DRIFT_MM, SAME_POSITION_MM

MAX_OFF_GRID_MM = 0.1
"""Distance of a frame from its slice of the grid which is rounding."""

MAX_OFF_GRID = 0.05
"""The same as a share of the distance between slices."""


def frame_grid(
    frames: Sequence[SliceHeader], spacing_hint_mm: float, path: Path
) -> tuple[Geometry, list[int]]:
    """The grid that frames span, and the slice that each of them is.

    Frames that are all empty may have been left out; the grid has their slices too.

    Args:
        frames: One or more frames, in any order.
        spacing_hint_mm: What the file says of the distance between slices (or of
            their thickness); taken where it fits the frames. 0 for not known.
        path: For messages.

    Raises:
        UnusableInput: MISSING_GEOMETRY, INCONSISTENT_ORIENTATION, VARIABLE_SPACING,
            GANTRY_TILT, TOO_LARGE.
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
    spacing_mm = _spacing(np.unique(along_mm), spacing_hint_mm, path)
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
    return Geometry(shape, affine), np.rint(along_mm / spacing_mm).astype(int).tolist()


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


def _spacing(along_mm: np.ndarray, hint_mm: float, path: Path) -> float:
    """Distance between slices: the hint or the smallest gap, if all gaps fit it."""
    distinct = along_mm[np.diff(along_mm, prepend=-np.inf) > SAME_POSITION_MM]
    if len(distinct) == 1 and hint_mm <= 0:
        raise _missing("the distance between its slices", path)
    candidates_mm = [hint_mm] if hint_mm > 0 else []
    if len(distinct) > 1:
        candidates_mm.append(float(np.diff(distinct).min()))
    for candidate_mm in candidates_mm:
        steps = np.rint(distinct / candidate_mm)
        count = float(steps[-1])
        spacing_mm = float(distinct[-1]) / count if count > 0 else candidate_mm
        off_mm = np.abs(distinct - steps * spacing_mm).max()
        is_apart = len(np.unique(steps)) == len(distinct)
        if is_apart and off_mm <= max(MAX_OFF_GRID_MM, MAX_OFF_GRID * spacing_mm):
            return spacing_mm
    gaps_mm = np.diff(distinct)
    raise UnusableInput(
        ErrorCode.VARIABLE_SPACING,
        f"its frames are {gaps_mm.min():.2f} to {gaps_mm.max():.2f} mm apart, "
        "which are not slices of one regular grid",
        where=path,
        remedy="Resample it onto the scan with the program that made it.",
    )


def _require_alike(frame: SliceHeader, first: SliceHeader, path: Path) -> None:
    has_spacing = frame.row_spacing_mm > 0 and frame.column_spacing_mm > 0
    if frame.position_lps_mm is None or frame.directions is None or not has_spacing:
        raise _missing("the position, orientation or pixel spacing of a frame", path)
    turned = np.abs(np.subtract(frame.directions, first.directions or ())).max()
    pixel = (frame.row_spacing_mm, frame.column_spacing_mm)
    if turned > np.radians(MAX_ANGLE_DEG) or not np.allclose(
        pixel, (first.row_spacing_mm, first.column_spacing_mm), rtol=1e-4
    ):
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
