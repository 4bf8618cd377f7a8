"""Scores as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields

from medseg.core.evaluation import Evaluation
from medseg.core.lesions import Detection, Lesion, LesionScores
from medseg.core.scores import LesionMeans, Scores, StructureMean, StructureScore
from medseg.core.versions import package_versions
from medseg.report.definitions import DEFINITIONS, RESEARCH_ONLY

Row = dict[str, object]

SCORE_COLUMNS = (
    "case",
    *(field.name for field in fields(StructureScore)),
    "trained_on",
)
LESION_COLUMNS = (
    *("case", "structure", "label", "side", "number", "volume_ml"),
    *("centre_r_mm", "centre_a_mm", "centre_s_mm", "partner", "iou"),
)


def scores_csv(cases: Sequence[Scores], trained_on: Collection[str] = ()) -> str:
    """Tidy table, one row a case and structure; a value that is not there is empty.

    Args:
        cases: From `score` or `evaluate`.
        trained_on: Ids of the cases that the model had been trained on.
    """
    rows = score_rows(cases, trained_on)
    for row in rows:
        row["trained_on"] = "true" if row["trained_on"] else "false"
    return _csv(SCORE_COLUMNS, rows)


def lesions_csv(cases: Sequence[Scores]) -> str:
    """Tidy table, one row a lesion of the reference or the prediction."""
    return _csv(LESION_COLUMNS, lesion_rows(cases))


def scores_json(evaluation: Evaluation) -> str:
    """The same rows with their means, lesions, the cases left out, and definitions."""
    document = {
        "schema_version": 2,
        "disclaimer": RESEARCH_ONLY,
        "versions": dict(package_versions()),
        "settings": dict(evaluation.settings),
        "when_missed": evaluation.when_missed,
        "notes": evaluation.notes,
        "definitions": dict(DEFINITIONS),
        "mean_dice": evaluation.mean_dice,
        "mean_iou": evaluation.mean_iou,
        "structure_means": [_mean(mean) for mean in evaluation.means],
        "lesion_means": [_lesion_mean(mean) for mean in evaluation.lesion_means],
        "counts": {
            "scored": len(evaluation.cases),
            "missing": len(evaluation.missing),
            "surplus": len(evaluation.surplus),
            "failed": len(evaluation.failed),
            "trained_on": len(evaluation.trained_on),
        },
        "missing": evaluation.missing,
        "surplus": evaluation.surplus,
        "failed": [
            {"case": case.case_id, "code": case.code, "what": case.what}
            for case in evaluation.failed
        ],
        "trained_on": evaluation.trained_on,
        "case_notes": {
            case.case_id: case.notes for case in evaluation.cases if case.notes
        },
        "rows": score_rows(evaluation.cases, evaluation.trained_on),
        "lesions": [
            _lesions(case.case_id, each)
            for case in evaluation.cases
            for each in case.lesions
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def score_rows(cases: Sequence[Scores], trained_on: Collection[str]) -> list[Row]:
    """One row a case and structure, with the names of `SCORE_COLUMNS`."""
    seen = frozenset(trained_on)
    return [
        {"case": case.case_id, **asdict(row), "trained_on": case.case_id in seen}
        for case in cases
        for row in case.rows
    ]


def lesion_rows(cases: Sequence[Scores]) -> list[Row]:
    """One row a lesion, with the names of `LESION_COLUMNS`."""
    return [
        {
            "case": case.case_id,
            "structure": each.structure,
            "label": each.label,
            **_lesion(lesion),
        }
        for case in cases
        for each in case.lesions
        for lesion in each.lesions
    ]


def _lesion(lesion: Lesion) -> Row:
    row = asdict(lesion)
    centre = row.pop("centre_ras_mm")
    names = ("centre_r_mm", "centre_a_mm", "centre_s_mm")
    return row | dict(zip(names, centre, strict=True))


def _lesions(case_id: str, scores: LesionScores) -> Row:
    return {
        "case": case_id,
        "structure": scores.structure,
        "label": scores.label,
        "lesions": [_lesion(lesion) for lesion in scores.lesions],
        "detections": [_detection(each) for each in scores.detections],
        "brats": None if scores.brats is None else asdict(scores.brats),
    }


def _detection(detection: Detection) -> Row:
    return asdict(detection) | {
        "sensitivity": detection.sensitivity,
        "precision": detection.precision,
        "f1": detection.f1,
        "segmentation_quality": detection.segmentation_quality,
        "panoptic_quality": detection.panoptic_quality,
    }


def _mean(mean: StructureMean) -> Row:
    return {
        "structure": mean.structure,
        "label": mean.label,
        "n": mean.n,
        "missed": mean.missed,
        "spurious": mean.spurious,
        "absent": mean.absent,
        "means": {
            each.metric: {"mean": each.value, "n": each.n, "imputed": each.imputed}
            for each in mean.means
        },
    }


def _lesion_mean(mean: LesionMeans) -> Row:
    return {
        "structure": mean.structure,
        "label": mean.label,
        "cases": mean.cases,
        "detections": [
            _detection(each) | {"false_positives_per_case": each.spurious / mean.cases}
            for each in mean.detections
        ],
    }


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
