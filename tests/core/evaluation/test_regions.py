"""Datasets of regions and of voxels that nobody looked at, scored from files."""

import csv

import numpy as np
import pytest
from surface_distance import (
    compute_surface_dice_at_tolerance,
    compute_surface_distances,
)

import medseg
from medseg import EvaluationSettings, WrongUse
from medseg.cli.app import run
from tests.core.evaluation.regions import (
    GEOMETRY,
    IGNORED,
    REGIONS,
    masks_of,
    random_map,
    write_map,
    write_predictions,
    write_regions,
)
from tests.core.making import dice


def require_scores_of_regions(evaluation, predictions, references) -> None:
    assert [case.case_id for case in evaluation.cases] == sorted(predictions)
    for case in evaluation.cases:
        assert [row.structure for row in case.rows] == [*REGIONS]
        for region in REGIONS:
            maps = predictions[case.case_id], references[case.case_id]
            assert case[region].dice == pytest.approx(dice(*masks_of(region, *maps)))


@pytest.mark.parametrize("of_the_dataset", ["", "labelsTr"])
def test_regions_are_scored_where_somebody_looked(tmp_path, of_the_dataset):
    references = write_regions(tmp_path / "set")
    predictions = write_predictions(tmp_path / "mine", 10)
    evaluation = medseg.evaluate(tmp_path / "mine", tmp_path / "set" / of_the_dataset)
    assert evaluation.is_complete
    require_scores_of_regions(evaluation, predictions, references)


def test_two_files_of_such_a_dataset_are_scored_alike(tmp_path):
    references = write_regions(tmp_path / "set")
    predictions = write_predictions(tmp_path / "mine", 10)
    evaluation = medseg.evaluate(
        tmp_path / "mine/c1.nii.gz", tmp_path / "set/labelsTr/c1.nii.gz"
    )
    chosen = {"c1": predictions["c1"]}
    require_scores_of_regions(evaluation, chosen, references)


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
def test_nsd_of_a_region_is_that_of_its_union(tmp_path):
    references = write_regions(tmp_path / "set", 1)
    predictions = write_predictions(tmp_path / "mine", 10, 1)
    settings = EvaluationSettings(tolerances=("core=1.5",))
    evaluation = medseg.evaluate(tmp_path / "mine", tmp_path / "set", settings=settings)
    (case,) = evaluation.cases
    looked_at = references["c0"] != IGNORED
    masks = [
        np.isin(each, REGIONS["core"]) & looked_at
        for each in (references["c0"], predictions["c0"])
    ]
    distances = compute_surface_distances(*masks, GEOMETRY.spacing_mm)
    wanted = compute_surface_dice_at_tolerance(distances, 1.5)
    assert case["core"].nsd == pytest.approx(wanted, abs=1e-6)
    assert case["whole tumour"].nsd is None
    assert evaluation.notes == ()


def test_a_tolerance_of_what_is_no_region_is_refused(tmp_path):
    write_regions(tmp_path / "set")
    write_predictions(tmp_path / "mine", 10)
    settings = EvaluationSettings(tolerances=("oedema=1",))
    with pytest.raises(
        WrongUse, match="There are whole tumour, core, enhancing tumour"
    ):
        medseg.evaluate(tmp_path / "mine", tmp_path / "set", settings=settings)


def test_a_journal_of_another_description_is_started_anew(tmp_path):
    write_regions(tmp_path / "set", 1)
    write_predictions(tmp_path / "mine", 10, 1)
    journal = tmp_path / "journal.jsonl"
    asked = tmp_path / "mine", tmp_path / "set/labelsTr"
    medseg.evaluate(*asked, journal=journal)
    again = medseg.evaluate(*asked, journal=journal)
    assert again.notes == ("1 of 1 cases were taken from the journal",)
    file = tmp_path / "set/dataset.json"
    file.write_text(file.read_text().replace('"core": [2, 3]', '"core": [2]'))
    (note,) = medseg.evaluate(*asked, journal=journal).notes
    assert "started anew" in note


def test_voxels_to_ignore_do_not_stop_the_command(tmp_path, capsys):
    references = write_regions(tmp_path / "set")
    predictions = write_predictions(tmp_path / "mine", 10)
    table = tmp_path / "scores.csv"
    words = [str(tmp_path / "mine"), str(tmp_path / "set"), "-o", str(table)]
    assert run(["evaluate", *words, "--workers", "1"]) == 0
    assert "whole tumour" in capsys.readouterr().out
    with table.open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == len(references) * len(REGIONS)
    for row in rows:
        maps = predictions[row["case"]], references[row["case"]]
        wanted = dice(*masks_of(row["structure"], *maps))
        assert float(row["dice"]) == pytest.approx(wanted, abs=1e-6)


def test_what_a_prediction_ignores_counts_as_wrong(tmp_path):
    write_regions(tmp_path / "set", 1)
    write_map(tmp_path / "mine/c0.nii.gz", random_map(10, (0, IGNORED)))
    (case,) = medseg.evaluate(tmp_path / "mine", tmp_path / "set").cases
    assert {row.dice for row in case.rows} == {0.0}
