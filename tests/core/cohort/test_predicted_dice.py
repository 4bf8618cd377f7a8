"""Dice predicted in a cohort: in its tables, and only where it is asked for."""

import csv
import json

import pytest

import medseg
from medseg import ErrorCode, UnusableInput, WrongUse
from medseg.cohort.keys import asked_for
from medseg.core.model_quality import ModelQuality
from medseg.models import load_networks, quality_bytes
from tests.core.cohort.small_cohort import CASES, Run
from tests.core.making import LABELS, TINY_PLAN, save_untrained


def scores_for(folder, weight=-0.5):
    """Dice 0.9 less half of the entropy, of every structure."""
    return ModelQuality(
        scores=tuple(
            medseg.QualityModel(
                structure=name,
                features=("single_entropy",),
                weights=(weight,),
                intercept=0.9,
                cases=20,
                residual_sd=0.1,
            )
            for name in LABELS.names
        ),
        results=(),
        model_sha256=load_networks(folder).sha256,
        dataset="none",
    )


@pytest.fixture
def judged(tmp_path):
    folder = save_untrained(TINY_PLAN, tmp_path / "judged")
    (folder / "quality.json").write_bytes(quality_bytes(scores_for(folder)))
    return folder


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_it_is_in_the_tables_and_beside_each_result(scans, judged):
    run = Run(scans, judged, quality=True)
    run()
    volumes = rows(run.out / "volumes.csv")
    for row in volumes:
        beside = json.loads((run.out / f"segmentations/{row['case']}.json").read_text())
        (found,) = (
            each
            for each in beside["uncertainty"]
            if each["structure"] == row["structure"]
        )
        if row["voxels"] == "0":
            assert row["predicted_dice"] == ""
            continue
        expected = 0.9 - 0.5 * found["mean_entropy"]
        assert found["predicted_dice"] == pytest.approx(expected)
        assert row["predicted_dice"] == str(round(expected, 4))
    assert any(row["predicted_dice"] for row in volumes)
    for row in rows(run.out / "cases.csv"):
        own = [e["predicted_dice"] for e in volumes if e["case"] == row["case"]]
        assert row["lowest_predicted_dice"] == min(filter(None, own))
    told = medseg.read_predicted_dice(run.out)
    assert set(told) == set(CASES)
    for row in rows(run.out / "cases.csv"):
        of_case = told[row["case"]]
        assert of_case.lowest == float(row["lowest_predicted_dice"])
        assert of_case.structures == {
            each["structure"]: float(each["predicted_dice"])
            for each in volumes
            if each["case"] == row["case"] and each["predicted_dice"]
        }
    before = run.files()
    run()
    assert run.begun == 0
    (run.out / f"cases/{CASES[0]}.json").unlink()
    run()
    assert run.begun == 1
    assert run.files() == before


def test_what_was_predicted_is_read_back_of_cases_that_are_done(tmp_path):
    (tmp_path / "cases.csv").write_text(
        "case,state,lowest_predicted_dice\na,done,0.25\nb,failed,\nc,done,\n"
    )
    (tmp_path / "volumes.csv").write_text(
        "case,structure,predicted_dice\na,liver,0.5\na,tumour,0.25\nc,liver,\n"
    )
    told = medseg.read_predicted_dice(tmp_path)
    assert set(told) == {"a", "c"}
    assert told["a"].lowest == 0.25
    assert told["a"].structures == {"liver": 0.5, "tumour": 0.25}
    assert told["c"].lowest is None
    assert told["c"].structures == {}
    (tmp_path / "volumes.csv").unlink()
    assert medseg.read_predicted_dice(tmp_path)["a"].structures == {}


@pytest.mark.parametrize(
    "table", [None, b"", b"case,state\na,done\n", b"case,age\na,41\n", b"\xff\xfe\x00"]
)
def test_a_folder_without_predictions_has_none(tmp_path, table):
    if table is not None:
        (tmp_path / "cases.csv").write_bytes(table)
    assert medseg.read_predicted_dice(tmp_path) == {}


def test_a_damaged_prediction_is_refused(tmp_path):
    (tmp_path / "cases.csv").write_text(
        "case,state,lowest_predicted_dice\na,done,high\n"
    )
    with pytest.raises(UnusableInput, match="'high' is no predicted Dice") as refused:
        medseg.read_predicted_dice(tmp_path)
    assert refused.value.code is ErrorCode.INVALID_HEADER


def test_other_scores_make_other_results_and_none_where_it_is_not_asked_for(judged):
    plain = medseg.WhatToMake(models=(str(judged),))
    wanted = medseg.WhatToMake(models=(str(judged),), quality=True)
    without, with_it = asked_for(plain), asked_for(wanted)
    assert "quality" not in without
    other = scores_for(judged, weight=-0.4)
    (judged / "quality.json").write_bytes(quality_bytes(other))
    assert asked_for(plain) == without
    assert asked_for(wanted) != with_it


def test_a_model_without_scores_and_several_models_are_refused(scans, model):
    with pytest.raises(WrongUse, match="has no quality scores") as refused:
        Run(scans, model, quality=True)()
    assert refused.value.code is ErrorCode.INVALID_OPTION
    with pytest.raises(WrongUse, match="those of one model"):
        medseg.WhatToMake(models=("a", "b"), quality=True)
