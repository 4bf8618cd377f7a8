"""Do the stored values of a stack come to true values on one scale?"""

import math
from collections.abc import Sequence

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.dicom.headers import SliceHeader

_SMALLEST_SLOPE, _LARGEST_SLOPE = 1e-30, 1e28
_SINGLE_PRECISION = 2.0**24
"""Whole numbers up to which float32 tells each from the next."""


def require_one_scale(headers: Sequence[SliceHeader]) -> None:
    """Refuse a series whose values would not be on one scale, or lost to rounding.

    Raises:
        UnusableInput: INVALID_HEADER, or UNSUPPORTED_ENCODING for values that a table
            gives.
    """
    is_given = any(header.has_rescale for header in headers)
    for header in headers:
        what = _what_is_wrong(header, is_given=is_given)
        if what is not None:
            raise UnusableInput(
                ErrorCode.INVALID_HEADER,
                what,
                where=header.path,
                remedy="Export the series again.",
            )
        if header.has_table and not header.has_rescale:
            raise UnusableInput(
                ErrorCode.UNSUPPORTED_ENCODING,
                "its values are given by a table (Modality LUT)",
                where=header.path,
                remedy="Have it exported with rescale slope and intercept.",
            )


def _what_is_wrong(header: SliceHeader, *, is_given: bool) -> str | None:
    slope, intercept = abs(header.slope), abs(header.intercept)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        return "its rescale slope or intercept is not a number"
    if slope == 0:
        return "its rescale slope is 0, which makes every voxel the same"
    if not _SMALLEST_SLOPE < slope < _LARGEST_SLOPE:
        return f"its rescale slope is {header.slope:g}"
    if intercept > slope * _SINGLE_PRECISION:
        return f"its rescale intercept is {header.intercept:g}, far above its slope"
    if is_given and not header.has_rescale:
        return "it has no rescale slope and intercept, which others have"
    return None
