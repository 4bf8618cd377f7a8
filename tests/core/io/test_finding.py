"""What is under a folder, and what is wrong with it."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg import FileKind, UnusableInput


@pytest.fixture
def folder(tmp_path, make_slices, save_slices):
    """Two series (one with a gap), a scout, a NIfTI, an MHA and a broken file."""
    whole, gap = make_slices(), make_slices()
    del gap[4]
    scout = make_slices(1)
    scout[0].ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    for name, slices in (("whole", whole), ("gap", gap), ("scout", scout)):
        save_slices(slices, name)
    geometry = medseg.Geometry.from_spacing((4, 5, 6), (1.0, 2.0, 3.0))
    scan = medseg.Volume(array=np.zeros((1, 4, 5, 6), np.int16), geometry=geometry)
    medseg.write_volume(scan, tmp_path / "scan.nii.gz")
    medseg.write_volume(scan, tmp_path / "scan.mha")
    (tmp_path / "broken.nii").write_bytes((tmp_path / "scan.nii.gz").read_bytes()[:30])
    (tmp_path / "broken.dcm").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "._hidden.nii").write_text("a leftover of macOS")
    return tmp_path


def test_every_volume_is_listed_with_its_problems(folder):
    found = {info.path.name: info for info in medseg.find_volumes(folder)}
    assert set(found) == {
        "whole",
        "gap",
        "scout",
        "scan.nii.gz",
        "scan.mha",
        "broken.nii",
        "broken.dcm",
    }
    whole = found["whole"]
    assert (whole.kind, whole.modality, whole.description) == ("DICOM", "CT", "Abdomen")
    assert (whole.shape, whole.orientation, whole.slices) == ((9, 7, 12), "LPS", 12)
    assert whole.spacing_mm == pytest.approx((1.2, 0.8, 2.5))
    assert whole.problems == ()
    assert found["gap"].problems[0].startswith("MISSING_SLICES: 1 slice(s)")
    assert "localizer" in found["scout"].problems[0]
    assert found["broken.nii"].problems[0].startswith("TRUNCATED_FILE")
    assert found["broken.dcm"].problems[0].startswith("TRUNCATED_FILE")
    for name, kind in (("scan.nii.gz", FileKind.NIFTI), ("scan.mha", "MetaImage")):
        assert found[name].kind == kind
        assert found[name].shape == (4, 5, 6)
        assert found[name].orientation == "RAS"


def test_a_single_file_is_described_too(folder):
    (info,) = medseg.find_volumes(str(folder / "scan.nii.gz"))
    assert info.path == folder / "scan.nii.gz"


def test_progress_is_told_and_can_stop_it(folder):
    def stop(progress: medseg.Progress) -> None:
        if progress.done > 2:
            raise medseg.Cancelled

    seen: list[medseg.Progress] = []
    medseg.find_volumes(folder, seen.append)
    assert seen[-1].fraction == 1
    with pytest.raises(medseg.Cancelled):
        medseg.find_volumes(folder, stop)


def test_a_folder_without_images_is_told(tmp_path):
    with pytest.raises(UnusableInput, match="EMPTY_FOLDER"):
        medseg.find_volumes(tmp_path)
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(UnusableInput, match="EMPTY_FOLDER"):
        medseg.find_volumes(tmp_path)
    with pytest.raises(UnusableInput, match="NOT_AN_IMAGE"):
        medseg.find_volumes(tmp_path / "notes.txt")
    with pytest.raises(UnusableInput, match="NOT_FOUND"):
        medseg.find_volumes(tmp_path / "missing")


def test_headers_are_enough(folder):
    """Pixels are cut off, which only reading them would show."""
    shutil.rmtree(folder / "gap")
    for file in (folder / "whole").iterdir():
        file.write_bytes(file.read_bytes()[:-60])
    whole = next(i for i in medseg.find_volumes(folder) if i.path.name == "whole")
    assert whole.problems == ()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no /proc")
@pytest.mark.parametrize("name", ["shut.nii.gz", "shut.mha", "shut.dcm", "shut"])
def test_a_file_the_system_does_not_give_is_listed_as_a_problem(folder, name):
    (folder / name).symlink_to("/proc/self/mem")
    found = {info.path.name: info for info in medseg.find_volumes(folder)}
    assert found[name].problems[0].startswith("NOT_READABLE")
    assert found["whole"].problems == ()


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything"
)
def test_a_folder_the_system_does_not_open_is_listed_as_a_problem(folder):
    (folder / "gap").chmod(0o000)
    found = {info.path.name: info for info in medseg.find_volumes(folder)}
    (folder / "gap").chmod(0o700)
    assert found["gap"].problems[0].startswith("NOT_READABLE")
    assert found["whole"].problems == ()
