"""The classical methods from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg.cli.app import run
from tests.core.classical.scenes import ball, labels, noise, scan

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

    limits = ["--lower", "50"] if method == "threshold" else []
    assert run(["classical", method, str(image), "-o", str(out), *limits]) == 0

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


def test_a_seed_outside_the_range_grows_nothing_and_that_is_told(files, capsys):
    image, _, out = files
    command = ["classical", "grow", str(image), "-o", str(out), "--seed", *"000"]

    assert run([*command, "--lower", "50", "--upper", "150"]) == 0

    told = "nothing grew: the range is 50 to 150, and at the seeds the scan has 0"
    assert f"note: {told}" in capsys.readouterr().err
    made = medseg.read_segmentation(out).provenance
    assert made is not None
    assert told in made.notes


def test_coordinates_may_be_negative(files, capsys):
    image, _, out = files
    command = ["classical", "grow", str(image), "-o", str(out)]

    assert run([*command, "--lower", "50", "--seed", "-40", "-1.5", "20"]) == 2

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


WRONG = [
    (["otsu", "SCAN", "-o", "OUT", "--classes", "many"], 2, "--classes"),
    (["otsu", "SCAN"], 2, '--out is missing: "classical otsu" needs it'),
    (["otsu", "SCAN", "-o"], 2, "-o requires an argument"),
    (["otsus", "SCAN", "-o", "OUT"], 2, "otsus"),
    (["otsu", "absent.nii.gz", "-o", "OUT"], 1, "NOT_FOUND"),
    (["otsu", "SCAN", "-o", "LABELS"], 2, "OUTPUT_EXISTS"),
    (["otsu", "SCAN", "-o", "SCAN", "--overwrite"], 2, "is itself what is read"),
    (["otsu", "SCAN", "-o", "o.xyz"], 2, "UNKNOWN_FORMAT"),
    (["otsu", "SCAN", "-o", "o.dcm"], 2, "NO_DICOM_SOURCE"),
    (["threshold", "SCAN", "-o", "OUT"], 2, "everything is found"),
    (["threshold", "SCAN", "-o", "OUT", "--lower", "nan"], 2, "got nan"),
    (["threshold", "SCAN", "-o", "OUT", "--lower", "9", "--upper", "1"], 2, "above"),
    (
        ["otsu", "SCAN", "-o", "OUT", "--box", "0", "0", "0", "nan", "1", "1"],
        2,
        "outside the scan",
    ),
    (["grow", "SCAN", "-o", "OUT", "--lower", "9"], 2, "--seed is missing"),
    (
        ["grow", "SCAN", "-o", "OUT", "--lower", "9", "--seed", "1"],
        2,
        "--seed requires 3",
    ),
    (
        ["grow", "SCAN", "-o", "OUT", "--lower", "9", "--seed", "nan", "0", "0"],
        2,
        "outside the scan",
    ),
    (["smooth", "LABELS", "-o", "OUT"], 2, "--structure is missing"),
    (["smooth", "HU", "-o", "OUT", "--structure", "lesion"], 1, "NOT_A_LABEL_MAP"),
    (["smooth", "LABELS", "-o", "o.dcm", "--structure", "lesion"], 2, "NO_DICOM"),
    (
        ["active-contour", "absent", "LABELS", "-o", "LABELS", "--structure", "lesion"],
        2,
        "OUTPUT_EXISTS",
    ),
    (["watershed-from-markers", "SCAN", "HU", "-o", "OUT"], 1, "NOT_A_LABEL_MAP"),
    (["watershed-from-markers", "SCAN", "OTHER", "-o", "OUT"], 1, "GRID_MISMATCH"),
    (["watershed-from-markers", "SCAN", "EMPTY", "-o", "OUT"], 2, "there is no marker"),
]


@pytest.fixture
def folder(files, tmp_path, monkeypatch) -> dict[str, Path]:
    """The files by the words of `WRONG`, in the folder that commands are run in."""
    image, old, out = files
    monkeypatch.chdir(tmp_path)
    hu, other = tmp_path / "hu.nii.gz", tmp_path / "other.nii.gz"
    empty = tmp_path / "empty.nii.gz"
    medseg.write_segmentation(labels(np.zeros(SHAPE)), empty)
    medseg.write_volume(scan(noise(SHAPE, 300).astype(np.int16)), hu)
    medseg.write_segmentation(labels(np.ones((4, 4, 4))), other)
    return {
        "SCAN": image,
        "LABELS": old,
        "OUT": out,
        "HU": hu,
        "OTHER": other,
        "EMPTY": empty,
    }


@pytest.mark.parametrize(("words", "code", "message"), WRONG)
def test_what_is_wrong_is_said_in_a_line_and_nothing_is_written(
    folder, capsys, words, code, message
):
    there = {path: path.read_bytes() for path in Path().iterdir()}

    assert run(["classical", *(str(folder.get(word, word)) for word in words)]) == code

    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert {path: path.read_bytes() for path in Path().iterdir()} == there


def test_of_very_many_pieces_only_the_first_are_printed(files, capsys):
    image, _, out = files
    words = ["classical", "supervoxels", str(image), "-o", str(out), "--edge-mm", "3"]

    assert run(words) == 0

    printed = capsys.readouterr().out.splitlines()
    count = len(medseg.read_segmentation(out).labels)
    assert len(printed) == 122
    assert printed[-2] == f"and {count - 120} more"


def test_a_folder_that_is_not_there_is_made(files, tmp_path):
    image, _, _ = files
    out = tmp_path / "new" / "folder" / "o.nii.gz"

    assert run(["classical", "otsu", str(image), "-o", str(out)]) == 0

    assert out.exists()


def test_markers_are_looked_at_in_the_box_alone(files):
    image, old, out = files
    words = ["classical", "watershed-from-markers", str(image), str(old)]

    assert run([*words, "-o", str(out), "--box", "0", "0", "0", "18", "60", "60"]) == 0

    found = medseg.read_segmentation(out).array
    assert (found[:13] == 1).all()
    assert not found[13:].any()


def test_a_contour_on_a_dicom_series_may_become_dicom(tmp_path):
    phantom = medseg.make_phantom(1, shape=(32, 32, 12), spacing_mm=(9.0, 9.0, 12.0))
    medseg.write_phantom_series(phantom, tmp_path / "series")
    read = medseg.read_volume(tmp_path / "series")
    block = np.zeros(read.geometry.shape, np.uint8)
    block[10:20, 10:20, 4:8] = 1
    names = medseg.LabelSet.from_names([(1, "liver")])
    old = medseg.Segmentation(array=block, geometry=read.geometry, labels=names)
    medseg.write_segmentation(old, tmp_path / "old.nii.gz")
    out = tmp_path / "new.dcm"
    paths = [str(tmp_path / "series"), str(tmp_path / "old.nii.gz"), "-o", str(out)]
    options = ["--structure", "liver", "--iterations", "3"]

    assert run(["classical", "active-contour", *paths, *options]) == 0

    assert medseg.read_segmentation(out).labels.names == ("liver",)
