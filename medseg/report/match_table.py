"""Matched lesions as CSV."""

from collections.abc import Sequence

from medseg.core.instance_match import InstanceMatch
from medseg.report.instance_table import Cell, rounded, rows_csv

_NAMES = (
    *("case", "structure", "label", "finding", "prediction", "reference"),
    *("iou", "confidence"),
)


def instance_matches_csv(matches: Sequence[InstanceMatch], case_id: str) -> str:
    """Tidy table, one row a lesion found, false or missed.

    Args:
        matches: From `match_instances`.
        case_id: Name of the case.
    """
    return rows_csv([_row(each, case_id) for each in matches], _NAMES)


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
