"""Volumes that are unlike those of the other cases, to be looked at first."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from medseg.cohort.gathered.case_results import CaseResult

UNUSUAL = 7.0
"""From how many middle deviations on a volume is called unusual."""

_FEWEST = 5
_FEWEST_OTHERS = 2
_DIGITS = 3


def predicted_of_case(result: CaseResult, missed: Collection[str]) -> float | None:
    """The lowest predicted Dice of a case's structures; None without any.

    A structure that is found nowhere has no prediction. It counts as 0 where it should
    be there.

    Args:
        result: Of the case, Dice being predicted in its cohort.
        missed: Its structures that should be there (`missed_structures`).
    """
    lowest = [each.predicted_dice for each in result.volumes]
    there = [dice for dice in lowest if dice is not None]
    return min([*there, *([0.0] if missed else [])], default=None)


def missed_structures(
    results: Sequence[CaseResult], unusual: Mapping[str, Mapping[str, float]]
) -> dict[str, frozenset[str]]:
    """Of each case the structures that are found nowhere and should be there.

    That are those that four fifths of the other cases have, if these are two or more,
    and those whose absence is an unusual size.

    Args:
        results: Of all cases.
        unusual: Of each case, how far its volumes are from the others' (`unusualness`).
    """
    having = Counter(e.structure for r in results for e in r.volumes if e.voxels)
    others = len(results) - 1

    def is_missed(structure: str, odd: Mapping[str, float]) -> bool:
        is_told = others >= _FEWEST_OTHERS and 4 * others <= 5 * having[structure]
        return is_told or odd.get(structure, 0.0) > UNUSUAL

    return {
        result.case_id: frozenset(
            each.structure
            for each in result.volumes
            if not each.voxels and is_missed(each.structure, unusual[result.case_id])
        )
        for result in results
    }


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
