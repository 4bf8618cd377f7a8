"""Scores as plain text: a line a case and structure."""

from collections.abc import Sequence
from dataclasses import dataclass

from medseg.core.structure_score import StructureScore
from medseg.core.text_table import aligned, number

CaseRow = tuple[str, StructureScore]
"""A case id and one of the case's rows."""


@dataclass(frozen=True)
class _Column:
    """A figure of the table; one that is not always asked for may be left out."""

    title: str
    name: str
    digits: int
    is_optional: bool = False


_COLUMNS = (
    _Column("dice", "dice", 3),
    _Column("iou", "iou", 3),
    _Column("hd95_mm", "hd95_mm", 2, is_optional=True),
    _Column("nsd", "nsd", 3, is_optional=True),
    _Column("volume_ml", "volume_ml", 2),
    _Column("reference_ml", "reference_volume_ml", 2),
    _Column("mean_hu", "mean_hu", 1, is_optional=True),
    _Column("sd_hu", "sd_hu", 1, is_optional=True),
)


def case_table(
    case_id: str,
    rows: Sequence[StructureScore],
    *,
    mean_dice: float | None,
    mean_iou: float | None,
) -> str:
    """The rows of one case, with the means over its structures below."""
    present = sum(row.dice is not None for row in rows)
    means = ["mean", f"n={present}", "", number(mean_dice, 3), number(mean_iou, 3)]
    return _table([(case_id, row) for row in rows], [means])


def rows_table(rows: Sequence[CaseRow]) -> str:
    """The rows of several cases."""
    return _table(rows, [])


def _table(rows: Sequence[CaseRow], below: list[list[str]]) -> str:
    columns = [
        column
        for column in _COLUMNS
        if not column.is_optional
        or any(_figure(row, column) is not None for _, row in rows)
    ]
    header = ["case", "structure", "state", *(column.title for column in columns)]
    lines = [
        [
            case_id,
            row.structure,
            str(row.state),
            *(number(_figure(row, column), column.digits) for column in columns),
        ]
        for case_id, row in rows
    ]
    return aligned(header, lines + below, left=3)


def _figure(row: StructureScore, column: _Column) -> float | None:
    figure: float | None = getattr(row, column.name)
    return figure
