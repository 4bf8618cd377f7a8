"""A study as a folder of files."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from medseg.core.metric import METRICS
from medseg.core.versions import package_versions
from medseg.io import written_whole_folder
from medseg.report import DEFINITIONS, RESEARCH_ONLY
from medseg.study.figures.drawing import draw_study
from medseg.study.nouns import Study
from medseg.study.page import Failure, render_study

SCORES = "scores.csv"
SUMMARY = "summary.json"
CHALLENGER = "challenger.csv"
FIGURES = "figures"
REPORT = "report.html"


def write_study(
    study: Study,
    folder: Path | str,
    *,
    failures: Sequence[Failure] = (),
    title: str = "Segmentation study",
) -> None:
    """Write the scores, all results, the figures and the report.

    The folder is there whole or not at all: `scores.csv` (tidy, all models),
    `summary.json`, `challenger.csv` (for the R package challengeR), `figures/` as SVG
    and PDF, and `report.html`.

    Raises:
        WrongUse: OUTPUT_EXISTS when the folder holds something.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    drawings = draw_study(study)
    with written_whole_folder(Path(folder)) as out:
        scores_csv(study, out / SCORES)
        (out / SUMMARY).write_text(summary_json(study), encoding="utf-8")
        challenger_csv(study, out / CHALLENGER)
        (out / FIGURES).mkdir()
        for each in drawings:
            vector = out / FIGURES / f"{each.name}.svg"
            vector.write_text(each.svg(), encoding="utf-8")
            (out / FIGURES / f"{each.name}.pdf").write_bytes(each.pdf())
        page = render_study(study, drawings, failures, title=title)
        (out / REPORT).write_text(page, encoding="utf-8")


def scores_csv(study: Study, path: Path) -> None:
    """Scores of all models, written as `medseg evaluate` writes those of one."""
    frame = study.frame()
    frame["trained_on"] = frame["trained_on"].map({True: "true", False: "false"})
    frame.to_csv(path, index=False, lineterminator="\n")


def summary_json(study: Study) -> str:
    """Everything that was found and how, without the single scores."""
    names = {
        *(each.metric for each in study.summaries),
        study.settings.primary,
    }
    document = {
        "schema_version": 1,
        "disclaimer": RESEARCH_ONLY,
        "versions": dict(package_versions()),
        "settings": asdict(study.settings),
        "scoring": dict(study.scoring),
        "definitions": {
            **{each.name: each.definition for each in METRICS if each.name in names},
            **dict(DEFINITIONS[len(METRICS) :]),
        },
        "models": study.models,
        "structures": study.structures,
        "cases": len(study.cases),
        "patients": study.patients,
        "centres": study.centres,
        "excluded": [asdict(each) for each in study.excluded],
        "trained_on": dict(study.trained_on),
        "remarks": study.remarks,
        "summaries": [asdict(each) for each in study.summaries],
        "comparisons": [asdict(each) for each in study.comparisons],
        "rankings": [asdict(each) for each in study.rankings],
        "volumes": [asdict(each) for each in study.volumes],
        "subgroups": [asdict(each) for each in study.subgroups],
        "detections": [asdict(each) for each in study.detections],
        "readers": [asdict(each) for each in study.readers],
        "calibrations": [asdict(each) for each in study.calibrations],
        "risks": [asdict(each) for each in study.risks],
        "worst": [asdict(each) for each in study.worst],
    }
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def challenger_csv(study: Study, path: Path) -> None:
    """The primary measure in the columns of challengeR: task, case, algorithm, value.

    A structure is a task. A case without a value is not in it.
    """
    metric, rule = study.settings.primary_metric, study.settings.missed
    lines = ["task,case,algorithm,value"]
    for model, cases in study.scores.items():
        for case in cases:
            for row in case.rows:
                value = row.counted(metric, rule)
                if value is not None:
                    cells = (row.structure, case.case_id, model, f"{value:.9g}")
                    lines.append(",".join(map(_quoted, cells)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
