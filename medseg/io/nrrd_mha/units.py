"""What the text of an NRRD or MetaImage header says of lengths, which ITK passes over.

ITK takes every length as millimetres, and an axis without a spacing as 1 mm a voxel.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.nrrd_mha.headers import TextHeader

_MM_PER_UNIT = {
    **dict.fromkeys(("", "???", "?", "mm"), 1.0),
    **dict.fromkeys(("millimeter", "millimetre"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 10.0),
    **dict.fromkeys(("m", "meter", "metre"), 1000.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "micrometer", "micrometre"), 1e-3),
}


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """What turns the lengths of a header into millimetres.

    Attributes:
        mm_per_unit: Millimetres of a unit.
        notes: What had to be done.
    """

    mm_per_unit: float
    notes: tuple[str, ...]


def lengths_of(header: TextHeader, path: Path) -> Lengths:
    """The unit of every length, where all three axes have a known extent.

    Raises:
        UnusableInput: MISSING_GEOMETRY without spacings, INVALID_HEADER for units that
            are unknown or differ.
    """
    if not _has_spacings(header.fields):
        raise UnusableInput(
            ErrorCode.MISSING_GEOMETRY,
            "the header does not give the distance between voxels along every axis",
            where=path,
            remedy="Write it into the header, or convert the scan again.",
        )
    stated = _units(header.fields)
    known = {_MM_PER_UNIT.get(_singular(unit)) for unit in stated} or {1.0}
    mm_per_unit = known.pop()
    if mm_per_unit is None or known:
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            f"its unit of length is {' or '.join(sorted(set(stated)))!r}",
            where=path,
            remedy="Give all lengths in mm.",
        )
    notes = () if mm_per_unit == 1 else (f"lengths were in {stated[0]}",)
    return Lengths(mm_per_unit=mm_per_unit, notes=notes)


def _has_spacings(fields: dict[str, str]) -> bool:
    """Whether three axes lie in space; further ones are channels."""
    if "ndims" in fields:
        return "elementspacing" in fields or "elementsize" in fields
    if "space directions" in fields:
        return fields["space directions"].count("(") >= 3
    return sum(map(_is_number, fields.get("spacings", "").split())) >= 3


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _units(fields: dict[str, str]) -> list[str]:
    """The unit of each axis in space, where given."""
    if "distanceunits" in fields:
        return [fields["distanceunits"]]
    name = "space units" if "space directions" in fields else "units"
    return re.findall(r'"([^"]*)"', fields.get(name, ""))[:3]


def _singular(unit: str) -> str:
    unit = unit.strip().lower()
    return unit.removesuffix("s") if len(unit) > 3 else unit
