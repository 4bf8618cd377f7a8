"""Small cohorts on disk: three cases, two models, scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np

import medseg
from tests.plugin.scans import marker_labels, marker_scan

CASES = ("c1", "c2", "c3")
PREDICTED = """case,patient,centre,state,mean_dice,lowest_predicted_dice
c1,,,done,,0.6
c2,,,done,,0.0
c3,,,done,,
c4,,,failed,,
"""
VOLUMES = """case,structure,label,voxels,volume_ml,predicted_dice
c1,liver,1,900,7.2,0.9
c1,liver tumour,2,100,0.8,0.6
c2,liver,1,900,7.2,0.7
c2,liver tumour,2,0,0.0,
c3,liver,1,0,0.0,
c3,liver tumour,2,0,0.0,
"""
SHIFTS = {"good": (0, 2, 1), "poor": (1, 2, 3)}  # voxels along k, by case


def write_predictions(folder: Path) -> None:
    """The tables of a cohort run with predicted Dice: c2 lacks a tumour, c3 all."""
    (folder / "cases.csv").write_text(PREDICTED)
    (folder / "volumes.csv").write_text(VOLUMES)


def write_cohort(root: Path) -> Path:
    """A folder with scans, references, two models' label maps and a study of them.

    The better model is worst at c2, the other at c3.
    """
    for case in CASES:
        scan = replace(marker_scan(), case_id=case)
        medseg.write_volume(scan, root / f"imagesTr/{case}.nii.gz")
        labels = replace(marker_labels(), case_id=case)
        medseg.write_segmentation(labels, root / f"labelsTr/{case}.nii.gz")
    for model, shifts in SHIFTS.items():
        for case, shift in zip(CASES, shifts, strict=True):
            array = np.roll(marker_labels().array, shift, 2)
            labels = replace(marker_labels(), array=array, case_id=case)
            medseg.write_segmentation(labels, root / f"{model}/{case}.nii.gz")
    evaluations = {
        model: medseg.Evaluation(
            cases=tuple(
                replace(
                    medseg.score(
                        medseg.read_segmentation(root / f"{model}/{case}.nii.gz"),
                        medseg.read_segmentation(root / f"labelsTr/{case}.nii.gz"),
                    ),
                    case_id=case,
                )
                for case in CASES
            )
        )
        for model in SHIFTS
    }
    rows: list[str] = []
    for model, evaluation in evaluations.items():
        header, *lines = medseg.scores_csv(evaluation.cases).splitlines()
        rows += [f"model,{header}"] if not rows else []
        rows += [f"{model},{line}" for line in lines]
    (root / "scores.csv").write_text("\n".join(rows) + "\n")
    return root
