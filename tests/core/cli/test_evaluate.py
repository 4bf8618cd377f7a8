"""`medseg evaluate`: its options, its warnings, its exit codes, and going on."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import medseg
from medseg.cli.app import run
from tests.core.evaluation.files import (
    LIVER,
    TUMOUR,
    write_dataset,
    write_labels,
    write_made,
)

SAMPLE = Path(__file__).parents[3] / "sample_data"


@pytest.fixture
def folders(tmp_path):
    """Words that compare three predictions with a dataset of three cases."""
    dataset = write_dataset(tmp_path / "set", list("abc"))
    for case in "abc":
        write_labels(tmp_path / f"mine/{case}.nii.gz", liver=LIVER, tumour=TUMOUR)
    return [str(tmp_path / "mine"), str(dataset)]


def test_evaluate_of_a_reference_against_itself_is_perfect(tmp_path, capsys):
    reference = str(SAMPLE / "ct_phantom_reference.nii.gz")
    table = tmp_path / "scores.csv"
    assert run(["evaluate", reference, reference, "-o", str(table)]) == 0
    assert "liver" in capsys.readouterr().out
    rows = table.read_text().splitlines()
    assert rows[0].startswith("case,structure,label,state,dice,iou,precision")
    assert len(rows) == 6


def test_evaluate_as_json_gives_what_the_json_table_holds(tmp_path, capsys):
    reference = str(SAMPLE / "ct_phantom_reference.nii.gz")
    table = tmp_path / "scores.json"
    assert run(["evaluate", reference, reference, "--json", "-o", str(table)]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == json.loads(table.read_text())


def test_evaluate_prints_its_table_even_where_it_cannot_be_written(tmp_path, capsys):
    reference = str(SAMPLE / "ct_phantom_reference.nii.gz")
    (tmp_path / "file").write_text("in the way")
    table = tmp_path / "file/scores.csv"
    assert run(["evaluate", reference, reference, "-o", str(table)]) == 1
    assert "liver" in capsys.readouterr().out


def test_evaluate_refuses_a_table_it_cannot_write_before_it_scores(tmp_path, capsys):
    words = ["evaluate", str(tmp_path), str(tmp_path)]
    assert run([*words, "-o", str(tmp_path / "scores.txt")]) == 2
    assert "UNKNOWN_FORMAT" in capsys.readouterr().err


def test_evaluate_with_a_missing_prediction_is_partly_done(tmp_path):
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    dataset = SAMPLE / "Task90_PhantomAbdomen"
    one = dataset / "labelsTr/phantom_000.nii.gz"
    (predictions / one.name).write_bytes(one.read_bytes())
    assert run(["evaluate", str(predictions), str(dataset)]) == 3


def test_every_option_is_taken(folders, tmp_path, capsys):
    table = tmp_path / "scores.json"
    words = (
        "--tolerances liver=2 --tolerances tumour=1 --connectivity 6 "
        "--minimum-mm3 10 --brats sub-saharan --missed leave-out --workers 2 "
        "--resample-reference --model hippocampus"
    )
    assert run(["evaluate", *folders, "-o", str(table), *words.split()]) == 0
    document = json.loads(table.read_text())
    assert document["settings"]["tolerance_mm"] == "liver 2, tumour 1"
    assert document["settings"]["brats"] == "sub-saharan"
    assert document["settings"]["model"] == "hippocampus"
    assert document["when_missed"] == "leave-out"
    assert document["lesions"][0]["structure"] == "tumour"
    assert {row["nsd"] for row in document["rows"]} == {1.0}
    assert " nsd" in capsys.readouterr().out.splitlines()[0]


def test_a_preset_that_is_not_confirmed_is_noted(folders, capsys):
    words = ["--tolerances", "decathlon-liver", "--workers", "1"]
    assert run(["evaluate", *folders, *words]) == 0
    assert "note: the source of the tolerance" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "--tolerances no-such-preset",
        "--tolerance-mm 0",
        "--tolerance-mm 2 --tolerances liver=2",
        "--tolerances spleen=2",
        "--connectivity 8",
        "--brats lung",
        "--missed zero",
        "--workers 0",
        "--minimum-mm3 -1",
        "--model no-such-model",
    ],
)
def test_what_cannot_be_meant_is_refused(folders, tmp_path, capsys, words):
    out = tmp_path / "scores.csv"
    assert run(["evaluate", *folders, "-o", str(out), *words.split()]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.split(":")[0] in ("INVALID_OPTION", "UNKNOWN_MODEL")
    assert not list(tmp_path.glob("scores*"))


def test_the_help_names_presets_and_choices(capsys):
    assert run(["evaluate", "--help"]) == 0
    text = capsys.readouterr().out
    for word in ("decathlon-liver", "6, 18, 26", "leave-out", "--workers", "--brats"):
        assert word in text
    assert "--empty" not in text


def test_cases_trained_on_are_warned_of(folders, tmp_path, capsys):
    for file in (tmp_path / "mine").glob("b.*"):
        file.unlink()
    write_made(tmp_path / "mine/b.nii.gz", is_trained_on=True)
    out = tmp_path / "scores.parquet"
    assert run(["evaluate", *folders, "-o", str(out), "--workers", "1"]) == 0
    assert "warning: 1 of 3 cases were trained on" in capsys.readouterr().err
    table = pd.read_parquet(out)
    assert set(table.loc[table["trained_on"], "case"]) == {"b"}
    assert {path.name for path in tmp_path.glob("scores*")} == {
        "scores.parquet",
        "scores.lesions.csv",
    }


def test_a_failed_case_leaves_a_journal_with_which_it_alone_is_tried_again(
    folders, tmp_path, capsys
):
    bad = tmp_path / "mine/b.nii.gz"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:60])
    out = tmp_path / "scores.csv"
    words = ["evaluate", *folders, "-o", str(out), "--workers", "1"]
    assert run(words) == 3
    assert "keeps the finished cases" in capsys.readouterr().err
    bad.write_bytes(whole)
    assert run([*words, "--overwrite"]) == 0
    assert "note: 2 of 3 cases were taken" in capsys.readouterr().err
    assert not medseg.journal_path(out).exists()
    assert len(out.read_text().splitlines()) == 1 + 6


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    """Killed, not asked to stop, once the journal holds a case."""
    mine = tmp_path / "mine"
    for number in range(40):
        write_labels(mine / f"{number:02}.nii.gz", liver=LIVER)
    out = tmp_path / "scores.csv"
    words = ["evaluate", str(mine), str(mine), "-o", str(out), "--workers", "1"]
    command = [sys.executable, "-m", "medseg", *words]
    journal = medseg.journal_path(out)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    kept = journal.read_bytes().count(b"\n") - 1
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert f"note: {kept} of 40 cases were taken from the journal" in done.stderr
    assert len(out.read_text().splitlines()) == 41


def test_workers_are_started_by_the_command_itself(folders, tmp_path):
    shutil.rmtree(tmp_path / "set/imagesTr")
    command = [sys.executable, "-m", "medseg", "evaluate", folders[0]]
    command += [str(tmp_path / "set/labelsTr"), "--workers", "2"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "mean over structures" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_table_of_a_case_is_narrow(folders, capsys):
    words = ["evaluate", f"{folders[0]}/a.nii.gz", f"{folders[1]}/labelsTr/a.nii.gz"]
    assert run([*words, "--tolerance-mm", "2"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 90
