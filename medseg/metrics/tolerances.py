"""The tolerance of each label, from what a user gave."""

import math
from collections.abc import Mapping, Set

from medseg.core.errors import ErrorCode, WrongUse


def tolerances_by_label(
    tolerance_mm: float | Mapping[str, float] | None,
    names: Mapping[int, str],
    known: Set[str],
) -> dict[int, float]:
    """Tolerance of every label that has one.

    Args:
        tolerance_mm: One for all, or by name of a structure.
        names: Of the labels to score.
        known: Names of structures that this case happens not to hold.

    Raises:
        WrongUse: INVALID_OPTION for one that is not above 0, or an unknown name.
    """
    if tolerance_mm is None:
        return {}
    if not isinstance(tolerance_mm, Mapping):
        _require_positive(tolerance_mm, "tolerance_mm")
        return dict.fromkeys(names, float(tolerance_mm))
    unknown = sorted(set(tolerance_mm) - known - set(names.values()))
    if unknown:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"there is no structure {', '.join(unknown)}",
            where="tolerance_mm",
            remedy=f"The structures are {', '.join(names.values())}.",
        )
    for name, value in tolerance_mm.items():
        _require_positive(value, f"tolerance_mm of {name}")
    return {
        label: float(tolerance_mm[name])
        for label, name in names.items()
        if name in tolerance_mm
    }


def _require_positive(value: float, where: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"a tolerance is above 0 mm, got {value}",
            where=where,
            remedy="Ask how far apart two experts' outlines of the structure lie.",
        )
