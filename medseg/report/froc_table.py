"""Curves of detection as CSV and JSON."""

from collections.abc import Sequence

from medseg.core.froc import LUNA16_POINTS, Froc
from medseg.report.instance_table import Cell, rounded, rows_csv, rows_json

_NAMES = ("structure", "confidence", "false_positives_per_case", "sensitivity")


def froc_csv(curves: Sequence[Froc]) -> str:
    """Every operating point: one row a structure and confidence, the surest first."""
    rows = []
    for curve in curves:
        points = zip(
            curve.confidence.tolist(),
            curve.false_positives_per_case.tolist(),
            curve.sensitivity.tolist(),
            strict=True,
        )
        for point in points:
            values = (curve.structure, *map(rounded, point))
            rows.append(dict(zip(_NAMES, values, strict=True)))
    return rows_csv(rows, _NAMES)


def froc_json(curves: Sequence[Froc]) -> str:
    """One row a structure: sensitivity at LUNA16's points, and their mean."""
    return rows_json([_summary(each) for each in curves])


def _summary(curve: Froc) -> dict[str, Cell]:
    at: dict[str, Cell] = {
        f"sensitivity_at_{n:g}": rounded(curve.sensitivity_at(n)) for n in LUNA16_POINTS
    }
    return {
        "structure": curve.structure,
        "cases": curve.cases,
        "lesions": curve.lesions,
        **at,
        "mean_sensitivity": rounded(curve.luna16_score),
    }
