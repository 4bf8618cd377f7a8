"""The classical methods from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg.cli.app import run
from tests.core.classical.scenes import ball, labels, scan

SHAPE = (24, 30, 20)
BALL = ball(SHAPE, (18, 15, 20), 10)
ON_A_SCAN = (
    *("otsu", "threshold", "hysteresis", "watershed", "canny", "gradient-edges"),
    *("kmeans", "gaussian-mixture", "supervoxels", "body-mask", "lung-mask"),
)
SEEDED = ("grow", "grow-by-confidence")
ON_LABELS = (
    *("smooth", "fill-holes", "keep-largest", "split-touching", "cut-touching"),
)
WITH_BOTH = ("active-contour", "watershed-from-markers")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A scan, a label map, and where the result goes."""
    values = np.where(BALL, 100, 0).astype(np.int16)
    medseg.write_volume(scan(values), tmp_path / "scan.nii.gz")
    medseg.write_segmentation(labels(BALL), tmp_path / "labels.nii.gz")
    return tmp_path / "scan.nii.gz", tmp_path / "labels.nii.gz", tmp_path / "o.nii.gz"


@pytest.mark.parametrize("method", [*ON_A_SCAN, *SEEDED, *ON_LABELS, *WITH_BOTH])
def test_help_shows_an_example(method, capsys):
    assert run(["classical", method, "--help"]) == 0
    assert f"Example: medseg classical {method}" in capsys.readouterr().out


@pytest.mark.parametrize("method", ON_A_SCAN)
def test_a_scan_becomes_a_label_map(method, files, capsys):
    image, _, out = files

    assert run(["classical", method, str(image), "-o", str(out)]) == 0

    assert medseg.read_segmentation(out).array.shape == SHAPE
    made = json.loads(out.with_name("o.json").read_text())
    assert "classical" in json.dumps(made)
    assert " ml" in capsys.readouterr().out


def test_options_reach_the_method(files):
    image, _, out = files
    words = ["--lower", "50", "--upper", "150"]

    assert run(["classical", "threshold", str(image), "-o", str(out), *words]) == 0

    assert_array_equal(medseg.read_segmentation(out).array > 0, BALL)


@pytest.mark.parametrize("method", SEEDED)
def test_a_region_grows_from_a_point_in_the_patient(method, files):
    image, _, out = files
    seed = ["--seed", "18", "15", "20"]
    options = ["--lower", "50"] if method == "grow" else ["--deviations", "3"]

    command = ["classical", method, str(image), "-o", str(out), *seed, *options]
    assert run(command) == 0

    assert_array_equal(medseg.read_segmentation(out).array > 0, BALL)


def test_coordinates_may_be_negative(files, capsys):
    image, _, out = files
    command = ["classical", "grow", str(image), "-o", str(out)]

    assert run([*command, "--seed", "-40", "-1.5", "20"]) == 2

    assert "(-40, -1.5, 20) lies outside the scan" in capsys.readouterr().err


def test_a_box_is_looked_at_alone(files):
    image, _, out = files
    box = ["--box", "0", "0", "0", "18", "60", "60"]

    command = ["classical", "threshold", str(image), "-o", str(out), "--lower", "50"]
    assert run([*command, *box]) == 0

    found = medseg.read_segmentation(out).array > 0
    assert_array_equal(found[:13], BALL[:13])
    assert not found[13:].any()


@pytest.mark.parametrize("method", ON_LABELS)
def test_a_structure_of_a_label_map_is_corrected(method, files):
    _, old, out = files
    words = ["classical", method, str(old), "-o", str(out), "--structure", "lesion"]

    assert run(words) == 0

    found = medseg.read_segmentation(out).array > 0
    assert np.mean(found == BALL) > 0.99


def test_a_contour_and_markers_take_a_scan_and_a_label_map(files):
    image, old, out = files
    words = [str(image), str(old), "-o", str(out)]

    assert run(["classical", "watershed-from-markers", *words]) == 0
    again = [*words, "--structure", "lesion"]
    assert run(["classical", "active-contour", *again]) == 2  # there is a result
    out.unlink()
    out.with_name("o.json").unlink()
    assert run(["classical", "active-contour", *again]) == 0


def test_a_wrong_structure_is_wrong_use(files, capsys):
    _, old, out = files
    words = ["classical", "smooth", str(old), "-o", str(out), "--structure", "liver"]

    assert run(words) == 2

    assert "Use one of lesion" in capsys.readouterr().err


def test_a_value_out_of_range_is_wrong_use(files, capsys):
    image, _, out = files
    words = ["classical", "otsu", str(image), "-o", str(out), "--classes", "1"]

    assert run(words) == 2

    assert "from 2 to 8, got 1 [--classes]" in capsys.readouterr().err
