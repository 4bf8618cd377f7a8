"""Folders in, a whole study out: resumed, partly done, refused before any work."""

import csv
import json

import numpy as np
import pytest

import medseg
from medseg import (
    Cancelled,
    ErrorCode,
    EvaluationSettings,
    StudyFiles,
    StudySettings,
    UnusableInput,
    WrongUse,
)
from medseg.cli.app import run
from tests.core.study.files import (
    GEOMETRY,
    SHAPE,
    labels_of,
    write_maps,
    write_reference,
)
from tests.core.study.studies import FEW_SAMPLES

CASES = [f"c{n}" for n in range(4)]
SETTINGS = StudySettings(bootstrap=FEW_SAMPLES, worst=1)
SCORING = EvaluationSettings(tolerance_mm=1.0, workers=1)
QUICK = ["--resamples", "200", "--worst", "1", "--workers", "1"]


@pytest.fixture
def folders(tmp_path):
    write_reference(tmp_path / "reference")
    write_maps(tmp_path / "base", {c: labels_of(6) for c in CASES})
    write_maps(tmp_path / "ours", {c: labels_of(5) for c in CASES})
    return tmp_path


def files_in(folders, **more) -> StudyFiles:
    return StudyFiles(
        reference=folders / "reference",
        models={"base": folders / "base", "ours": folders / "ours"},
        **more,
    )


def words(folders, *more: str) -> list[str]:
    return [
        *("study", str(folders / "reference")),
        *(f"base={folders / 'base'}", f"ours={folders / 'ours'}"),
        *("-o", str(folders / "out"), *QUICK, *more),
    ]


def test_a_study_of_everything_is_written(folders):
    write_maps(folders / "second", {c: labels_of(5) for c in CASES})
    for case in CASES:
        image = np.zeros((1, *SHAPE), np.float32)
        medseg.write_volume(
            medseg.Volume(array=image, geometry=GEOMETRY),
            folders / f"images/{case}.nii.gz",
        )
        chosen = np.stack([labels_of(5).array == label for label in range(3)])
        medseg.write_probabilities(
            medseg.Volume(
                array=np.where(chosen, 0.8, 0.1).astype(np.float32),
                geometry=GEOMETRY,
                channels=("background", "liver", "spleen"),
            ),
            folders / f"p/{case}.nii.gz",
        )
    (folders / "cases.csv").write_text(
        "case,patient,site\nc0,p0,A\nc1,p1,A\nc2,p2,B\nc3,p3,B\n"
    )
    study = medseg.run_study(
        files_in(
            folders,
            images=folders / "images",
            cases=folders / "cases.csv",
            readers={"second": folders / "second"},
            probabilities={"ours": folders / "p"},
        ),
        folders / "out",
        settings=StudySettings(
            bootstrap=FEW_SAMPLES, worst=1, patient="patient", centre="site"
        ),
        scoring=SCORING,
    )
    assert study.centres == ("A", "B")
    assert study.readers
    assert study.calibrations
    assert study.risks
    page = (folders / "out/report.html").read_text(encoding="utf-8")
    for heading in ("Subgroups", "Readers", "Calibration and uncertainty"):
        assert f"<h3>{heading}</h3>" in page
    assert page.count('<div class="picture">') == 2
    assert str(folders) not in page
    summary = json.loads((folders / "out/summary.json").read_text())
    assert str(folders) not in json.dumps(summary)
    rows = list(csv.DictReader((folders / "out/scores.csv").read_text().splitlines()))
    assert {row["centre"] for row in rows} == {"A", "B"}
    assert not list(folders.glob("*.jsonl"))


def test_an_interrupted_study_goes_on_where_it_stopped(folders):
    seen: list[str] = []

    def stop(progress) -> None:
        seen.append(str(progress))
        if len(seen) == 6:
            raise Cancelled

    with pytest.raises(Cancelled):
        medseg.run_study(
            files_in(folders),
            folders / "out",
            settings=SETTINGS,
            scoring=SCORING,
            on_progress=stop,
        )
    assert not (folders / "out").exists()
    seen.clear()
    study = medseg.run_study(
        files_in(folders),
        folders / "out",
        settings=SETTINGS,
        scoring=SCORING,
        on_progress=lambda progress: seen.append(str(progress)),
    )
    assert len(study.cases) == 4
    assert seen[0] == "scoring base 4/4  taken from the journal"
    assert not list(folders.glob("*.jsonl"))


def test_the_command_says_what_it_found_and_ends_with_0(folders, capsys):
    assert run(words(folders, "--margin", "0.1", "--tolerance-mm", "1")) == 0
    said = capsys.readouterr().out
    assert "ours reached a mean Dice of" in said
    assert "non-inferiority of ours by a margin of 0.1 was shown" in said
    assert (folders / "out/report.html").is_file()
    settings = json.loads((folders / "out/summary.json").read_text())["settings"]
    assert settings["margin"] == 0.1


def test_cases_that_could_not_be_scored_end_with_3_and_are_listed(folders, capsys):
    (folders / "ours/c1.nii.gz").write_bytes(b"no image")
    (folders / "base/c2.nii.gz").unlink()
    assert run(words(folders)) == 3
    assert "2 cases could not be compared" in capsys.readouterr().out
    page = (folders / "out/report.html").read_text(encoding="utf-8")
    assert "Cases not compared" in page
    assert "no prediction" in page
    assert str(folders) not in page


def test_a_folder_that_is_there_is_refused_before_any_work(folders, capsys):
    (folders / "out").mkdir()
    (folders / "out/notes.txt").write_text("mine")
    assert run(words(folders)) == 2
    assert "OUTPUT_EXISTS" in capsys.readouterr().err
    assert [path.name for path in (folders / "out").iterdir()] == ["notes.txt"]
    assert not list(folders.glob("*.jsonl"))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["nameless"], "'nameless' is not NAME=FOLDER"),
        (["=somewhere"], "is not NAME=FOLDER"),
        (["ours=somewhere"], "the name 'ours' is given twice"),
        (["--reader", "ours=somewhere"], "'ours' stands for two"),
        (["--reader", "somewhere"], "'somewhere' is not NAME=FOLDER"),
        (["--probabilities", "other=somewhere"], "there is no model 'other'"),
        (["--patient", "patient"], "no table"),
        (["--primary", "accuracy"], "there is no measure 'accuracy'"),
        (["--margin", "-1"], "a margin is 0 or more"),
    ],
)
def test_wrong_use_is_told_before_any_work(folders, capsys, more, told):
    assert run(words(folders, *more)) == 2
    assert told in capsys.readouterr().err
    assert not list(folders.glob("*.jsonl"))


@pytest.mark.parametrize("option", ["--resamples=5", "--level=2"])
def test_intervals_that_cannot_be_made_are_wrong_use(folders, capsys, option):
    assert run(words(folders, option)) == 2
    assert "INVALID_OPTION" in capsys.readouterr().err


def test_an_unknown_column_is_told_with_those_there_are(folders, capsys):
    (folders / "cases.csv").write_text("case,site\nc0,A\n")
    more = ["--cases", str(folders / "cases.csv"), "--centre", "scanner"]
    assert run(words(folders, *more)) == 2
    assert "It has site" in capsys.readouterr().err
    assert not list(folders.glob("*.jsonl"))


def test_a_table_that_lacks_a_case_is_told(folders):
    (folders / "cases.csv").write_text("case,site\nc0,A\n")
    with pytest.raises(UnusableInput, match="no row for c1, c2, c3"):
        medseg.run_study(
            files_in(folders, cases=folders / "cases.csv"),
            folders / "out",
            settings=SETTINGS,
            scoring=SCORING,
        )
    assert not (folders / "out").exists()


def test_folders_without_a_common_name_are_refused(folders, capsys):
    write_maps(folders / "ours2", {"z9": labels_of(4)})
    assert run([*words(folders), f"other={folders / 'ours2'}"]) == 1
    assert "NO_PAIRS" in capsys.readouterr().err


def test_models_without_a_common_case_are_refused(folders):
    for case in CASES[:2]:
        (folders / f"ours/{case}.nii.gz").unlink()
    for case in CASES[2:]:
        (folders / f"base/{case}.nii.gz").unlink()
    with pytest.raises(UnusableInput) as error:
        medseg.run_study(
            files_in(folders), folders / "out", settings=SETTINGS, scoring=SCORING
        )
    assert error.value.code is ErrorCode.NO_PAIRS


@pytest.mark.parametrize("name", ["a/b", "", " ", "a\\b"])
def test_a_name_that_no_file_can_have_is_wrong_use(folders, name):
    with pytest.raises(WrongUse) as error:
        StudyFiles(reference=folders / "reference", models={name: folders / "base"})
    assert error.value.code is ErrorCode.INVALID_OPTION


def test_reader_named_as_the_reference_is_wrong_use(folders):
    with pytest.raises(WrongUse):
        files_in(folders, readers={"reference": folders / "base"})
