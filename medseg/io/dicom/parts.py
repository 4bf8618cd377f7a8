"""A series that holds more than one volume: which, and how to choose one."""

from collections.abc import Sequence
from dataclasses import dataclass

from medseg.io.dicom.headers import MOMENT_KEYWORDS, SliceHeader
from medseg.io.dicom.planes import (
    MIN_SLICES,
    by_position,
    has_geometry,
    has_same_pixels,
    pixel_size_of,
    plane_of,
    turned_deg,
)
from medseg.io.dicom.spacing import MAX_ANGLE_DEG


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the volumes of a series.

    Attributes:
        slices: Those it is made of.
        words: What tells it from the others.
    """

    slices: tuple[SliceHeader, ...]
    words: str


def parts_of(slices: Sequence[SliceHeader]) -> tuple[Part, ...]:
    """The volumes a series holds: by direction, matrix, pixel size, kind, then by time.

    Slices of which there are too few for a volume are in none.
    """
    return tuple(
        part for stack in _stacks(slices) for part in _times(stack, _words(stack[0]))
    )


def count_time_points(slices: Sequence[SliceHeader]) -> int:
    """How many volumes of the same place a series holds: times, echoes, b-values.

    The largest number, where it holds several stacks; 1 for any ordinary series.
    """
    return max((_repeats(stack) for stack in _stacks(slices)), default=1)


def listed(parts: Sequence[Part]) -> str:
    """Parts with the numbers to choose them by."""
    return "; ".join(f"#{n} {part.words}" for n, part in enumerate(parts, 1))


def how_to_choose(parts: Sequence[Part]) -> str:
    """What to do about a series of several parts."""
    uid = parts[0].slices[0].series_uid
    return f"Choose one with --series {uid}#1 to #{len(parts)}."


def _stacks(slices: Sequence[SliceHeader]) -> list[tuple[SliceHeader, ...]]:
    """Slices alike in all but time, where there are enough for a volume."""
    stacks: list[list[SliceHeader]] = []
    for header in slices:
        if has_geometry(header):
            stack = next((s for s in stacks if _are_alike(header, s[0])), None)
            if stack is None:
                stacks.append([header])
            else:
                stack.append(header)
    whole = [tuple(s) for s in stacks if len(s) >= MIN_SLICES]
    return sorted(whole, key=lambda stack: (plane_of(stack[0]), -len(stack)))


def _are_alike(a: SliceHeader, b: SliceHeader) -> bool:
    is_same_matrix = (a.rows, a.columns) == (b.rows, b.columns)
    is_same_kind = is_same_matrix and a.sop_class == b.sop_class
    is_parallel = is_same_kind and turned_deg(a, b) <= MAX_ANGLE_DEG
    return is_parallel and has_same_pixels(a, b)


def _repeats(stack: Sequence[SliceHeader]) -> int:
    positions, _ = by_position(stack)
    is_told_apart = all(len({h.moment for h in group}) > 1 for group in positions)
    return min(map(len, positions)) if is_told_apart and len(positions) > 1 else 1


def _times(stack: tuple[SliceHeader, ...], words: str) -> list[Part]:
    """A stack taken apart by what tells every one of its repeats from the others."""
    whole = [Part(slices=stack, words=f"{len(stack)} {words}")]
    count = _repeats(stack)
    if count == 1:
        return whole
    for number, keyword in enumerate(MOMENT_KEYWORDS):
        values = sorted({header.moment[number] for header in stack}, key=_as_number)
        parts = [tuple(h for h in stack if h.moment[number] == v) for v in values]
        if len(values) == count and all(_is_once_everywhere(p, stack) for p in parts):
            return [
                Part(slices=part, words=f"{_shown(keyword, value)}{len(part)} {words}")
                for value, part in zip(values, parts, strict=True)
            ]
    return whole


def _is_once_everywhere(
    part: Sequence[SliceHeader], stack: Sequence[SliceHeader]
) -> bool:
    count = len(by_position(part)[0])
    return count == len(part) == len(by_position(stack)[0])


def _words(header: SliceHeader) -> str:
    along_row, along_column = pixel_size_of(header)
    return (
        f"{plane_of(header)} slices of {header.columns} x {header.rows} pixels "
        f"of {along_row:.4g} x {along_column:.4g} mm"
    )


def _shown(keyword: str, value: str) -> str:
    """What tells a part from the others, if it is a number as it should be."""
    number, _ = _as_number(value)
    return f"{keyword} {number:g}, " if number or value == "0" else ""


def _as_number(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return 0.0, value
