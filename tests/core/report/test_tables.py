"""Scores as CSV and JSON."""

import csv
import io
import json
from dataclasses import replace

import medseg
from medseg import (
    ErrorCode,
    Evaluation,
    FailedCase,
    MaskState,
    Scores,
    StructureScore,
)

COLUMNS = (
    "case,structure,label,state,dice,iou,precision,recall,hd_mm,hd95_mm,assd_mm,"
    "masd_mm,nsd,boundary_iou,tolerance_mm,volume_ml,reference_volume_ml,"
    "volume_difference_ml,volume_difference_percent,centroid_distance_mm,diagonal_mm,"
    "mean_hu,sd_hu,median_hu,trained_on"
)
CASE = Scores(
    case_id="phantom, first",
    rows=(
        StructureScore(
            structure="liver",
            label=1,
            state=MaskState.BOTH_PRESENT,
            dice=2 / 3,
            iou=0.5,
            volume_ml=1400.5,
            reference_volume_ml=1390.0,
            mean_hu=61.0,
            sd_hu=15.5,
            median_hu=60.0,
        ),
        StructureScore(
            structure="tumour",
            label=2,
            state=MaskState.BOTH_EMPTY,
            dice=None,
            iou=None,
            volume_ml=0.0,
            reference_volume_ml=0.0,
        ),
    ),
)


def test_the_csv_has_one_row_a_case_and_structure_and_the_agreed_columns():
    text = medseg.scores_csv((CASE, CASE))
    assert text.splitlines()[0] == COLUMNS
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 4
    assert rows[0]["case"] == "phantom, first"
    assert rows[0]["state"] == "both_present"


def test_the_csv_keeps_every_digit_and_leaves_what_is_missing_empty():
    liver, tumour = csv.DictReader(io.StringIO(medseg.scores_csv((CASE,))))
    assert float(liver["dice"]) == 2 / 3
    assert tumour["dice"] == tumour["mean_hu"] == ""
    assert float(tumour["volume_ml"]) == 0


def test_the_csv_says_which_cases_were_trained_on():
    text = medseg.scores_csv((CASE,), trained_on=("phantom, first",))
    rows = [*csv.DictReader(io.StringIO(text))]
    assert [row["trained_on"] for row in rows] == ["true", "true"]
    (other, _) = csv.DictReader(io.StringIO(medseg.scores_csv((CASE,))))
    assert other["trained_on"] == "false"


def test_the_json_holds_the_same_rows_the_means_and_all_definitions():
    document = json.loads(
        medseg.scores_json(Evaluation(cases=(CASE,), missing=("other",)))
    )
    assert [",".join(row) for row in document["rows"]] == [COLUMNS, COLUMNS]
    assert document["rows"][1]["dice"] is None
    assert document["structure_means"][0]["n"] == 1
    assert document["structure_means"][0]["means"]["dice"] == {
        "mean": 2 / 3,
        "n": 1,
        "imputed": 0,
    }
    assert document["structure_means"][1]["means"] == {}
    assert document["counts"]["missing"] == 1
    assert document["mean_dice"] == 2 / 3
    assert document["missing"] == ["other"]
    assert {"Dice", "IoU", "HD95", "NSD", "State", "Missed", "Lesions", "Means"} <= set(
        document["definitions"]
    )
    assert "medseg" in document["versions"]
    assert document["disclaimer"] == "Research use only. Not a medical device."


def test_the_json_says_why_a_case_failed_but_not_where_it_lies():
    failed = FailedCase(
        case_id="z",
        code=ErrorCode.NOT_FOUND,
        what="there is no such file",
        message="NOT_FOUND: there is no such file [/home/smith^john/z.nii]",
    )
    text = medseg.scores_json(
        Evaluation(cases=(CASE,), failed=(failed,), trained_on=("a",))
    )
    assert "smith" not in text
    document = json.loads(text)
    assert document["failed"] == [
        {"case": "z", "code": "NOT_FOUND", "what": "there is no such file"}
    ]
    assert document["trained_on"] == ["a"]


def test_the_json_says_what_was_asked_and_what_to_mind():
    document = json.loads(
        medseg.scores_json(
            Evaluation(
                cases=(replace(CASE, notes=("resampled",)),),
                settings=(("tolerance_mm", "2"),),
                notes=("mind this",),
                when_missed=medseg.WhenMissed.LEAVE_OUT,
            )
        )
    )
    assert document["settings"] == {"tolerance_mm": "2"}
    assert document["notes"] == ["mind this"]
    assert document["when_missed"] == "leave-out"
    assert document["case_notes"] == {"phantom, first": ["resampled"]}
