"""Followed lesions as CSV, JSON and plain text."""

from medseg.core.follow_up import Fate, FollowedLesion, FollowUp
from medseg.core.instance_measure import InstanceMeasure
from medseg.core.text_table import aligned, number
from medseg.report.instance_table import Cell, rounded, rows_csv, rows_json

_NAMES = (
    *("baseline_case", "follow_up_case", "structure", "fate", "baseline", "follow_up"),
    *("baseline_ml", "follow_up_ml", "growth_ml", "growth_percent"),
    *("baseline_longest_mm", "follow_up_longest_mm", "longest_change_mm"),
    *("centres_apart_mm", "matched_by", "tracking_uid"),
)


def follow_up_csv(found: FollowUp) -> str:
    """Tidy table, one row a lesion; numbers of several parts are joined by +."""
    return rows_csv(_rows(found), _NAMES)


def follow_up_json(found: FollowUp) -> str:
    """The same rows as a JSON list."""
    return rows_json(_rows(found))


def follow_up_table(found: FollowUp) -> str:
    """The lesions for a terminal, and below how many there are of each fate."""
    header = (
        *("baseline", "follow_up", "structure", "fate", "baseline_ml", "follow_up_ml"),
        *("growth_percent", "longest_change_mm", "matched_by"),
    )
    lines = [
        (
            _numbers(each.baseline) or "-",
            _numbers(each.follow_up) or "-",
            each.structure,
            each.fate.value,
            number(each.baseline_ml if each.baseline else None, 3),
            number(each.follow_up_ml if each.follow_up else None, 3),
            number(each.growth_percent, 1),
            number(each.longest_change_mm, 1),
            each.matched_by or "-",
        )
        for each in found.lesions
    ]
    counts = ", ".join(f"{len(found.of_fate(fate))} {fate.value}" for fate in Fate)
    return f"{aligned(header, lines, left=4)}\n\n{counts}"


def _rows(found: FollowUp) -> list[dict[str, Cell]]:
    return [_row(each, found) for each in found.lesions]


def _row(lesion: FollowedLesion, found: FollowUp) -> dict[str, Cell]:
    values: tuple[Cell, ...] = (
        found.baseline_id,
        found.follow_up_id,
        lesion.structure,
        lesion.fate.value,
        _numbers(lesion.baseline),
        _numbers(lesion.follow_up),
        lesion.baseline_ml,
        lesion.follow_up_ml,
        lesion.growth_ml,
        lesion.growth_percent,
        lesion.baseline_longest_mm,
        lesion.follow_up_longest_mm,
        lesion.longest_change_mm,
        lesion.centres_apart_mm,
        lesion.matched_by,
        _uids(lesion),
    )
    rounds = (rounded(value) for value in values)
    return dict(zip(_NAMES, rounds, strict=True))


def _uids(lesion: FollowedLesion) -> str | None:
    """The tracking UID of all its parts, or those of both scans where they differ."""
    parts = (*lesion.baseline, *lesion.follow_up)
    uids = dict.fromkeys(each.tracking_uid for each in parts if each.tracking_uid)
    return "+".join(uids) or None


def _numbers(parts: tuple[InstanceMeasure, ...]) -> str:
    return "+".join(str(each.number) for each in parts)
