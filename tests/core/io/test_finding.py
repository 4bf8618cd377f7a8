"""What is under a folder, and what is wrong with it."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg import ErrorCode, FileKind, SegmentationFormat, UnusableInput, WrongUse
from tests.core.io.studies import completed, random_labels


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
    assert found["gap"].problems[0].code is ErrorCode.MISSING_SLICES
    assert "localizer" in found["scout"].problems[0].what
    assert found["broken.nii"].problems[0].code == "TRUNCATED_FILE"
    assert found["broken.dcm"].problems[0].code == "TRUNCATED_FILE"
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
    assert found[name].problems[0].code == "NOT_READABLE"
    assert found["whole"].problems == ()


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything"
)
def test_a_folder_the_system_does_not_open_is_listed_as_a_problem(folder):
    (folder / "gap").chmod(0o000)
    found = {info.path.name: info for info in medseg.find_volumes(folder)}
    (folder / "gap").chmod(0o700)
    assert found["gap"].problems[0].code == "NOT_READABLE"
    assert found["whole"].problems == ()


def test_a_problem_says_what_to_do(folder):
    gap = next(info for info in medseg.find_volumes(folder) if info.path.name == "gap")
    (problem,) = gap.problems
    assert not gap.is_usable
    assert str(problem) == f"MISSING_SLICES: {problem.what}"
    with pytest.raises(UnusableInput) as caught:
        medseg.read_volume(folder / "gap")
    assert problem.remedy == caught.value.remedy


def test_one_slice_stands_for_its_series(folder):
    """Another series and a damaged file beside it are not its problem."""
    (folder / "whole" / "broken.dcm").write_bytes(b"")
    for file in (folder / "gap").iterdir():
        file.rename(folder / "whole" / f"gap-{file.name}")
    (info,) = medseg.find_volumes(folder / "whole" / "IM0003")
    assert (info.slices, info.problems) == (12, ())
    (broken,) = medseg.find_volumes(folder / "whole" / "broken.dcm")
    assert broken.problems[0].code is ErrorCode.TRUNCATED_FILE


def test_an_enhanced_file_stands_for_itself(enhanced_ct, tmp_path):
    enhanced_ct.save_as(tmp_path / "enhanced")
    (info,) = medseg.find_volumes(tmp_path / "enhanced")
    assert (info.slices, info.time_points, info.problems) == (12, 1, ())


def test_points_in_time_are_counted(make_slices, save_slices):
    slices = make_slices()
    later = make_slices(uid=slices[0].SeriesInstanceUID)
    for data in later:
        data.AcquisitionNumber = 2
    folder = save_slices([*slices, *later])
    (info,) = medseg.find_volumes(folder)
    assert info.time_points == 2
    assert info.problems[0].code is ErrorCode.TEMPORAL_SERIES


@pytest.mark.parametrize(
    "kind",
    [
        SegmentationFormat.DICOM_SEG,
        SegmentationFormat.DICOM_SEG_LABELMAP,
        SegmentationFormat.RTSTRUCT,
    ],
)
def test_label_maps_in_dicom_are_listed_as_such(
    make_slices, save_slices, tmp_path, kind
):
    scan = medseg.read_volume(save_slices(completed(make_slices())))
    labels = random_labels(scan, 0)
    medseg.write_segmentation(
        labels, tmp_path / "labels.dcm", source=scan, file_format=kind
    )
    for place in (tmp_path, tmp_path / "labels.dcm"):
        found = {info.path.name: info for info in medseg.find_volumes(place)}
        assert found["labels.dcm"].kind is kind
        assert found["labels.dcm"].is_label_map
        assert found["labels.dcm"].is_usable
    assert medseg.read_volume(tmp_path).geometry.shape == scan.geometry.shape


def test_a_series_beside_an_image_is_a_choice(folder):
    shutil.rmtree(folder / "gap")
    (folder / "broken.dcm").unlink()
    (folder / "broken.nii").unlink()
    with pytest.raises(
        WrongUse, match=r"DICOM files and 2 image\(s\): scan\.mha, scan"
    ):
        medseg.read_volume(folder)
    whole = next(i for i in medseg.find_volumes(folder) if i.path.name == "whole")
    assert medseg.read_volume(folder, series=whole.series_uid).is_ct


def test_copies_of_a_series_are_left_out_with_a_note(make_slices, save_slices):
    """The very same files in two folders, or one with other pixels."""
    slices = make_slices()
    folder = save_slices(slices)
    shutil.copytree(folder, folder / "copy")
    volume = medseg.read_volume(folder)
    assert volume.geometry.shape == (9, 7, 12)
    assert "left out: 12 x exact duplicate" in volume.notes
    (info,) = medseg.find_volumes(folder)
    assert (info.slices, info.time_points, info.problems) == (12, 1, ())
    slices[3].PixelData = bytes(len(slices[3].PixelData))
    slices[3].save_as(folder / "copy" / "other")
    with pytest.raises(UnusableInput, match="DUPLICATE_POSITIONS"):
        medseg.read_volume(folder)
