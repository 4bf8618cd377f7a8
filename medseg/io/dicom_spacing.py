"""Are the slices of a stack equally far apart? If not: missing, or uneven?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput

SAME_POSITION_MM = 0.02
"""Slices closer than this are at the same position."""

SPACING_TOLERANCE_MM = 0.02
"""Rounding of positions in the header which is always accepted."""

SPACING_TOLERANCE = 0.01
"""Share of the spacing which is accepted as well, for thick slices."""

_WHOLE_MULTIPLE = 0.05
_MAX_SHARE_OF_GAPS = 1 / 3


def require_regular_spacing(
    names: Sequence[str], along_mm: Sequence[float], where: Path
) -> None:
    """Refuse slices that are not equally spaced.

    A gap is taken for missing slices when it is a whole multiple of the smallest gap
    and such gaps are few; otherwise the series is said to vary in its spacing.

    Args:
        names: What to call each slice.
        along_mm: Their positions along the slice normal, ascending.
        where: Folder or file, for the message.

    Raises:
        UnusableInput: MISSING_SLICES (where, how many) or VARIABLE_SPACING.
    """
    gaps_mm = np.diff(along_mm)
    usual_mm = float(np.median(gaps_mm))
    even_mm = along_mm[0] + np.arange(len(along_mm)) * gaps_mm.mean()
    tolerance_mm = max(SPACING_TOLERANCE_MM, SPACING_TOLERANCE * usual_mm)
    is_even = np.abs(np.asarray(along_mm) - even_mm).max() <= 5 * tolerance_mm
    if is_even and np.abs(gaps_mm - usual_mm).max() <= tolerance_mm:
        return
    smallest_mm = float(gaps_mm.min())
    multiples = np.rint(gaps_mm / smallest_mm)
    off = np.abs(gaps_mm / smallest_mm - multiples).max()
    wide = np.flatnonzero(multiples > 1)
    few = max(1.0, _MAX_SHARE_OF_GAPS * len(gaps_mm))
    if wide.size and wide.size <= few and off <= _WHOLE_MULTIPLE:
        raise _missing(names, along_mm, multiples, where)
    raise UnusableInput(
        ErrorCode.VARIABLE_SPACING,
        f"the slices are {gaps_mm.min():.2f} to {gaps_mm.max():.2f} mm apart",
        where=where,
        remedy="Give a series with equal spacing, or resample it first.",
    )


def _missing(
    names: Sequence[str], along_mm: Sequence[float], multiples: np.ndarray, where: Path
) -> UnusableInput:
    wide = np.flatnonzero(multiples > 1)
    places = [
        f"{int(multiples[gap]) - 1} between {names[gap]} and {names[gap + 1]} "
        f"({along_mm[gap]:.1f} to {along_mm[gap + 1]:.1f} mm)"
        for gap in wide[:3]
    ]
    more = f" and {wide.size - 3} more places" if wide.size > 3 else ""
    total = int((multiples[wide] - 1).sum())
    return UnusableInput(
        ErrorCode.MISSING_SLICES,
        f"{total} slice(s) are missing: {'; '.join(places)}{more}",
        where=where,
        remedy="Export the whole series again.",
    )
