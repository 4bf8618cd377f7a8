"""Commands do what they say on good input."""

import json
from pathlib import Path

import nibabel.nifti1
import numpy as np
import pytest

from medseg.cli.app import run
from tests.core.training.cubes import write_cubes

SAMPLE = Path(__file__).parents[3] / "sample_data"
COMMANDS = (
    "demo",
    "inspect",
    "segment",
    "evaluate",
    "plan",
    "train",
    "models list",
    "models show",
    "models import",
    "models export",
    "data phantom",
    "errors",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command, capsys):
    assert run([*command.split(), "--help"]) == 0
    assert f"Example: medseg {command}" in capsys.readouterr().out


def test_segment_writes_labels_on_the_scans_own_grid(tiny_model, tmp_path, capsys):
    scan = SAMPLE / "Task90_PhantomAbdomen/imagesTr/phantom_000.nii.gz"
    out = tmp_path / "labels.nii.gz"
    words = ["segment", str(scan), "-m", str(tiny_model), "-o", str(out)]
    assert run([*words, "--overlap", "0"]) == 0
    labels, image = (nibabel.Nifti1Image.from_filename(f) for f in (out, scan))
    assert labels.shape == image.shape
    np.testing.assert_allclose(labels.affine, image.affine, atol=1e-5)
    provenance = json.loads((tmp_path / "labels.json").read_text())
    assert "tiny" in json.dumps(provenance)
    assert " ml" in capsys.readouterr().out


def test_inspect_as_json_lists_the_sample_series(capsys):
    assert run(["inspect", str(SAMPLE / "ct_phantom"), "--json"]) == 0
    (volume,) = json.loads(capsys.readouterr().out)
    assert volume["modality"] == "CT"
    assert volume["shape"] == [160, 160, 72]
    assert volume["problems"] == []


def test_inspect_says_what_to_do_when_nothing_is_usable(tmp_path, capsys):
    (tmp_path / "broken.nii").write_bytes(b"cut off")
    assert run(["inspect", str(tmp_path)]) == 1
    problem, remedy = capsys.readouterr().out.splitlines()[-2:]
    assert ": NOT_AN_IMAGE: " in problem
    assert run(["inspect", str(tmp_path), "--json"]) == 1
    (volume,) = json.loads(capsys.readouterr().out)
    (as_json,) = volume["problems"]
    assert as_json["code"] == "NOT_AN_IMAGE"
    assert f"{as_json['code']}: {as_json['what']}" in problem
    assert as_json["remedy"] == remedy.strip()


def test_plan_gives_reasons(capsys):
    assert run(["plan", str(SAMPLE / "Task90_PhantomAbdomen")]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert "none: a structure is named by its side" in "".join(rows)
    reason_from = header.index("reason")
    assert len(rows) >= 12
    assert all(row[reason_from:].strip() for row in rows)


def test_plan_is_for_the_memory_of_the_device(tmp_path, capsys):
    folder = write_cubes(tmp_path / "data", cases=2)
    words = ["plan", str(folder), "--preset", "standard", "--memory-gib", "2"]
    assert run([*words, "--device", "cpu"]) == 0
    assert "GiB of the 2 allowed" in capsys.readouterr().out
    assert run([*words, "--device", "cuda"]) == 2
    assert "--memory-gib" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["plan", "train"])
def test_cases_without_a_structure_are_let_in_on_request(command, tmp_path, capsys):
    folder = write_cubes(tmp_path / "data", cases=2)
    path = folder / "labelsTr/cube_001.nii.gz"
    healthy = nibabel.nifti1.load(path)
    array = np.zeros(healthy.shape, np.uint8)
    nibabel.nifti1.save(nibabel.nifti1.Nifti1Image(array, healthy.affine), path)
    words = [command, str(folder)]
    if command == "train":
        words += ["-o", str(tmp_path / "model"), "--fold", "none", "--steps", "1"]
    assert run(words) == 1
    line = capsys.readouterr().err
    assert "cube_001 holds no structure" in line
    assert "--allow-empty" in line
    assert run([*words, "--allow-empty"]) == 0


def test_models_are_listed_with_structures_and_licence(capsys):
    assert run(["models", "list", "--json"]) == 0
    models = {model["name"]: model for model in json.loads(capsys.readouterr().out)}
    assert models["hippocampus"]["licence"] == "CC-BY-SA-4.0"
    assert "left kidney" in models["phantom-abdomen"]["structures"]


def test_data_phantom_makes_one_series_with_its_reference(tmp_path):
    out = tmp_path / "phantom"
    assert run(["data", "phantom", str(out), "--seed", "3"]) == 0
    assert len(list((out / "scan").iterdir())) == 72
    assert (out / "reference.nii.gz").exists()
