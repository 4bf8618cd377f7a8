"""`medseg data list` and `medseg data download`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medseg.cli.app import run


def test_the_list_names_ten_tasks_with_licence_and_tolerances(capsys):
    assert run(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("Task") for line in lines) == 10
    assert "licence: CC-BY-SA-4.0" in lines
    (spleen,) = [line.split() for line in lines if line.startswith("Task09_Spleen")]
    assert spleen[1:5] == ["CT", "spleen", "41", "20"]
    assert spleen[-2:] == ["1.61", "3"]


def test_the_list_as_json_has_everything(capsys):
    assert run(["data", "list", "--json"]) == 0
    tasks = {task["name"]: task for task in json.loads(capsys.readouterr().out)}
    brain = tasks["Task01_BrainTumour"]
    assert brain["channels"] == ["FLAIR", "T1w", "t1gd", "T2w"]
    assert brain["tolerance_mm"] == dict.fromkeys(brain["labels"], 5.0)
    assert brain["url"].startswith("https://")
    assert brain["url"].endswith("/Task01_BrainTumour.tar")
    assert len(brain["md5"]) == 32
    assert brain["licence"] == "CC-BY-SA-4.0"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("words", [["--json"], []])
def test_a_reader_that_has_had_enough_ends_it_in_silence(words):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "medseg", "data", "list", *words]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.fixture
def heart(tmp_path: Path) -> Path:
    """The names of task 2, without its voxels."""
    folder = tmp_path / "Task02_Heart"
    entries = []
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for number in range(20):
        name = f"la_{number:03d}.nii.gz"
        entries.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
        for path in entries[-1].values():
            (folder / path).touch()
    description = {
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "left atrium"},
        "training": entries,
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def test_a_complete_folder_is_left_alone_and_named(heart, capsys):
    assert run(["data", "download", "heart", "--to", str(heart.parent)]) == 0
    assert capsys.readouterr().out.split() == [str(heart)]


def test_an_unknown_task_is_refused_before_another_is_fetched(tmp_path, capsys):
    words = ["Task09_Spleen", "Task04_Hipocampus", "--to", str(tmp_path / "new")]
    assert run(["data", "download", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("UNKNOWN_DATASET: ")
    assert "Did you mean Task04_Hippocampus" in line
    assert not (tmp_path / "new").exists()


def test_no_task_at_all_is_wrong_use(capsys):
    assert run(["data", "download"]) == 2
    assert capsys.readouterr().err.startswith("INVALID_OPTION")


@pytest.mark.parametrize("command", ["list", "download", "phantom"])
def test_help_has_an_example(command, capsys):
    assert run(["data", command, "--help"]) == 0
    assert f"Example: medseg data {command}" in capsys.readouterr().out
