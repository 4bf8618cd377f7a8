"""Are the slices of a stack equally far apart, one right above the other?

If not: is one missing, do they vary, does the stack lean over? All this can be mended
by resampling, where the user accepts it.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medseg.core.acceptance import Accepted, Mendable

SAME_POSITION_MM = 0.02
"""Slices closer than this are at the same position."""

SPACING_TOLERANCE_MM = 0.02
"""Rounding of positions in the header which is always accepted."""

SPACING_TOLERANCE = 0.01
"""Share of the spacing which is accepted as well, for thick slices."""

MAX_ANGLE_DEG = 0.1
"""Between the directions of two slices, and between stack and slice normal."""

MAX_DRIFT_MM = 0.1
"""Sideways shift over the whole stack which is rounding in the header, not a tilt."""

_WHOLE_MULTIPLE = 0.05
_MAX_SHARE_OF_GAPS = 1 / 3
_WIDEST_MENDED = 5


@dataclass(frozen=True, eq=False, kw_only=True)
class Spacing:
    """How the slices of a stack follow each other.

    Attributes:
        step_mm: From each to the next along the normal, once they are resampled where
            they have to be.
        accepted: What was accepted; they have to be resampled if there is anything.
    """

    step_mm: float
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlacedStack:
    """The slices of a stack, in order.

    Attributes:
        names: What to call each in a message.
        along_mm: Their positions along the slice normal, ascending.
        where: Folder or file, for messages.
    """

    names: Sequence[str]
    along_mm: Sequence[float]
    where: Path


def require_regular_spacing(
    stack: PlacedStack, accept: AbstractSet[Accepted] = frozenset()
) -> Spacing:
    """Refuse slices that are not equally spaced, unless that is accepted.

    A gap is taken for missing slices when it is a whole multiple of the smallest gap
    and such gaps are few; otherwise the series is said to vary in its spacing.

    Raises:
        UnusableInput: MISSING_SLICES (where, how many) or VARIABLE_SPACING; also where
            accepted, when a gap is over five times as wide as usual.
    """
    along_mm = np.asarray(stack.along_mm)
    height_mm = float(along_mm[-1] - along_mm[0])
    gaps_mm = np.diff(along_mm)
    usual_mm = float(np.median(gaps_mm))
    even_mm = along_mm[0] + np.arange(len(along_mm)) * gaps_mm.mean()
    tolerance_mm = max(SPACING_TOLERANCE_MM, SPACING_TOLERANCE * usual_mm)
    is_even = np.abs(along_mm - even_mm).max() <= 5 * tolerance_mm
    if is_even and np.abs(gaps_mm - usual_mm).max() <= tolerance_mm:
        return Spacing(step_mm=height_mm / len(gaps_mm))
    smallest_mm = float(gaps_mm.min())
    multiples = np.rint(gaps_mm / smallest_mm)
    off = np.abs(gaps_mm / smallest_mm - multiples).max()
    wide = np.flatnonzero(multiples > 1)
    few = max(1.0, _MAX_SHARE_OF_GAPS * len(gaps_mm))
    if wide.size and wide.size <= few and off <= _WHOLE_MULTIPLE:
        problem = _missing(stack, multiples)
        step_mm = height_mm / float(multiples.sum())
    else:
        step_mm = height_mm / np.ceil(height_mm / usual_mm - SPACING_TOLERANCE)
        problem = _variable(stack, gaps_mm, float(step_mm))
    if gaps_mm.max() > _WIDEST_MENDED * usual_mm:
        raise problem.refusal(
            "The gap is too wide to be mended: export the whole series, or split it."
        )
    return Spacing(step_mm=float(step_mm), accepted=(problem.accepted_in(accept),))


def require_in_line(
    points_mm: np.ndarray,
    normal: np.ndarray,
    stack: PlacedStack,
    accept: AbstractSet[Accepted] = frozenset(),
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Refuse slices that do not lie one above the other, unless that is accepted.

    Args:
        points_mm: Centre of the first pixel of each.
        normal: Of the slices.
        stack: The slices.
        accept: What the user accepts.

    Returns:
        By how far they run sideways for each mm along the normal (0 where it is
        rounding), and what was accepted.

    Raises:
        UnusableInput: GANTRY_TILT when they run in another direction than the normal,
            VARIABLE_SPACING when they do not lie in one line.
    """
    along = (points_mm - points_mm[0]) @ normal
    sideways = points_mm - points_mm[0] - np.outer(along, normal)
    slope = sideways[-1] / along[-1]
    drift_mm = float(np.linalg.norm(sideways[-1]))
    tilt_deg = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    off_line_mm = np.linalg.norm(sideways - np.outer(along, slope), axis=1)
    accepted = []
    if off_line_mm.max() > MAX_DRIFT_MM:
        problem = _out_of_line(off_line_mm, stack)
        accepted.append(problem.accepted_in(accept))
    is_tilted = tilt_deg > MAX_ANGLE_DEG and drift_mm > MAX_DRIFT_MM
    if is_tilted:
        accepted.append(_tilted(tilt_deg, stack.where).accepted_in(accept))
    is_rounding = tilt_deg > MAX_ANGLE_DEG and not is_tilted
    return np.zeros(3) if is_rounding else slope, tuple(accepted)


def _missing(stack: PlacedStack, multiples: np.ndarray) -> Mendable:
    wide = np.flatnonzero(multiples > 1)
    named, unnamed = [], []
    for gap in wide[:3]:
        low_mm, high_mm = stack.along_mm[gap], stack.along_mm[gap + 1]
        count = int(multiples[gap]) - 1
        names = f"{stack.names[gap]} and {stack.names[gap + 1]}"
        named.append(f"{count} between {names} ({low_mm:.1f} to {high_mm:.1f} mm)")
        unnamed.append(f"{count} between {low_mm:.1f} and {high_mm:.1f} mm")
    more = f" and {wide.size - 3} more places" if wide.size > 3 else ""
    total = int((multiples[wide] - 1).sum())
    return Mendable(
        code=Accepted.MISSING_SLICES,
        what=f"{total} slice(s) are missing: {'; '.join(named)}{more}",
        where=stack.where,
        remedy="Export the whole series again.",
        mending=f"{total} slice(s) interpolated: {'; '.join(unnamed)}{more}",
    )


def _variable(stack: PlacedStack, gaps_mm: np.ndarray, step_mm: float) -> Mendable:
    apart = f"{gaps_mm.min():.2f} to {gaps_mm.max():.2f} mm apart"
    widest = int(gaps_mm.argmax())
    between = f"{stack.names[widest]} and {stack.names[widest + 1]}"
    return Mendable(
        code=Accepted.VARIABLE_SPACING,
        what=f"the slices are {apart}, most between {between}",
        where=stack.where,
        remedy="Give a series with equal spacing.",
        mending=f"slices {apart}, {np.median(gaps_mm):.2f} mm in the median, "
        f"resampled to every {step_mm:.3f} mm, first and last kept",
    )


def _out_of_line(off_line_mm: np.ndarray, stack: PlacedStack) -> Mendable:
    off_mm = f"{off_line_mm.max():.2f} mm"
    worst = stack.names[int(off_line_mm.argmax())]
    return Mendable(
        code=Accepted.VARIABLE_SPACING,
        what=f"the slices do not lie in one line: {worst} is {off_mm} sideways",
        where=stack.where,
        remedy="Give a series of one acquisition.",
        mending=f"slices up to {off_mm} out of line, resampled onto an upright grid",
    )


def _tilted(tilt_deg: float, where: Path) -> Mendable:
    return Mendable(
        code=Accepted.GANTRY_TILT,
        what=f"the stack is tilted by {tilt_deg:.1f} degrees against its slices",
        where=where,
        remedy="Have the scan resampled without tilt (dcm2niix writes *_Tilt).",
        mending=f"{tilt_deg:.1f} degrees, resampled onto an upright grid",
    )
