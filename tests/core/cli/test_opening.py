"""How commands read the scan that they are given, beside a label map of it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg.cli.app import run

SHAPE = (32, 32, 12)
SPACING_MM = (9.0, 9.0, 12.0)
BLOCK = (slice(10, 20), slice(8, 20), slice(4, 8))
NAMES = medseg.LabelSet.from_names([(1, "tumour"), (2, "around")])
WITH_MARKERS = ("watershed-from-markers", "active-contour")


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CT as DICOM."""
    folder = tmp_path_factory.mktemp("scan") / "series"
    phantom = medseg.make_phantom(1, shape=SHAPE, spacing_mm=SPACING_MM)
    medseg.write_phantom_series(phantom, folder)
    return folder


@pytest.fixture
def two(series: Path, tmp_path: Path) -> tuple[Path, str, str]:
    """A folder of two series, the second 100 HU brighter, and their UIDs."""
    folder = tmp_path / "study"
    shutil.copytree(series, folder / "a")
    uid = pydicom.uid.generate_uid(entropy_srcs=["another series"])
    (folder / "b").mkdir()
    first = ""
    for file in sorted(series.iterdir()):
        image = pydicom.dcmread(file)
        first = str(image.SeriesInstanceUID)
        image.SeriesInstanceUID = uid
        image.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[file.name])
        image.RescaleIntercept = float(image.RescaleIntercept) + 100
        image.save_as(folder / "b" / file.name)
    return folder, first, uid


@pytest.fixture
def tilted(series: Path, tmp_path: Path) -> Path:
    """The CT with every slice a bit further towards the back, as a gantry leans."""
    folder = tmp_path / "tilted"
    shutil.copytree(series, folder)
    files = [(pydicom.dcmread(file), file) for file in folder.iterdir()]
    for image, file in files:
        r, a, s = (float(value) for value in image.ImagePositionPatient)
        image.ImagePositionPatient = [r, a + 0.3 * s, s]
        image.save_as(file)
    return folder


@pytest.fixture
def two_volumes(tmp_path: Path) -> Path:
    """A four-dimensional file: 10 everywhere, then 30 in the block and 20 round it."""
    array = np.full((2, *SHAPE), 10, np.int16)
    array[1] = 20
    array[1][BLOCK] = 30
    grid = medseg.Geometry.from_spacing(SHAPE, SPACING_MM)
    both = medseg.Volume(array=array, geometry=grid, channels=("T1", "T2"))
    medseg.write_volume(both, tmp_path / "both.nii.gz")
    return tmp_path / "both.nii.gz"


def labels_on(geometry: medseg.Geometry, path: Path) -> Path:
    """The block as a tumour, written as a label map without a list of lesions."""
    array = np.zeros(geometry.shape, np.uint8)
    array[BLOCK] = 1
    made = medseg.Segmentation(array=array, geometry=geometry, labels=NAMES)
    medseg.write_segmentation(made, path)
    return path


def mean_of(column: str, capsys) -> float:
    (row,) = json.loads(capsys.readouterr().out)
    return float(row[column])


def test_of_two_series_one_is_chosen_to_measure_in(two, tmp_path, capsys):
    folder, first, second = two
    volume = medseg.read_volume(folder, series=first)
    labels = labels_on(volume.geometry, tmp_path / "labels.nii.gz")
    words = ["instances", "measure", str(labels), "--scan", str(folder), "--json"]

    assert run(words) == 2
    assert "Choose one with --series" in capsys.readouterr().err
    for uid, brighter in ((first, 0), (second, 100)):
        assert run([*words, "--series", uid]) == 0
        expected = volume.array[0][BLOCK].mean() + brighter
        assert mean_of("mean_CT", capsys) == pytest.approx(expected, abs=1e-3)


def test_each_scan_of_a_follow_up_has_a_series_of_its_own(two, tmp_path, capsys):
    folder, first, second = two
    volume = medseg.read_volume(folder, series=first)
    labels = str(labels_on(volume.geometry, tmp_path / "labels.nii.gz"))
    scans = ["--baseline-scan", str(folder), "--scan", str(folder)]
    words = ["instances", "follow", labels, labels, *scans, "--json"]

    assert run([*words, "--series", second]) == 2
    assert "Choose one with --series" in capsys.readouterr().err
    assert run([*words, "--series", second, "--baseline-series", first]) == 0
    assert [row["fate"] for row in json.loads(capsys.readouterr().out)] == [
        "persisting"
    ]


def test_a_tilted_scan_is_set_upright_to_measure_in(tilted, tmp_path, capsys):
    upright = medseg.read_volume(tilted, accept={medseg.Accepted.GANTRY_TILT})
    labels = labels_on(upright.geometry, tmp_path / "labels.nii.gz")
    words = ["instances", "separate", str(labels), "-o", str(tmp_path / "o.nii.gz")]

    assert run([*words, "--scan", str(tilted)]) == 1
    assert "--accept GANTRY_TILT" in capsys.readouterr().err
    assert run([*words, "--scan", str(tilted), "--accept", "GANTRY_TILT"]) == 0
    assert (
        run(
            [
                "instances",
                "follow",
                str(labels),
                str(labels),
                "--baseline-scan",
                str(tilted),
                "--accept",
                "GANTRY_TILT",
            ]
        )
        == 0
    )


def test_one_volume_of_a_file_is_taken_by_its_number(two_volumes, tmp_path, capsys):
    grid = medseg.Geometry.from_spacing(SHAPE, SPACING_MM)
    labels = labels_on(grid, tmp_path / "labels.nii.gz")
    measure = ["instances", "measure", str(labels), "--scan", str(two_volumes)]
    out = tmp_path / "o.nii.gz"
    classical = ["classical", "threshold", str(two_volumes), "-o", str(out)]

    for words in (measure, [*classical, "--lower", "25"]):
        assert run(words) == 1
        assert "--channel 0 in classical and instances" in capsys.readouterr().err
        assert run([*words, "--channel", "2"]) == 2
        assert "the file holds 2" in capsys.readouterr().err
    for number, mean in (("0", 10), ("1", 30)):
        assert run([*measure, "--json", "--channel", number]) == 0
        assert mean_of("mean_image", capsys) == mean
    assert run([*classical, "--lower", "25", "--channel", "1"]) == 0
    found = np.zeros(SHAPE, bool)
    found[BLOCK] = True
    assert_array_equal(medseg.read_segmentation(out).array > 0, found)
    told = json.loads(out.with_name("o.json").read_text())["provenance"]["notes"]
    assert told == ["read channel 1 of the file"]


@pytest.mark.parametrize(
    "options", [["--series", "1.2"], ["--channel", "0"], ["--accept", "GANTRY_TILT"]]
)
def test_how_a_scan_is_read_does_nothing_without_one(tmp_path, capsys, options):
    grid = medseg.Geometry.from_spacing(SHAPE, SPACING_MM)
    labels = str(labels_on(grid, tmp_path / "labels.nii.gz"))

    for words in (["measure", labels], ["follow", labels, labels]):
        assert run(["instances", *words, *options]) == 2
        assert "none is given" in capsys.readouterr().err


@pytest.mark.parametrize("method", WITH_MARKERS)
def test_a_dicom_seg_without_its_outer_slices_is_put_on_the_grid_of_the_scan(
    series, tmp_path, method
):
    scan = medseg.read_volume(series)
    array = np.zeros(scan.geometry.shape, np.uint8)
    array[:, :, 2:-2] = 2
    array[BLOCK] = 1
    whole = medseg.Segmentation(array=array, geometry=scan.geometry, labels=NAMES)
    plain, cut = tmp_path / "plain.nii.gz", tmp_path / "cut.dcm"
    medseg.write_segmentation(whole, plain)
    inner = replace(
        scan,
        array=scan.array[..., 2:-2],
        geometry=scan.geometry.cropped((0, 0, 2), (*SHAPE[:2], SHAPE[2] - 4)),
        source=scan.source[2:-2],
    )
    part = replace(whole, array=array[..., 2:-2], geometry=inner.geometry)
    medseg.write_segmentation(part, cut, source=inner)
    assert medseg.read_segmentation(cut).geometry.shape[2] == SHAPE[2] - 4
    more = ["--structure", "tumour", "--iterations", "3"]
    options = more if method == "active-contour" else []

    found = []
    for labels in (plain, cut):
        out = tmp_path / f"{labels.name}.out.nii.gz"
        words = ["classical", method, str(series), str(labels), "-o", str(out)]
        assert run([*words, *options]) == 0
        found.append(medseg.read_segmentation(out).array)

    of_plain, of_cut = found
    assert_array_equal(of_cut, of_plain)
    assert of_plain.any()
