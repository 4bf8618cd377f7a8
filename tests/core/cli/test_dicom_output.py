"""Labels back onto the slices of the series that was segmented."""

from pathlib import Path

import pydicom
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg.cli.app import run

SERIES = Path(__file__).parents[3] / "sample_data" / "ct_phantom"
MODEL = "phantom-abdomen"


@pytest.fixture(scope="module")
def expected() -> medseg.Segmentation:
    return medseg.segment(medseg.read_volume(SERIES), medseg.load_model(MODEL))


@pytest.mark.parametrize(
    ("options", "modality"), [([], "SEG"), (["--format", "rtstruct"], "RTSTRUCT")]
)
def test_labels_go_back_onto_the_series(tmp_path, expected, options, modality):
    out = tmp_path / "labels.dcm"
    assert run(["segment", str(SERIES), "-m", MODEL, "-o", str(out), *options]) == 0
    assert pydicom.dcmread(out, stop_before_pixels=True).Modality == modality
    read = medseg.read_segmentation(out, source=medseg.read_volume(SERIES))
    assert_array_equal(read.array, expected.array)
    assert read.labels.names == expected.labels.names
    assert read.provenance == expected.provenance


def test_dicom_of_a_nifti_scan_is_refused_before_it_is_segmented(
    tiny_model, tmp_path, capsys
):
    medseg.write_volume(medseg.read_volume(SERIES), tmp_path / "scan.nii.gz")
    words = ["segment", str(tmp_path / "scan.nii.gz"), "-m", str(tiny_model), "-o"]
    out = tmp_path / "labels.dcm"
    assert run([*words, str(out)]) == 2
    assert "NO_DICOM_SOURCE" in capsys.readouterr().err
    assert not out.exists()


def test_another_label_map_of_the_same_name_keeps_its_description(
    tiny_model, tmp_path, capsys
):
    (tmp_path / "labels.json").write_text("{}")
    words = ["segment", str(SERIES), "-m", str(tiny_model), "-o"]
    assert run([*words, str(tmp_path / "labels.nrrd")]) == 2
    error = capsys.readouterr().err
    assert "OUTPUT_EXISTS" in error
    assert "names and provenance of another label map" in error


def test_an_impossible_place_is_refused_before_the_scan_is_segmented(
    tiny_model, tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    words = ["segment", str(SERIES), "-m", str(tiny_model), "-o"]
    assert run([*words, str(tmp_path / "file" / "labels.nii.gz")]) == 1
    error = capsys.readouterr().err
    assert "NOT_WRITABLE" in error
    assert "segmenting" not in error


def test_a_model_of_one_channel_needs_no_channel_named(tiny_model, tmp_path, capsys):
    out = str(tmp_path / "labels.nii.gz")
    words = ["segment", str(SERIES), "-m", str(tiny_model), "-o", out]
    assert run([*words, "--channel", f"MRI={SERIES}"]) == 2
    assert "Leave the option out" in capsys.readouterr().err


def test_a_format_that_does_not_fit_the_suffix_is_wrong_use(
    tiny_model, tmp_path, capsys
):
    words = ["segment", str(SERIES), "-m", str(tiny_model), "-o"]
    out = tmp_path / "labels.nii.gz"
    assert run([*words, str(out), "--format", "rtstruct"]) == 2
    assert "UNKNOWN_FORMAT" in capsys.readouterr().err
