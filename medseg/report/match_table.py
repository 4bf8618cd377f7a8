"""Matched lesions as CSV."""

from collections.abc import Mapping, Sequence

from medseg.core.instance_match import InstanceMatch
from medseg.report.instance_table import Cell, rounded, rows_csv

_NAMES = (
    *("case", "structure", "label", "finding", "prediction", "reference"),
    *("iou", "confidence"),
)


def instance_matches_csv(cases: Mapping[str, Sequence[InstanceMatch]]) -> str:
    """Tidy table, one row a lesion found, false or missed.

    Args:
        cases: From `match_instances`, by name of the case.
    """
    rows = [_row(each, name) for name, found in cases.items() for each in found]
    return rows_csv(rows, _NAMES)


def _row(match: InstanceMatch, case_id: str) -> dict[str, Cell]:
    return {
        "case": case_id,
        "structure": match.structure,
        "label": match.label,
        "finding": match.finding.value,
        "prediction": match.prediction,
        "reference": match.reference,
        "iou": rounded(match.iou),
        "confidence": rounded(match.confidence),
    }
