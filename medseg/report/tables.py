"""Scores as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields

from medseg.core.scores import Evaluation, Scores, StructureScore
from medseg.core.versions import package_versions
from medseg.report.definitions import DEFINITIONS, RESEARCH_ONLY

SCORE_COLUMNS = ("case", *(field.name for field in fields(StructureScore)))


def scores_csv(cases: Sequence[Scores]) -> str:
    """Tidy table, one row a case and structure; a value that is not there is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, SCORE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(cases))
    return text.getvalue()


def scores_json(evaluation: Evaluation) -> str:
    """The same rows with their means, the cases left out, and all definitions."""
    document = {
        "schema_version": 1,
        "disclaimer": RESEARCH_ONLY,
        "versions": dict(package_versions()),
        "definitions": dict(DEFINITIONS),
        "rows": _rows(evaluation.cases),
        "structure_means": [asdict(mean) for mean in evaluation.means],
        "mean_dice": evaluation.mean_dice,
        "mean_iou": evaluation.mean_iou,
        "missing": evaluation.missing,
        "surplus": evaluation.surplus,
        "failed": [
            {"case": case.case_id, "code": case.code, "what": case.what}
            for case in evaluation.failed
        ],
        "trained_on": evaluation.trained_on,
    }
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _rows(cases: Sequence[Scores]) -> list[dict[str, object]]:
    return [
        {"case": case.case_id, **asdict(row)} for case in cases for row in case.rows
    ]
