"""Scores on disk, with their lesions beside them, and as frames."""

import csv
import json
from dataclasses import replace

import pandas as pd
import pytest

import medseg
from medseg import Evaluation, MaskState, Scores, StructureScore, WrongUse
from medseg.core.errors import ErrorCode
from medseg.core.lesions import Detection, Lesion, LesionScores, Side
from tests.core.evaluation.files import LIVER, write_labels

LESIONS = LesionScores(
    structure="tumour",
    label=2,
    lesions=(
        Lesion(
            side=Side.REFERENCE,
            number=1,
            volume_ml=0.5,
            centre_ras_mm=(1.0, -2.0, 3.5),
            partner=None,
            iou=0.0,
        ),
        Lesion(
            side=Side.PREDICTION,
            number=1,
            volume_ml=0.25,
            centre_ras_mm=(9.0, 0.0, 0.0),
            partner=1,
            iou=0.75,
        ),
    ),
    detections=(
        Detection(iou_threshold=0.5, found=1, missed=1, spurious=0, summed_iou=0.75),
    ),
)
CASE = Scores(
    case_id="a",
    rows=(
        StructureScore(
            structure="tumour",
            label=2,
            state=MaskState.BOTH_PRESENT,
            dice=2 / 3,
            iou=0.5,
            volume_ml=0.25,
            reference_volume_ml=0.5,
        ),
    ),
    lesions=(LESIONS,),
)
TWO = Evaluation(cases=(CASE, replace(CASE, case_id="b")), trained_on=("b",))


def test_scores_are_written_as_csv_and_json(tmp_path):
    file = write_labels(tmp_path / "a.nii.gz", liver=LIVER)
    evaluation = medseg.evaluate(file, file)
    medseg.write_scores(evaluation, tmp_path / "out/scores.csv")
    medseg.write_scores(evaluation, tmp_path / "out/scores.json")
    with (tmp_path / "out/scores.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["dice"]) == 1
    assert json.loads((tmp_path / "out/scores.json").read_text())["mean_dice"] == 1


def test_scores_already_written_are_kept_unless_overwriting_is_allowed(tmp_path):
    file = write_labels(tmp_path / "a.nii.gz", liver=LIVER)
    evaluation, path = medseg.evaluate(file, file), tmp_path / "scores.csv"
    path.write_text("precious")
    with pytest.raises(WrongUse) as refusal:
        medseg.write_scores(evaluation, path)
    assert refusal.value.code is ErrorCode.OUTPUT_EXISTS
    assert path.read_text() == "precious"
    medseg.write_scores(evaluation, path, overwrite=True)
    assert path.read_text().startswith("case,structure")


def test_scores_of_an_unknown_format_are_refused(tmp_path):
    file = write_labels(tmp_path / "a.nii.gz", liver=LIVER)
    evaluation = medseg.evaluate(file, file)
    with pytest.raises(WrongUse) as refusal:
        medseg.write_scores(evaluation, tmp_path / "scores.xlsx")
    assert refusal.value.code is ErrorCode.UNKNOWN_FORMAT
    assert not (tmp_path / "scores.xlsx").exists()


def test_a_table_that_could_not_be_written_is_refused_before_any_scoring(tmp_path):
    with pytest.raises(WrongUse, match="UNKNOWN_FORMAT"):
        medseg.require_writable_scores(tmp_path / "scores.txt")
    (tmp_path / "scores.csv").write_text("precious")
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        medseg.require_writable_scores(tmp_path / "scores.csv")
    medseg.require_writable_scores(tmp_path / "scores.csv", overwrite=True)


def test_a_table_with_lesions_has_them_in_a_second_one(tmp_path):
    medseg.write_scores(TWO, tmp_path / "scores.csv")
    with medseg.lesions_path(tmp_path / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["case"], row["side"]) for row in rows] == [
        ("a", "reference"),
        ("a", "prediction"),
        ("b", "reference"),
        ("b", "prediction"),
    ]
    assert rows[0]["centre_a_mm"] == "-2.0"
    assert rows[0]["partner"] == ""
    assert rows[1]["partner"] == "1"


def test_neither_table_replaces_an_earlier_one(tmp_path):
    (tmp_path / "scores.lesions.csv").write_text("precious")
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        medseg.write_scores(TWO, tmp_path / "scores.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["scores.lesions.csv"]
    medseg.write_scores(TWO, tmp_path / "scores.csv", overwrite=True)
    assert (tmp_path / "scores.lesions.csv").read_text().startswith("case,")


def test_lesions_of_an_earlier_table_do_not_stay_beside_one_without(tmp_path):
    medseg.write_scores(TWO, tmp_path / "scores.csv")
    without = replace(TWO, cases=(replace(CASE, lesions=()),))
    medseg.write_scores(without, tmp_path / "scores.csv", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def test_the_json_holds_lesions_with_what_follows_from_the_counts(tmp_path):
    medseg.write_scores(TWO, tmp_path / "scores.json")
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]
    document = json.loads((tmp_path / "scores.json").read_text())
    assert document["schema_version"] == 2
    (detection,) = document["lesions"][0]["detections"]
    assert detection["sensitivity"] == 0.5
    assert detection["panoptic_quality"] == 0.5
    (mean,) = document["lesion_means"]
    assert (mean["cases"], mean["detections"][0]["found"]) == (2, 2)
    assert mean["detections"][0]["false_positives_per_case"] == 0


def test_parquet_holds_the_same_table(tmp_path):
    medseg.write_scores(TWO, tmp_path / "scores.parquet")
    medseg.write_scores(replace(TWO, cases=()), tmp_path / "none.parquet")
    read = pd.read_parquet(tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(read, medseg.scores_frame(TWO))
    assert medseg.lesions_path(tmp_path / "scores.parquet").exists()
    empty = pd.read_parquet(tmp_path / "none.parquet")
    assert list(empty.dtypes) == list(read.dtypes)


def test_frames_have_a_row_a_structure_and_a_row_a_lesion():
    scores = medseg.scores_frame(TWO)
    assert list(scores["case"]) == ["a", "b"]
    assert list(scores["trained_on"]) == [False, True]
    assert scores["hd95_mm"].isna().all()
    assert scores["dice"].dtype == scores["nsd"].dtype == "float64"
    lesions = medseg.lesions_frame([CASE])
    assert list(lesions["iou"]) == [0.0, 0.75]
    assert lesions["partner"].isna().tolist() == [True, False]


def test_frames_of_nothing_have_the_same_columns():
    pd.testing.assert_index_equal(
        medseg.scores_frame([]).columns, medseg.scores_frame([CASE]).columns
    )
    assert len(medseg.lesions_frame([])) == 0
