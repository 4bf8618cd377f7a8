"""Rows for what a case does not hold and others do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from medseg.core.scores import MaskState, Scores, StructureScore


def with_every_structure(cases: Sequence[Scores]) -> tuple[Scores, ...]:
    """Give each case a row, both masks empty, for what only other cases hold."""
    names = {row.label: row.structure for case in reversed(cases) for row in case.rows}
    return tuple(
        replace(
            case,
            rows=tuple(
                sorted([*case.rows, *_absent(names, case)], key=lambda row: row.label)
            ),
        )
        for case in cases
    )


def _absent(names: Mapping[int, str], case: Scores) -> list[StructureScore]:
    scored = {row.label for row in case.rows}
    return [
        StructureScore(
            structure=name,
            label=label,
            state=MaskState.BOTH_EMPTY,
            dice=None,
            iou=None,
            volume_ml=0.0,
            reference_volume_ml=0.0,
        )
        for label, name in names.items()
        if label not in scored
    ]
