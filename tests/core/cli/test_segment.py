"""The segment command: several models, uncertainty, regions, folders."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel.nifti1
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg import Device, InferenceSettings
from medseg.cli.app import run
from tests.core.making import save_untrained

SAMPLE = Path(__file__).parents[3] / "sample_data"
IMAGES = SAMPLE / "Task90_PhantomAbdomen" / "imagesTr"
SCAN = IMAGES / "phantom_000.nii.gz"
QUICK = ["--overlap", "0", "--no-mirror"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small scans of noise, one of which is cut off, and a file of notes."""
    scans = tmp_path / "scans"
    scans.mkdir()
    for seed, name in enumerate(("a", "c")):
        noise = np.random.default_rng(seed).normal(0, 300, (40, 40, 30))
        scan = medseg.Volume(
            array=noise.astype(np.float32)[None],
            geometry=medseg.Geometry.from_spacing((40, 40, 30), (6.0, 6.0, 6.0)),
        )
        medseg.write_volume(scan, scans / f"{name}.nii.gz")
    (scans / "b.nii").write_bytes(b"cut off")
    (scans / "notes.txt").write_text("not a scan")
    return scans


def words(scan, model, out) -> list[str]:
    return ["segment", str(scan), "-m", str(model), "-o", str(out), *QUICK]


@pytest.fixture
def other_model(tiny_model: Path, tmp_path: Path) -> Path:
    """As the tiny one, but of another structure."""
    plan = medseg.read_model_info(tiny_model).plan
    labels = medseg.LabelSet.from_names([(2, "spleen")])
    return save_untrained(replace(plan, labels=labels), tmp_path / "models" / "other")


def test_several_models_make_one_label_map(tiny_model, other_model, tmp_path, capsys):
    out = tmp_path / "labels.nii.gz"
    command = words(SCAN, tiny_model, out)
    assert run([*command, "-m", str(other_model)]) == 0
    assert "written to" in capsys.readouterr().out
    both = medseg.read_segmentation(out)
    assert both.provenance is not None
    assert both.provenance.model == "tiny + other"
    assert both.labels.names == ("liver", "spleen", "liver tumour")
    alone = []
    for model in (tiny_model, other_model):
        assert run([*words(SCAN, model, out), "--overwrite"]) == 0
        alone.append(medseg.read_segmentation(out).array)
    first, second = alone
    expected = np.where(second > 0, second, first)  # the later one covers
    assert set(np.unique(expected)) >= {0, 2}
    assert set(np.unique(expected)) & {1, 4}
    assert_array_equal(both.array, expected)


@pytest.mark.parametrize("option", ["--save-probabilities", "--save-uncertainty"])
def test_probabilities_are_those_of_one_model(tiny_model, tmp_path, capsys, option):
    command = words(SCAN, tiny_model, tmp_path / "labels.nii.gz")
    assert run([*command, "-m", str(tiny_model), option]) == 2
    assert "those of one model" in capsys.readouterr().err


def test_uncertainty_and_probabilities_are_written_beside_it(tiny_model, tmp_path):
    out = tmp_path / "labels.nii.gz"
    command = words(SCAN, tiny_model, out)
    assert run([*command, "--save-uncertainty", "--save-probabilities"]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "labels.nii.gz",
        "labels.json",
        "labels.probabilities.nii.gz",
        "labels.uncertainty.nii.gz",
    }
    entropy = nibabel.nifti1.load(tmp_path / "labels.uncertainty.nii.gz").get_fdata()
    assert entropy.shape == medseg.read_segmentation(out).array.shape
    assert 0 <= entropy.min() <= entropy.max() <= 1
    assert run([*command, "--save-uncertainty"]) == 2


def test_where_it_mirrors_the_variance_over_copies_is_written_too(tiny_model, tmp_path):
    out = tmp_path / "labels.nii.gz"
    command = ["segment", str(SCAN), "-m", str(tiny_model), "-o", str(out)]
    assert run([*command, "--overlap", "0", "--save-uncertainty"]) == 0
    file = tmp_path / "labels.uncertainty.nii.gz"
    _, variance = np.moveaxis(nibabel.nifti1.load(file).get_fdata(), -1, 0)
    found = json.loads((tmp_path / "labels.json").read_text())["uncertainty"]
    labels = medseg.read_segmentation(out).array
    for each in found:
        inside = labels == each["label"]
        mean = variance[inside].mean() if inside.any() else None
        assert each["mean_mirror_variance"] == pytest.approx(mean, abs=2e-4)
    assert variance.max() > 0


def test_a_region_model_is_run_first(tiny_model, tmp_path, capsys):
    out = tmp_path / "labels.nii.gz"
    command = words(SCAN, tiny_model, out)
    assert run([*command, "--region-model", str(tiny_model)]) == 0
    assert "segmenting (region)" in capsys.readouterr().err
    made = medseg.read_segmentation(out).provenance
    assert made is not None
    assert any("within 20 mm of what tiny found" in note for note in made.notes)


def test_a_folder_becomes_a_folder_and_one_bad_scan_does_not_stop_it(
    tiny_model, folder, tmp_path, capsys
):
    out = tmp_path / "label-maps"
    assert run(words(folder, tiny_model, out)) == 3
    assert {path.name for path in out.iterdir()} == {
        "a.nii.gz",
        "a.json",
        "c.nii.gz",
        "c.json",
    }
    printed = capsys.readouterr()
    assert "b.nii" in printed.err
    assert "c.nii.gz, 3 of 3" in printed.err
    settings = InferenceSettings(device=Device("auto"), overlap=0.0, mirror=False)
    model = medseg.load_model(tiny_model)
    for name in "ac":
        scan = medseg.read_volume(folder / f"{name}.nii.gz")
        expected = medseg.segment(scan, model, settings)
        result = medseg.read_segmentation(out / f"{name}.nii.gz")
        assert_array_equal(result.array, expected.array)


def test_results_that_are_there_are_refused_before_any_work(
    tiny_model, folder, tmp_path, capsys
):
    out = tmp_path / "label-maps"
    out.mkdir()
    (out / "c.nii.gz").write_bytes(b"")
    assert run(words(folder, tiny_model, out)) == 2
    assert "OUTPUT_EXISTS" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["c.nii.gz"]


def test_scans_are_never_written_over(tiny_model, folder, capsys):
    before = {file: file.read_bytes() for file in folder.iterdir()}
    assert run([*words(folder, tiny_model, folder), "--overwrite"]) == 2
    assert "is itself what is read" in capsys.readouterr().err
    one = folder / "a.nii.gz"
    assert run([*words(one, tiny_model, one), "--overwrite"]) == 2
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_a_slice_is_never_written_over(tiny_model, tmp_path, capsys):
    series = tmp_path / "series"
    shutil.copytree(Path(__file__).parents[3] / "sample_data" / "ct_phantom", series)
    slice_file = next(file for file in series.rglob("*.dcm"))
    before = slice_file.read_bytes()
    assert run([*words(series, tiny_model, slice_file), "--overwrite"]) == 2
    assert "among its slices" in capsys.readouterr().err
    assert slice_file.read_bytes() == before


def test_a_new_folder_may_have_a_dot_in_its_name(tiny_model, folder, tmp_path):
    (folder / "b.nii").unlink()
    assert run(words(folder, tiny_model, tmp_path / "out.v2")) == 0
    assert (tmp_path / "out.v2" / "a.nii.gz").is_file()


def test_two_scans_of_one_name_are_refused(tiny_model, folder, tmp_path, capsys):
    (folder / "a.nii").write_bytes(b"")
    assert run(words(folder, tiny_model, tmp_path / "label-maps")) == 2
    assert "a.nii.gz" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [["--series", "1.2"], ["--format", "rtstruct"], ["--channel", "MR=a"]]
)
def test_what_makes_sense_for_one_scan_only_is_refused(
    tiny_model, folder, tmp_path, capsys, option
):
    assert run([*words(folder, tiny_model, tmp_path / "out"), *option]) == 2
    assert option[0] in capsys.readouterr().err


def test_a_folder_of_unusable_scans_is_unusable(tiny_model, folder, tmp_path):
    for name in "ac":
        (folder / f"{name}.nii.gz").unlink()
    assert run(words(folder, tiny_model, tmp_path / "out")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_stopping_leaves_nothing_written(tiny_model, tmp_path):
    out = tmp_path / "labels.nii.gz"
    command = ["segment", str(SCAN), "-m", str(tiny_model), "-o", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "medseg", *command, "--overlap", "0.9"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("segmenting"):
            process.send_signal(signal.SIGINT)
            break
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())
