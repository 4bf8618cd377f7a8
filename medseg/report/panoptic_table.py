"""Panoptic qualities as CSV and JSON."""

from collections.abc import Sequence

from medseg.core.panoptic_scores import PanopticScore, PanopticScores
from medseg.report.instance_table import Cell, rounded, rows_csv, rows_json

_NAMES = ("case", "structure", "label", "kind", "pq", "sq", "rq", "tp", "fp", "fn")


def panoptic_csv(cases: Sequence[PanopticScores]) -> str:
    """Tidy table, one row a case and structure; empty where neither map holds it."""
    return rows_csv(_rows(cases), _NAMES)


def panoptic_json(cases: Sequence[PanopticScores]) -> str:
    """The same rows as a JSON list."""
    return rows_json(_rows(cases))


def _rows(cases: Sequence[PanopticScores]) -> list[dict[str, Cell]]:
    return [_row(case.case_id, score) for case in cases for score in case.rows]


def _row(case_id: str, score: PanopticScore) -> dict[str, Cell]:
    found = score.detection
    return {
        "case": case_id,
        "structure": score.structure,
        "label": score.label,
        "kind": score.kind.value,
        "pq": rounded(score.pq),
        "sq": rounded(score.sq),
        "rq": rounded(score.rq),
        "tp": found.found,
        "fp": found.spurious,
        "fn": found.missed,
    }
