"""Do the slices of a series form one regular volume, and where is it?

Everything here works on headers. Slices are put in order of their position along the
slice normal; file names and instance numbers do not matter. Nothing is guessed: a
stack that is not regular is refused, with what is wrong with it, or resampled where
that can be done and the user accepts it.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import LPS_TO_RAS, Affine, Geometry, Shape3
from medseg.io.checks import require_believable_size
from medseg.io.dicom.headers import SliceHeader
from medseg.io.dicom.parts import (
    count_time_points,
    how_to_choose,
    listed,
    parts_of,
)
from medseg.io.dicom.planes import (
    MIN_SLICES,
    axes_of,
    by_position,
    has_geometry,
    has_same_pixels,
    normal_of,
    pixel_size_of,
    position_of,
    turned_deg,
)
from medseg.io.dicom.spacing import (
    MAX_ANGLE_DEG,
    MAX_DRIFT_MM,
    SAME_POSITION_MM,
    PlacedStack,
    require_in_line,
    require_regular_spacing,
)
from medseg.io.regular_grid import LooseSlices

_STRAY_DEG = 30.0
_MAX_STRAYS = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class Stack:
    """Slices in order, along the normal (row direction x column direction).

    Attributes:
        positions: For each position the slices there; more than one are duplicates,
            to be told apart by their pixels.
        geometry: Grid of the volume in RAS (i along a row, j along a column, k along
            the normal), once the slices are resampled where they are loose.
        loose: The same slices, where they have to be resampled onto that grid.
        notes: What was left out or accepted.
    """

    positions: tuple[tuple[SliceHeader, ...], ...]
    geometry: Geometry
    loose: LooseSlices | None
    notes: tuple[str, ...]

    @property
    def shape(self) -> Shape3:
        """Columns, rows and slices as they are stored."""
        first = self.positions[0][0]
        return first.columns, first.rows, len(self.positions)


def regular_stack(
    slices: Sequence[SliceHeader],
    where: Path,
    accept: AbstractSet[Accepted] = frozenset(),
) -> Stack:
    """Order the slices of one series, refused unless they are one regular volume.

    Raises:
        UnusableInput: MISSING_GEOMETRY, INCONSISTENT_ORIENTATION,
            INCONSISTENT_MATRIX, INCONSISTENT_SPACING, TEMPORAL_SERIES, NOT_A_VOLUME,
            or what is not accepted of GANTRY_TILT, MISSING_SLICES, VARIABLE_SPACING.
    """
    for header in slices:
        if not has_geometry(header):
            raise _without_geometry(header)
    kept, left_out = without_strays(slices)
    _require_alike(kept, where)
    _require_one_time(kept, where)
    positions, along_mm = by_position(kept)
    if len(positions) < MIN_SLICES:
        raise UnusableInput(
            ErrorCode.NOT_A_VOLUME,
            f"its {len(kept)} slice(s) are at {len(positions)} position(s), more than "
            f"{SAME_POSITION_MM} mm apart; a volume has at least {MIN_SLICES}",
            where=where,
            remedy="Give the whole series.",
        )
    first = [group[0] for group in positions]
    require_believable_size((first[0].columns, first[0].rows, len(first)), 4, where)
    _require_parallel(first)
    placed = PlacedStack(names=[s.name for s in first], along_mm=along_mm, where=where)
    points, normal = np.array([position_of(s) for s in first]), normal_of(first[0])
    slope, leaning = require_in_line(points, normal, placed, accept)
    spacing = require_regular_spacing(placed, accept)
    accepted = (*leaning, *spacing.accepted)
    loose = _loose(first, spacing.step_mm) if accepted else None
    geometry = (
        loose.geometry
        if loose is not None
        else _grid(first, (normal + slope) * spacing.step_mm)
    )
    require_believable_size(geometry.shape, 4, where)
    return Stack(
        positions=positions,
        geometry=geometry,
        loose=loose,
        notes=(*left_out, *accepted),
    )


def without_strays(
    slices: Sequence[SliceHeader],
) -> tuple[Sequence[SliceHeader], tuple[str, ...]]:
    """Leave out a few single slices that lie across the stack: unmarked localizers."""
    usual = normal_of(
        _usual(slices, lambda s: tuple(np.round(np.abs(normal_of(s)), 2)))
    )
    limit = np.cos(np.radians(_STRAY_DEG))
    strays = [header for header in slices if abs(normal_of(header) @ usual) < limit]
    if not strays or len(strays) > _MAX_STRAYS * len(slices):
        return slices, ()
    kept = [header for header in slices if header not in strays]
    return kept, (f"left out: {len(strays)} x unmarked localizer across the stack",)


def _require_alike(slices: Sequence[SliceHeader], where: Path) -> None:
    """Refuse slices that differ in direction, number or size of their pixels."""
    odd = _odd_one(slices)
    if odd is None:
        return
    parts = parts_of(slices)
    if len(parts) < 2:
        raise odd
    raise UnusableInput(
        odd.code,
        f"the series holds {len(parts)} volumes: {listed(parts)}",
        where=where,
        remedy=how_to_choose(parts),
    )


def _odd_one(slices: Sequence[SliceHeader]) -> UnusableInput | None:
    """The first slice that is not as most of the others are."""
    straight = _usual(slices, lambda s: tuple(np.round(axes_of(s).flat, 3)))
    usual = _usual(slices, lambda s: (s.rows, s.columns))
    kind = _usual(slices, lambda s: s.sop_class).sop_class
    spaced = _usual(slices, _rounded_pixel_size)
    for header in slices:
        if header.sop_class != kind:
            return _differs(
                ErrorCode.INVALID_HEADER,
                "a slice is another kind of image (SOPClassUID) than the others",
                header,
            )
        angle_deg = turned_deg(header, straight)
        if angle_deg > MAX_ANGLE_DEG:
            return _differs(
                ErrorCode.INCONSISTENT_ORIENTATION,
                f"a slice is turned by {angle_deg:.1f} degrees from the others",
                header,
            )
        if (header.rows, header.columns) != (usual.rows, usual.columns):
            return _differs(
                ErrorCode.INCONSISTENT_MATRIX,
                f"a slice has {header.columns} x {header.rows} pixels, "
                f"the others {usual.columns} x {usual.rows}",
                header,
            )
        if not has_same_pixels(header, spaced):
            return _differs(
                ErrorCode.INCONSISTENT_SPACING,
                f"a slice has pixels of {pixel_size_of(header)} mm, "
                f"the others of {pixel_size_of(spaced)} mm",
                header,
            )
    return None


def _require_parallel(slices: Sequence[SliceHeader]) -> None:
    """Refuse slices that turn or grow, by little each, by too much over the stack.

    Each has all its pixels on the grid, which has the directions of the first.
    """
    last = [(s.columns - 1, s.rows - 1) for s in slices]
    lengths_mm = np.array([pixel_size_of(s) for s in slices]) * last
    edges_mm = np.array([axes_of(s) for s in slices]) * lengths_mm[:, :, None]
    corners_mm = np.concatenate([edges_mm, edges_mm.sum(axis=1, keepdims=True)], axis=1)
    off_mm = np.linalg.norm(corners_mm - corners_mm[0], axis=2).max(axis=1)
    if off_mm.max() > MAX_DRIFT_MM:
        raise _differs(
            ErrorCode.INCONSISTENT_ORIENTATION,
            f"a slice is turned so that a corner is {off_mm.max():.2f} mm from where "
            "the first slice has it",
            slices[int(off_mm.argmax())],
        )


def _usual(
    slices: Sequence[SliceHeader], key: Callable[[SliceHeader], Hashable]
) -> SliceHeader:
    """A slice that has the commonest value of some property."""
    commonest, _ = Counter(key(header) for header in slices).most_common(1)[0]
    return next(header for header in slices if key(header) == commonest)


def _require_one_time(slices: Sequence[SliceHeader], where: Path) -> None:
    """Refuse whole stacks repeated in time, by echo or by b-value."""
    times = count_time_points(slices)
    if times == 1:
        return
    parts = parts_of(slices)
    is_told = len(parts) > 1
    raise UnusableInput(
        ErrorCode.TEMPORAL_SERIES,
        f"it holds {times} volumes of the same place (times, echoes or b-values)"
        + (f": {listed(parts)}" if is_told else ""),
        where=where,
        remedy=how_to_choose(parts) if is_told else "Split it and give one of them.",
    )


def _loose(slices: Sequence[SliceHeader], step_mm: float) -> LooseSlices:
    """The slices where they are; put in line where only rounding keeps them off it."""
    affine = _grid(slices, normal_of(slices[0])).affine
    points = np.array([position_of(header) for header in slices]) @ LPS_TO_RAS[:3, :3]
    normal = affine[:3, 2]
    straight = points[0] + np.outer((points - points[0]) @ normal, normal)
    is_in_line = np.linalg.norm(points - straight, axis=1).max() <= SAME_POSITION_MM
    return LooseSlices(
        shape=(slices[0].columns, slices[0].rows),
        pixel_ras_mm=affine[:3, :2],
        origins_ras_mm=straight if is_in_line else points,
        step_mm=step_mm,
    )


def _grid(slices: Sequence[SliceHeader], step_lps_mm: np.ndarray) -> Geometry:
    first = slices[0]
    shape = (first.columns, first.rows, len(slices))
    return Geometry(shape, _affine_ras(first, step_lps_mm))


def _affine_ras(first: SliceHeader, step_lps_mm: np.ndarray) -> Affine:
    """DICOM PS3.3 C.7.6.2.1.1, with columns for i, j, k and LPS turned into RAS."""
    row, column = axes_of(first)
    affine = np.eye(4)
    affine[:3, 0] = row * first.column_spacing_mm
    affine[:3, 1] = column * first.row_spacing_mm
    affine[:3, 2] = step_lps_mm
    affine[:3, 3] = position_of(first)
    in_ras: np.ndarray = LPS_TO_RAS @ affine
    return in_ras


def _rounded_pixel_size(header: SliceHeader) -> tuple[float, ...]:
    return tuple(round(size_mm, 4) for size_mm in pixel_size_of(header))


def _without_geometry(header: SliceHeader) -> UnusableInput:
    return UnusableInput(
        ErrorCode.MISSING_GEOMETRY,
        "position, orientation (two perpendicular directions) or pixel spacing of "
        "a slice is missing or is not valid",
        where=header.path,
        remedy="Export the series again from the archive, with complete headers.",
    )


def _differs(code: ErrorCode, what: str, header: SliceHeader) -> UnusableInput:
    return UnusableInput(
        code,
        what,
        where=header.path,
        remedy="Give one acquisition, without slices of others among it.",
    )
