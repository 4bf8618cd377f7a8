"""Lesions with their table and boxes: all of it is written, or nothing."""

import csv
import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg import ErrorCode, SegmentationFormat, UnusableInput, WrongUse
from tests.core.instances.scenes import CYST, LIVER, TUMOUR, label_map


def found_in(*labels) -> medseg.MeasuredInstances:
    """Lesions in a row of voxels."""
    told = medseg.separate_instances(label_map(np.array(labels).reshape(-1, 1, 1)))
    return medseg.MeasuredInstances(
        panoptic=told, measures=medseg.measure_instances(told)
    )


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_lesions_come_back_with_a_table_and_boxes_beside_them(tmp_path, suffix):
    found = found_in(TUMOUR, 0, CYST, CYST, LIVER, TUMOUR)
    path = tmp_path / f"a{suffix}"

    medseg.write_instances(found, path)

    back = medseg.read_panoptic(path)
    assert_array_equal(back.instance_map, found.panoptic.instance_map)
    assert back.instances == found.panoptic.instances
    with (tmp_path / "a.instances.csv").open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert [(row["instance"], row["structure"]) for row in rows] == [
        ("1", "tumour"),
        ("2", "tumour"),
        ("3", "cyst"),
    ]
    boxes = medseg.read_boxes(tmp_path / "a.boxes.json").boxes
    assert [each.box.start[0] for each in boxes] == [0, 5, 2]
    names = {file.name for file in tmp_path.iterdir()}
    beside = {file.name for file in medseg.instance_files(path)}
    assert names == {path.name, "a.json"} | beside


def test_uncertainty_lies_beside_the_lesions_and_in_their_list(tmp_path):
    """Of the tumour's two voxels 0.25 and 0.75."""
    found = found_in(TUMOUR, TUMOUR, LIVER)
    entropy = np.array([0.25, 0.75, 1.0], np.float16).reshape(1, 3, 1, 1)
    maps = medseg.Volume(
        array=entropy, geometry=found.panoptic.geometry, channels=("entropy",)
    )

    shares = medseg.Shares(uncertainty=maps)
    medseg.write_instances(found, tmp_path / "a.nii.gz", shares=shares)

    assert (tmp_path / "a.uncertainty.nii.gz").exists()
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    means = {each["structure"]: each["mean_entropy"] for each in content["uncertainty"]}
    assert means["tumour"] == 0.5
    assert [each["number"] for each in content["instances"]] == [1]


@pytest.mark.parametrize(
    "earlier",
    ["a.json", "a.instances.nii.gz", "a.instances.csv", "a.boxes.json", "a.nii.gz"],
)
def test_nothing_is_written_where_one_file_is_there(tmp_path, earlier):
    (tmp_path / earlier).write_text("mine")
    path = tmp_path / "a.nii.gz"
    with pytest.raises(WrongUse) as refused:
        medseg.require_writable_instances(path, overwrite=False)
    assert refused.value.code is ErrorCode.OUTPUT_EXISTS
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        medseg.write_instances(found_in(TUMOUR), path)
    assert [file.name for file in tmp_path.iterdir()] == [earlier]
    medseg.write_instances(found_in(TUMOUR), path, overwrite=True)
    assert len(medseg.read_panoptic(path).instances) == 1


def test_a_full_disk_leaves_all_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a.nii.gz"
    medseg.write_instances(found_in(TUMOUR, 0), path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def fail(_array, _geometry, file):
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr("medseg.io.save_nifti", fail)
    with pytest.raises(UnusableInput) as refused:
        medseg.write_instances(found_in(TUMOUR, 0, TUMOUR), path, overwrite=True)
    assert refused.value.code is ErrorCode.DISK_FULL
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "file_format", [SegmentationFormat.RTSTRUCT, SegmentationFormat.DICOM_SEG_LABELMAP]
)
def test_formats_that_cannot_hold_lesions_one_by_one_are_refused(tmp_path, file_format):
    with pytest.raises(WrongUse, match=f"not written as {file_format}") as refused:
        medseg.require_writable_instances(
            tmp_path / "a.dcm", file_format=file_format, overwrite=False
        )
    assert refused.value.code is ErrorCode.UNKNOWN_FORMAT


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha"])
def test_a_plain_label_map_over_it_leaves_nothing_that_tells_of_its_lesions(
    tmp_path, suffix
):
    path = tmp_path / f"a{suffix}"
    found = found_in(TUMOUR, 0, TUMOUR)
    medseg.write_instances(found, path)

    medseg.write_segmentation(
        found_in(CYST, 0, 0).panoptic.segmentation, path, overwrite=True
    )

    assert {file.name for file in tmp_path.iterdir()} == {path.name, "a.json"}


def test_a_panoptic_over_it_leaves_no_table_and_no_boxes(tmp_path):
    path = tmp_path / "a.nii.gz"
    medseg.write_instances(found_in(TUMOUR, 0, TUMOUR), path)

    medseg.write_panoptic(found_in(CYST, 0, 0).panoptic, path, overwrite=True)

    left = {file.name for file in tmp_path.iterdir()}
    assert left == {"a.nii.gz", "a.json", "a.instances.nii.gz"}
    assert len(medseg.read_panoptic(path).instances) == 1


@pytest.mark.parametrize(
    "kept", ["a.instances.nii.gz", "a.instances.csv", "a.boxes.json"]
)
def test_a_plain_label_map_is_not_put_beside_lesions_of_another(tmp_path, kept):
    path = tmp_path / "a.nii.gz"
    medseg.write_instances(found_in(TUMOUR, 0, TUMOUR), path)
    for file in tmp_path.iterdir():
        if file.name not in (kept, "a.json"):
            file.unlink()
    if kept != "a.instances.nii.gz":
        (tmp_path / "a.json").unlink()
    left = {file.name for file in tmp_path.iterdir()}
    plain = found_in(TUMOUR).panoptic.segmentation

    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        medseg.require_writable(path, overwrite=False)
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        medseg.write_segmentation(plain, path)
    assert {file.name for file in tmp_path.iterdir()} == left


def test_files_of_somebody_else_with_such_names_are_left_alone(tmp_path):
    path = tmp_path / "a.nii.gz"
    names = ("a.instances.nii.gz", "a.instances.csv", "a.boxes.json")
    for name in names:
        (tmp_path / name).write_text("mine")
    plain = found_in(TUMOUR).panoptic.segmentation

    for overwrite in (False, True):
        medseg.write_segmentation(plain, path, overwrite=overwrite)

    assert all((tmp_path / name).read_text() == "mine" for name in names)


def test_a_full_disk_leaves_the_lesions_of_the_earlier_label_map(tmp_path, monkeypatch):
    path = tmp_path / "a.nii.gz"
    medseg.write_instances(found_in(TUMOUR, 0), path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def fail(_array, _geometry, file):
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr("medseg.io.save_nifti", fail)
    with pytest.raises(UnusableInput, match="DISK_FULL"):
        medseg.write_segmentation(
            found_in(TUMOUR).panoptic.segmentation, path, overwrite=True
        )
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
