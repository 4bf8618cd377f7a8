"""The command line's way to accept a problem of a scan."""

import json
import shutil
from pathlib import Path

import pytest

from medseg import Accepted
from medseg.cli.app import run

SERIES = Path(__file__).parents[3] / "sample_data" / "ct_phantom"


@pytest.fixture
def gap(tmp_path: Path) -> Path:
    """The sample CT without one of its slices."""
    folder = tmp_path / "gap"
    shutil.copytree(SERIES, folder)
    sorted(folder.iterdir())[9].unlink()
    return folder


def test_a_gap_is_refused_until_it_is_accepted(gap, ct_model, tmp_path, capsys):
    out = tmp_path / "labels.nii.gz"
    words = ["segment", str(gap), "-m", str(ct_model), "-o", str(out)]
    assert run(words) == 1
    assert "--accept MISSING_SLICES" in capsys.readouterr().err
    both = ["--accept", "GANTRY_TILT", "--accept", "MISSING_SLICES"]
    assert run([*words, *both]) == 0
    assert "note: accepted MISSING_SLICES: 1 slice(s)" in capsys.readouterr().err
    provenance = json.loads((tmp_path / "labels.json").read_text())["provenance"]
    (note,) = [n for n in provenance["notes"] if n.startswith("accepted")]
    assert "interpolated" in note


def test_dicom_of_a_mended_scan_is_refused_before_it_is_segmented(
    gap, ct_model, tmp_path, capsys
):
    words = ["segment", str(gap), "-m", str(ct_model), "-o", str(tmp_path / "l.dcm")]
    assert run([*words, "--accept", "MISSING_SLICES"]) == 2
    error = capsys.readouterr().err
    assert "NO_DICOM_SOURCE" in error
    assert "resampled when it was read" in error


def test_only_what_can_be_mended_can_be_accepted(tiny_model, tmp_path, capsys):
    words = [
        "segment",
        str(SERIES),
        "-m",
        str(tiny_model),
        "-o",
        str(tmp_path / "l.nii"),
    ]
    assert run([*words, "--accept", "DUPLICATE_POSITIONS"]) == 2
    error = capsys.readouterr().err
    assert all(code in error for code in Accepted)
