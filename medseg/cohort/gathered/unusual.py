"""Volumes that are unlike those of the other cases, to be looked at first."""

from collections.abc import Mapping, Sequence

import numpy as np

from medseg.cohort.gathered.case_results import CaseResult

UNUSUAL = 7.0
"""From how many middle deviations on a volume is called unusual."""

_FEWEST = 5
_DIGITS = 3


def predicted_of_case(result: CaseResult, unusual: Mapping[str, float]) -> float | None:
    """The lowest predicted Dice of a case's structures; None without any.

    A structure that is found nowhere has no prediction. It counts as 0 where that is
    unusual, in a cohort in which it is otherwise there.

    Args:
        result: Of the case, Dice being predicted in its cohort.
        unusual: How far its volumes are from the others' (`unusualness`).
    """
    lowest = [each.predicted_dice for each in result.volumes]
    there = [dice for dice in lowest if dice is not None]
    missed = any(
        not each.voxels and unusual.get(each.structure, 0.0) > UNUSUAL
        for each in result.volumes
    )
    return min([*there, *([0.0] if missed else [])], default=None)


def unusualness(results: Sequence[CaseResult]) -> dict[str, dict[str, float]]:
    """Of each case and structure, how far its size is from the median of all.

    Size is the cube root of the volume, a length, so that large and small ones count
    alike. The unit is the median distance of all cases from that median. Fewer than
    five cases, and structures of which most have one size, tell nothing: 0.

    Args:
        results: Of all cases.
    """
    sizes: dict[str, list[tuple[str, float]]] = {}
    for result in results:
        for each in result.volumes:
            size = float(np.cbrt(each.volume_ml))
            sizes.setdefault(each.structure, []).append((result.case_id, size))
    found: dict[str, dict[str, float]] = {result.case_id: {} for result in results}
    for structure, listed in sizes.items():
        lengths = np.array([size for _, size in listed])
        distances = np.abs(lengths - np.median(lengths))
        unit = float(np.median(distances))
        if len(listed) < _FEWEST or unit == 0:
            continue
        for (case_id, _), distance in zip(listed, distances, strict=True):
            found[case_id][structure] = round(float(distance) / unit, _DIGITS)
    return found
