"""Do the slices of a series form one regular volume, and where is it?

Everything here works on headers. Slices are put in order of their position along the
slice normal; file names and instance numbers do not matter. Nothing is resampled or
guessed: a stack that is not regular is refused, with what is wrong with it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import LPS_TO_RAS, Affine, Geometry
from medseg.io.checks import require_believable_size
from medseg.io.dicom_headers import SliceHeader
from medseg.io.dicom_spacing import SAME_POSITION_MM, require_regular_spacing

MIN_SLICES = 3
"""With two slices one cannot tell whether there was one between them."""

MAX_ANGLE_DEG = 0.1
"""Between the directions of two slices, and between stack and slice normal."""

MAX_DRIFT_MM = 0.1
"""Sideways shift over the whole stack which is rounding in the header, not a tilt."""

_STRAY_DEG = 30.0
_MAX_STRAYS = 0.1
_SAME_PIXEL_SIZE = 1e-4


@dataclass(frozen=True, eq=False, kw_only=True)
class Stack:
    """Slices in order, along the normal (row direction x column direction).

    Attributes:
        positions: For each position the slices there; more than one are duplicates,
            to be told apart by their pixels.
        geometry: Grid (i along a row, j along a column, k along the normal) in RAS.
        notes: What was left out.
    """

    positions: tuple[tuple[SliceHeader, ...], ...]
    geometry: Geometry
    notes: tuple[str, ...]


def regular_stack(slices: Sequence[SliceHeader], where: Path) -> Stack:
    """Order the slices of one series, refused unless they are one regular volume.

    Raises:
        UnusableInput: MISSING_GEOMETRY, INCONSISTENT_ORIENTATION,
            INCONSISTENT_MATRIX, INCONSISTENT_SPACING, GANTRY_TILT, TEMPORAL_SERIES,
            MISSING_SLICES, VARIABLE_SPACING or NOT_A_VOLUME.
    """
    for header in slices:
        _require_geometry(header)
    kept, notes = _without_strays(slices)
    _require_alike(kept)
    positions, along_mm = _by_position(kept)
    _require_one_stack(positions, where)
    if len(positions) < MIN_SLICES:
        raise UnusableInput(
            ErrorCode.NOT_A_VOLUME,
            f"its {len(kept)} slice(s) are at {len(positions)} position(s); "
            f"a volume has at least {MIN_SLICES}",
            where=where,
            remedy="Give the whole series.",
        )
    first_of_each = [group[0] for group in positions]
    step = _step_lps_mm(first_of_each, where)
    require_regular_spacing([s.name for s in first_of_each], along_mm, where)
    shape = (kept[0].columns, kept[0].rows, len(positions))
    require_believable_size(shape, 4, where)
    geometry = Geometry(shape, _affine_ras(first_of_each[0], step))
    return Stack(positions=positions, geometry=geometry, notes=notes)


def _require_geometry(header: SliceHeader) -> None:
    position, directions = header.position_lps_mm, header.directions
    has_spacing = header.row_spacing_mm > 0 and header.column_spacing_mm > 0
    is_complete = position is not None and directions is not None and has_spacing
    if is_complete and _are_perpendicular(header):
        return
    raise UnusableInput(
        ErrorCode.MISSING_GEOMETRY,
        "position, orientation (two perpendicular directions) or pixel spacing of "
        "a slice is missing or is not valid",
        where=header.path,
        remedy="Export the series again from the archive, with complete headers.",
    )


def _are_perpendicular(header: SliceHeader) -> bool:
    axes = _axes(header)
    deviation = np.abs(axes @ axes.T - np.eye(2)).max()
    return bool(deviation < np.sin(np.radians(MAX_ANGLE_DEG)))


def _without_strays(
    slices: Sequence[SliceHeader],
) -> tuple[Sequence[SliceHeader], tuple[str, ...]]:
    """Leave out a few single slices that lie across the stack: unmarked localizers."""
    usual = _normal(_usual(slices, lambda s: tuple(np.round(np.abs(_normal(s)), 2))))
    limit = np.cos(np.radians(_STRAY_DEG))
    strays = [header for header in slices if abs(_normal(header) @ usual) < limit]
    if not strays or len(strays) > _MAX_STRAYS * len(slices):
        return slices, ()
    kept = [header for header in slices if header not in strays]
    return kept, (f"left out: {len(strays)} x unmarked localizer across the stack",)


def _require_alike(slices: Sequence[SliceHeader]) -> None:
    """Refuse slices that differ in direction, number or size of their pixels."""
    usual_axes = _axes(_usual(slices, lambda s: tuple(np.round(_axes(s).flat, 3))))
    usual = _usual(slices, lambda s: (s.rows, s.columns))
    spaced = _usual(slices, _rounded_pixel_size)
    limit = np.radians(MAX_ANGLE_DEG)
    for header in slices:
        angle = np.linalg.norm(_axes(header) - usual_axes, axis=1).max()
        if angle > limit:
            raise _differs(
                ErrorCode.INCONSISTENT_ORIENTATION,
                f"a slice is turned by {np.degrees(angle):.1f} degrees from the others",
                header,
            )
        if (header.rows, header.columns) != (usual.rows, usual.columns):
            raise _differs(
                ErrorCode.INCONSISTENT_MATRIX,
                f"a slice has {header.columns} x {header.rows} pixels, "
                f"the others {usual.columns} x {usual.rows}",
                header,
            )
        if not np.allclose(
            _pixel_size(header), _pixel_size(spaced), rtol=_SAME_PIXEL_SIZE
        ):
            raise _differs(
                ErrorCode.INCONSISTENT_SPACING,
                f"a slice has pixels of {_pixel_size(header)} mm, "
                f"the others of {_pixel_size(spaced)} mm",
                header,
            )


def _usual(
    slices: Sequence[SliceHeader], key: Callable[[SliceHeader], tuple[float, ...]]
) -> SliceHeader:
    """A slice that has the commonest value of some property."""
    commonest, _ = Counter(key(header) for header in slices).most_common(1)[0]
    return next(header for header in slices if key(header) == commonest)


def _by_position(
    slices: Sequence[SliceHeader],
) -> tuple[tuple[tuple[SliceHeader, ...], ...], list[float]]:
    """Slices grouped by position along the normal, ascending, and the positions."""
    normal = _normal(slices[0])
    placed = sorted(
        ((float(_position(s) @ normal), s.name, s) for s in slices),
        key=lambda entry: entry[:2],
    )
    groups: list[list[SliceHeader]] = []
    along_mm: list[float] = []
    for along, _, header in placed:
        if along_mm and along - along_mm[-1] <= SAME_POSITION_MM:
            groups[-1].append(header)
        else:
            groups.append([header])
            along_mm.append(along)
    return tuple(tuple(group) for group in groups), along_mm


def _require_one_stack(
    positions: tuple[tuple[SliceHeader, ...], ...], where: Path
) -> None:
    """Refuse whole stacks repeated in time, by echo or by b-value."""
    counts = {len(group) for group in positions}
    times = min(counts)
    if len(positions) < 2 or times < 2:
        return
    if all(len({header.moment for header in group}) > 1 for group in positions):
        raise UnusableInput(
            ErrorCode.TEMPORAL_SERIES,
            f"it holds {times} volumes of the same place (times, echoes or b-values)",
            where=where,
            remedy="Split it and give one of them.",
        )


def _step_lps_mm(slices: Sequence[SliceHeader], where: Path) -> np.ndarray:
    """Vector from one slice to the next.

    Raises:
        UnusableInput: GANTRY_TILT when it does not run along the slice normal,
            VARIABLE_SPACING when the slices do not lie in one line.
    """
    points = np.array([_position(header) for header in slices])
    normal = _normal(slices[0])
    along = (points - points[0]) @ normal
    sideways = points - points[0] - np.outer(along, normal)
    slope = sideways[-1] / along[-1]
    drift_mm = float(np.linalg.norm(sideways[-1]))
    tilt_deg = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    off_line_mm = np.linalg.norm(sideways - np.outer(along, slope), axis=1)
    if off_line_mm.max() > MAX_DRIFT_MM:
        worst = slices[int(off_line_mm.argmax())]
        raise UnusableInput(
            ErrorCode.VARIABLE_SPACING,
            f"the slices do not lie in one line: {off_line_mm.max():.2f} mm sideways",
            where=worst.path,
            remedy="Give a series of one acquisition, or resample it first.",
        )
    if tilt_deg > MAX_ANGLE_DEG and drift_mm > MAX_DRIFT_MM:
        raise UnusableInput(
            ErrorCode.GANTRY_TILT,
            f"the stack is tilted by {tilt_deg:.1f} degrees against its slices",
            where=where,
            remedy="Have the scan resampled without tilt (dcm2niix writes *_Tilt).",
        )
    step_mm = along[-1] / (len(slices) - 1)
    is_rounding = tilt_deg > MAX_ANGLE_DEG
    step: np.ndarray = (normal if is_rounding else normal + slope) * step_mm
    return step


def _affine_ras(first: SliceHeader, step_lps_mm: np.ndarray) -> Affine:
    """DICOM PS3.3 C.7.6.2.1.1, with columns for i, j, k and LPS turned into RAS."""
    row, column = _axes(first)
    affine = np.eye(4)
    affine[:3, 0] = row * first.column_spacing_mm
    affine[:3, 1] = column * first.row_spacing_mm
    affine[:3, 2] = step_lps_mm
    affine[:3, 3] = _position(first)
    in_ras: np.ndarray = LPS_TO_RAS @ affine
    return in_ras


def _position(header: SliceHeader) -> np.ndarray:
    return np.array(header.position_lps_mm)


def _axes(header: SliceHeader) -> np.ndarray:
    """Direction of a row (j constant, i grows) and of a column, one a line."""
    return np.array(header.directions).reshape(2, 3)


def _normal(header: SliceHeader) -> np.ndarray:
    normal = np.cross(*_axes(header))
    unit: np.ndarray = normal / np.linalg.norm(normal)
    return unit


def _pixel_size(header: SliceHeader) -> tuple[float, float]:
    return header.column_spacing_mm, header.row_spacing_mm


def _rounded_pixel_size(header: SliceHeader) -> tuple[float, ...]:
    return tuple(round(size_mm, 4) for size_mm in _pixel_size(header))


def _differs(code: ErrorCode, what: str, header: SliceHeader) -> UnusableInput:
    return UnusableInput(
        code,
        what,
        where=header.path,
        remedy="Give one acquisition, without slices of others among it.",
    )
