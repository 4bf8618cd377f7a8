"""One function reads every format, one writes it; names survive."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg import (
    ErrorCode,
    LabelSet,
    Structure,
    StructureKind,
    UnusableInput,
    WrongUse,
)

SHAPE = (8, 9, 10)
GEOMETRY = medseg.Geometry.from_spacing(SHAPE, (1.0, 2.0, 3.0))
MEMORY = Path("/proc/self/mem")
IS_ALLOWED_ALL = sys.platform == "win32" or os.geteuid() == 0
SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")
LABELS = LabelSet(
    (
        Structure(id=1, name="liver", colour=(1, 2, 3), snomed_ct="10200004"),
        Structure(id=7, name="Läsion", colour=(4, 5, 6), kind=StructureKind.THING),
    )
)
MADE = medseg.Provenance(
    case_id="case_1",
    input_sha256="ab",
    model="hippocampus",
    model_sha256="cd",
    versions=(("medseg", "1"),),
    settings=(("overlap", "0.5"),),
)


def scan(seed=0, geometry=GEOMETRY) -> medseg.Volume:
    noise = np.random.default_rng(seed).integers(-1000, 1000, (1, *SHAPE))
    return medseg.Volume(array=noise.astype(np.int16), geometry=geometry)


def result(labels=LABELS) -> medseg.Segmentation:
    array = np.random.default_rng(0).choice([0, 1, 7], SHAPE)
    return medseg.Segmentation(
        array=array, geometry=GEOMETRY, labels=labels, provenance=MADE
    )


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_scan_comes_back_as_it_was(tmp_path, suffix):
    medseg.write_volume(scan(), tmp_path / f"scan{suffix}")
    again = medseg.read_volume(tmp_path / f"scan{suffix}")
    assert_array_equal(again.array, scan().array)
    assert again.geometry.is_same_grid(GEOMETRY)
    assert names_in(tmp_path) == [f"scan{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_label_map_comes_back_with_its_names(tmp_path, suffix):
    medseg.write_segmentation(result(), str(tmp_path / f"result{suffix}"))
    again = medseg.read_segmentation(str(tmp_path / f"result{suffix}"))
    assert_array_equal(again.array, result().array)
    assert again.labels == LABELS
    assert again.provenance == MADE
    assert names_in(tmp_path) == ["result.json", f"result{suffix}"]


def test_the_names_lie_beside_the_provenance(tmp_path):
    medseg.write_segmentation(result(), tmp_path / "result.nii.gz")
    content = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert content["provenance"]["model"] == "hippocampus"
    assert content["provenance"]["versions"] == {"medseg": "1"}
    assert "Research use only" in content["provenance"]["disclaimer"]
    assert str(tmp_path) not in (tmp_path / "result.json").read_text()


def test_the_volumes_lie_beside_the_names(tmp_path):
    third = Structure(id=9, name="none", colour=(7, 8, 9))
    medseg.write_segmentation(
        result(LabelSet((*LABELS, third))), tmp_path / "result.nii.gz"
    )
    content = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    expected = [(result().array == label).sum() * 6 / 1000 for label in (1, 7, 9)]
    assert [each["volume_ml"] for each in content["labels"]] == pytest.approx(expected)


def test_names_given_go_before_names_beside(tmp_path):
    medseg.write_segmentation(result(), tmp_path / "result.nii.gz")
    other = LabelSet.from_names([(1, "hepar"), (7, "tumour")])
    assert medseg.read_segmentation(tmp_path / "result.nii.gz", other).labels == other


@pytest.mark.parametrize("content", ["[]", '{"Modality": "MR"}', '"\\u00e4"'])
def test_json_of_other_programs_is_left_alone(tmp_path, content):
    medseg.write_segmentation(result(), tmp_path / "result.nii.gz")
    (tmp_path / "result.json").write_text(content)
    again = medseg.read_segmentation(tmp_path / "result.nii.gz")
    assert again.labels.names == ("label 1", "label 7")


@pytest.mark.parametrize("size", [0, 1, 200])
def test_names_that_were_cut_off_are_told_by_their_file(tmp_path, size):
    """Whether they were MedSeg's, with lesions, cannot be known any more."""
    labels, names = tmp_path / "result.nii.gz", tmp_path / "result.json"
    medseg.write_segmentation(result(), labels)
    names.write_bytes(names.read_bytes()[:size])
    for read in (medseg.read_segmentation, medseg.holds_instances):
        with pytest.raises(UnusableInput, match="NOT_A_LABEL_MAP") as refused:
            read(labels)
        assert refused.value.where == str(names)
    names.unlink()
    assert medseg.read_segmentation(labels).labels.names == ("label 1", "label 7")


def test_damaged_names_are_told(tmp_path):
    medseg.write_segmentation(result(), tmp_path / "result.nii.gz")
    text = (tmp_path / "result.json").read_text().replace('"stuff"', '"nonsense"')
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(UnusableInput, match="nonsense"):
        medseg.read_segmentation(tmp_path / "result.nii.gz")


def test_a_damaged_provenance_is_told(tmp_path):
    medseg.write_segmentation(result(), tmp_path / "result.nii.gz")
    text = (tmp_path / "result.json").read_text().replace("input_sha256", "input")
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(UnusableInput, match="input_sha256"):
        medseg.read_segmentation(tmp_path / "result.nii.gz", LABELS)


@pytest.mark.parametrize("there", ["result.nii.gz", "result.json"])
def test_neither_file_is_written_when_one_is_there(tmp_path, there):
    (tmp_path / there).write_text("old")
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        medseg.write_segmentation(result(), tmp_path / "result.nii.gz")
    assert names_in(tmp_path) == [there]
    assert (tmp_path / there).read_text() == "old"
    medseg.write_segmentation(result(), tmp_path / "result.nii.gz", overwrite=True)
    assert medseg.read_segmentation(tmp_path / "result.nii.gz").labels == LABELS


@pytest.mark.parametrize("name", ["a.png", "a", "a.dcm", "a.mhd", "a.gz"])
def test_an_unknown_format_is_not_written(tmp_path, name):
    with pytest.raises(WrongUse, match="UNKNOWN_FORMAT") as caught:
        medseg.write_volume(scan(), tmp_path / name)
    assert ".nii.gz" in caught.value.remedy
    with pytest.raises(WrongUse, match=r"UNKNOWN_FORMAT|NO_DICOM_SOURCE"):
        medseg.write_segmentation(result(), tmp_path / name)
    assert names_in(tmp_path) == []


def test_one_file_per_channel_makes_one_volume(tmp_path):
    for number, name in enumerate(("a", "b")):
        medseg.write_volume(scan(number), tmp_path / f"{name}.nii.gz")
    files = {"T2": tmp_path / "b.nii.gz", "T1": tmp_path / "a.nii.gz"}
    both = medseg.read_volume(tmp_path / "a.nii.gz", channels=files)
    assert both.channels == ("T2", "T1")
    assert_array_equal(both.array, np.concatenate([scan(1).array, scan(0).array]))
    assert both.case_id == "a"
    assert len(both.sha256) == 64


def test_channels_may_lie_in_one_file(tmp_path):
    path = tmp_path / "two.nii.gz"
    array = np.concatenate([scan(1).array, scan(0).array])
    two = medseg.Volume(array=array, geometry=GEOMETRY, channels=("T1", "T2"))
    medseg.write_volume(two, path)
    again = medseg.read_volume(path, channels={"T1": path, "T2": path})
    assert_array_equal(again.array, array)
    assert again.channels == ("T1", "T2")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_volume_of_several_is_taken_by_its_number(tmp_path, suffix):
    both = np.concatenate([scan().array, scan(1).array])
    two = medseg.Volume(array=both, geometry=GEOMETRY, channels=("T1", "T2"))
    path = tmp_path / f"two{suffix}"
    medseg.write_volume(two, path)

    second = medseg.read_volume(path, channel=1)

    assert_array_equal(second.array, scan(1).array)
    assert second.channels == ("image",)
    assert second.notes == ("read channel 1 of the file",)
    for number in (2, -1):
        with pytest.raises(WrongUse, match="Give 0 to 1"):
            medseg.read_volume(path, channel=number)
    with pytest.raises(WrongUse, match="Leave the channel out"):
        medseg.read_volume(path, channel=0, channels={"T1": path, "T2": path})


def test_the_only_volume_of_a_file_has_the_number_0(tmp_path):
    medseg.write_volume(scan(), tmp_path / "a.nii")

    assert_array_equal(
        medseg.read_volume(tmp_path / "a.nii", channel=0).array, scan().array
    )


def test_channels_must_share_a_grid(tmp_path):
    medseg.write_volume(scan(), tmp_path / "a.nii.gz")
    moved = medseg.Geometry.from_spacing(SHAPE, (1.0, 2.0, 3.0), (0.0, 5.0, 0.0))
    medseg.write_volume(scan(geometry=moved), tmp_path / "b.nii.gz")
    files = {"T1": tmp_path / "a.nii.gz", "T2": tmp_path / "b.nii.gz"}
    with pytest.raises(UnusableInput, match="GRID_MISMATCH") as caught:
        medseg.read_volume(tmp_path, channels=files)
    assert "5 mm" in caught.value.what
    assert caught.value.where.endswith("b.nii.gz")


def test_a_folder_with_one_image_stands_for_it(tmp_path):
    medseg.write_volume(scan(), tmp_path / "a.mha")
    (tmp_path / "notes.txt").write_text("")
    assert medseg.read_volume(tmp_path).case_id == "a"
    medseg.write_volume(scan(), tmp_path / "b.nii.gz")
    with pytest.raises(WrongUse, match="SEVERAL_SERIES") as caught:
        medseg.read_volume(tmp_path)
    assert "a.mha, b.nii.gz" in caught.value.what


def test_a_dicom_folder_and_file_are_read(make_slices, save_slices):
    folder = save_slices(make_slices())
    volume = medseg.read_volume(folder)
    assert volume.is_ct
    assert_array_equal(medseg.read_volume(folder / "IM0003").array, volume.array)
    with pytest.raises(WrongUse, match="UNKNOWN_FORMAT"):
        medseg.read_segmentation(folder)
    for path in (folder, folder / "IM0003"):
        named = medseg.read_volume(path, channels={"venous": path})
        assert named.channels == ("venous",)


def test_nifti_is_known_without_its_suffix(tmp_path):
    medseg.write_volume(scan(), tmp_path / "a.nii")
    (tmp_path / "a.nii").rename(tmp_path / "scan.img")
    assert_array_equal(medseg.read_volume(tmp_path / "scan.img").array, scan().array)


@pytest.mark.parametrize("read", [medseg.read_volume, medseg.read_segmentation])
def test_what_cannot_be_read_is_told(tmp_path, read):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    medseg.write_volume(scan(), tmp_path / "packed.nii.gz")
    whole = (tmp_path / "packed.nii.gz").read_bytes()
    (tmp_path / "packed.nii.gz").write_bytes(whole[:-100])
    for name, code in (
        ("missing", ErrorCode.NOT_FOUND),
        ("missing.nii.gz", ErrorCode.NOT_FOUND),
        ("text.txt", ErrorCode.NOT_AN_IMAGE),
        ("packed.nii.gz", ErrorCode.TRUNCATED_FILE),
    ):
        with pytest.raises(UnusableInput) as caught:
            read(tmp_path / name)
        assert caught.value.code == code
        assert caught.value.where == str(tmp_path / name)
    with pytest.raises(UnusableInput, match="EMPTY_FOLDER"):
        medseg.read_volume(tmp_path / "empty")


@pytest.mark.skipif(not MEMORY.exists(), reason="no /proc")
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.dcm", "a"])
@pytest.mark.parametrize("read", [medseg.read_volume, medseg.read_segmentation])
def test_a_file_the_system_does_not_give_is_told(tmp_path, read, name):
    """Nothing can be read at the start of a process's memory, not even by root."""
    (tmp_path / name).symlink_to(MEMORY)
    with pytest.raises(UnusableInput) as caught:
        read(tmp_path / name)
    assert caught.value.code == ErrorCode.NOT_READABLE
    assert caught.value.where == str(tmp_path / name)


@pytest.mark.skipif(IS_ALLOWED_ALL, reason="root may read everything")
@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_folder_the_system_does_not_open_is_told(tmp_path, mode):
    folder = tmp_path / "closed"
    folder.mkdir()
    medseg.write_volume(scan(), folder / "a.nii.gz")
    folder.chmod(mode)
    for path in (tmp_path, folder, folder / "a.nii.gz"):
        with pytest.raises(UnusableInput, match="NOT_READABLE"):
            medseg.read_volume(path)
    folder.chmod(0o700)


def test_a_series_is_not_asked_for_in_nifti(tmp_path):
    medseg.write_volume(scan(), tmp_path / "a.nii")
    with pytest.raises(WrongUse, match="UNKNOWN_SERIES"):
        medseg.read_volume(tmp_path / "a.nii", series="1.2.3")


def test_a_channel_is_not_asked_for_in_dicom(make_slices, save_slices):
    with pytest.raises(WrongUse, match="Leave the channel out"):
        medseg.read_volume(save_slices(make_slices()), channel=0)


def test_nifti_needs_neither_simpleitk_nor_torch(tmp_path):
    medseg.write_segmentation(result(), tmp_path / "a.nii.gz")
    code = (
        "import sys, medseg; medseg.read_volume(sys.argv[1]); "
        "s = medseg.read_segmentation(sys.argv[1]); "
        "medseg.write_segmentation(s, sys.argv[1], overwrite=True); "
        "unwanted = {'SimpleITK', 'matplotlib', 'torch', 'medseg.io.dicom.volumes'}; "
        "sys.exit(bool(unwanted & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "a.nii.gz"], check=True)
