"""The folder of a study: whole or not at all, and the same figures in every file."""

import csv
import json
from dataclasses import replace

import pytest

import medseg
from medseg import ErrorCode, Scores, WrongUse
from medseg.study.writing import summary_json
from tests.core.study.studies import row, study_of, two_models


def table(path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def study():
    return study_of(margin=0.02)


@pytest.fixture(scope="module")
def folder(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "study"
    medseg.write_study(study, folder)
    return folder


def test_everything_is_in_the_folder(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "scores.csv",
        "summary.json",
        "challenger.csv",
        "figures",
        "report.html",
    }
    figures = {path.name for path in (folder / "figures").iterdir()}
    assert {"scores_dice.svg", "scores_dice.pdf"} <= figures


def test_the_table_has_a_row_for_each_model_case_and_structure(folder):
    rows = table(folder / "scores.csv")
    assert len(rows) == 2 * 12 * 2
    assert (rows[0]["model"], rows[0]["trained_on"]) == ("base", "false")
    assert float(rows[0]["dice"]) == pytest.approx(0.6)


def test_the_summary_is_json_of_all_results_and_how_they_were_made(study, folder):
    found = json.loads((folder / "summary.json").read_text())
    assert found["schema_version"] == 1
    assert "Research use only" in found["disclaimer"]
    assert found["settings"]["bootstrap"]["resamples"] == 200
    assert found["settings"]["margin"] == 0.02
    assert found["versions"]["medseg"]
    first = found["summaries"][0]
    assert first["mean"]["value"] == study.summaries[0].mean.value
    assert found["comparisons"][0]["difference"]["n"] == 12
    assert "dice" in found["definitions"]


def test_the_challenge_table_has_challengers_columns(folder):
    lines = (folder / "challenger.csv").read_text().splitlines()
    assert lines[0] == "task,case,algorithm,value"
    assert lines[1] == "liver,case_00,base,0.6"
    assert len(lines) == 1 + 2 * 12 * 2


def test_a_value_that_is_not_there_is_not_in_the_challenge_table(tmp_path):
    absent = Scores(
        case_id="case_12",
        rows=(
            row("liver", None, state=medseg.MaskState.BOTH_EMPTY),
            row("spleen", 0.5),
        ),
    )
    models = {"one": (*two_models()["base"], absent)}
    medseg.write_study(study_of(models), tmp_path / "out")
    text = (tmp_path / "out/challenger.csv").read_text()
    assert "liver,case_12" not in text
    assert "spleen,case_12" in text
    json.loads((tmp_path / "out/summary.json").read_text())


def test_names_with_commas_and_quotes_stay_whole(tmp_path):
    models = two_models()
    odd = {'a, "b"': models["base"]}
    medseg.write_study(study_of(odd), tmp_path / "out")
    rows = table(tmp_path / "out/challenger.csv")
    assert rows[0]["algorithm"] == 'a, "b"'


def test_a_folder_that_holds_something_is_left_alone(study, folder):
    before = (folder / "report.html").stat().st_mtime_ns
    with pytest.raises(WrongUse) as error:
        medseg.write_study(study, folder)
    assert error.value.code is ErrorCode.OUTPUT_EXISTS
    assert (folder / "report.html").stat().st_mtime_ns == before


def test_a_study_that_cannot_be_written_leaves_nothing(study, tmp_path):
    # A number that JSON does not know, met after the first table is written.
    nowhere = replace(study.worst[0], value=float("nan"))
    broken = replace(study, worst=(nowhere,))
    with pytest.raises(ValueError, match="JSON"):
        medseg.write_study(broken, tmp_path / "new/out")
    assert list(tmp_path.iterdir()) == []


def test_the_same_study_gives_the_same_files(study, folder, tmp_path):
    medseg.write_study(study, tmp_path / "again")
    for path in folder.rglob("*"):
        if path.is_file():
            other = tmp_path / "again" / path.relative_to(folder)
            assert other.read_bytes() == path.read_bytes(), path.name


def test_no_number_is_lost_in_the_summary(study):
    assert "NaN" not in summary_json(study)
