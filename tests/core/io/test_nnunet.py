"""Datasets in nnU-Net v2's raw layout, and regions and ignored voxels in either."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io import read_dataset, read_volume
from medseg.io.datasets.labels import described_labels
from medseg.io.reading import sha256_of_scan

BRATS = {
    "background": 0,
    "whole tumour": [1, 2, 3],
    "tumour core": [2, 3],
    "enhancing tumour": 3,
}


@pytest.fixture
def folder(tmp_path) -> Path:
    return made(tmp_path)


def made(folder: Path, ending: str = ".nii.gz", channels: int = 2) -> Path:
    for kind in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / kind).mkdir(parents=True)
    for case in ("b_01", "a_0002"):
        (folder / f"labelsTr/{case}{ending}").touch()
        for number in range(channels):
            (folder / f"imagesTr/{case}_{number:04d}{ending}").touch()
    (folder / "imagesTr/._b_01_0000.nii.gz").touch()
    return folder


def read(folder: Path, **changes):
    description = {
        "channel_names": {"0": "T1", "1": "T2"},
        "labels": {"background": 0, "liver": 1, "tumour": 2},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    }
    chosen = {k: v for k, v in (description | changes).items() if v is not None}
    (folder / "dataset.json").write_text(json.dumps(chosen))
    return read_dataset(folder)


def refused(folder: Path, **changes) -> UnusableInput:
    with pytest.raises(UnusableInput) as caught:
        read(folder, **changes)
    assert caught.value.code is ErrorCode.INVALID_DATASET
    assert "\n" not in str(caught.value)
    return caught.value


def test_each_channel_of_a_case_is_a_file(folder):
    dataset = read(folder)
    assert dataset.name == folder.name
    assert dataset.channels == ("T1", "T2")
    assert dataset.labels.names == ("liver", "tumour")
    assert [case.id for case in dataset.cases] == ["a_0002", "b_01"]
    assert dataset.cases[1].images == (
        folder / "imagesTr/b_01_0000.nii.gz",
        folder / "imagesTr/b_01_0001.nii.gz",
    )
    assert dataset.cases[1].reference == folder / "labelsTr/b_01.nii.gz"
    assert dataset.regions == ()
    assert dataset.ignore_id is None


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".nii"])
def test_other_formats_are_found_by_their_ending(tmp_path, ending):
    dataset = read(made(tmp_path / "data", ending), file_ending=ending)
    assert [case.id for case in dataset.cases] == ["a_0002", "b_01"]


def test_a_format_that_is_not_read_is_refused(tmp_path):
    with pytest.raises(UnusableInput, match="UNKNOWN_FORMAT") as caught:
        read(made(tmp_path / "data", ".png"), file_ending=".png")
    assert ".png" in caught.value.what


def test_the_description_may_name_the_files(folder):
    listed = {
        "x.y": {
            "images": ["imagesTr/b_01_0001.nii.gz", "imagesTr/a_0002_0000.nii.gz"],
            "label": "labelsTr/b_01.nii.gz",
        }
    }
    (case,) = read(folder, dataset=listed, numTraining=1).cases
    assert case.id == "x.y"
    assert [image.name for image in case.images] == [
        "b_01_0001.nii.gz",
        "a_0002_0000.nii.gz",
    ]
    assert case.reference == folder / "labelsTr/b_01.nii.gz"


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("imagesTr/b_01_0001.nii.gz", "channel T2 of case b_01"),
        ("imagesTr/b_01_0000.nii.gz", "channel T1 of case b_01"),
        ("labelsTr/a_0002.nii.gz", "the reference of case a_0002"),
    ],
)
def test_a_missing_file_names_case_and_channel(folder, missing, words):
    (folder / missing).unlink()
    error = refused(folder)
    assert words in error.what
    assert error.where == str(folder / missing)


def test_a_label_without_image_names_its_case(folder):
    (folder / "labelsTr/c.nii.gz").touch()
    assert "case c" in refused(folder).what


def test_a_case_listed_with_too_few_images_is_named(folder):
    listed = {"x": {"images": ["imagesTr/b_01_0000.nii.gz"], "label": "l.nii.gz"}}
    assert "case x: 1 images for 2 channels" in refused(folder, dataset=listed).what


def test_cases_that_are_not_there_are_noticed_by_their_number(folder):
    error = refused(folder, numTraining=3)
    assert "numTraining is 3, but 2" in error.what


def test_a_folder_without_cases_is_refused(tmp_path):
    error = refused(tmp_path, numTraining=None)
    assert "no training case" in error.what


def test_regions_have_the_labels_painted_in_their_order(folder):
    dataset = read(folder, labels=BRATS, regions_class_order=[1, 2, 3])
    assert [(r.name, r.ids, r.painted_as) for r in dataset.regions] == [
        ("whole tumour", (1, 2, 3), 1),
        ("tumour core", (2, 3), 2),
        ("enhancing tumour", (3,), 3),
    ]


def test_a_label_is_named_after_the_region_it_is_or_is_part_of(folder):
    dataset = read(folder, labels=BRATS, regions_class_order=[1, 2, 3])
    assert [(s.id, s.name, s.kind) for s in dataset.labels] == [
        (1, "whole tumour, label 1", "thing"),
        (2, "tumour core, label 2", "thing"),
        (3, "enhancing tumour", "thing"),
    ]


def test_ignored_voxels_are_no_structure(folder):
    dataset = read(folder, labels={"background": 0, "liver": 1, "ignore": 2})
    assert dataset.ignore_id == 2
    assert dataset.labels.names == ("liver",)
    assert dataset.regions == ()


def test_regions_and_ignored_voxels_go_together(folder):
    dataset = read(folder, labels=BRATS | {"ignore": 4}, regions_class_order=[1, 2, 3])
    assert dataset.ignore_id == 4
    assert len(dataset.regions) == 3
    assert dataset.labels.ids == (1, 2, 3)


def test_one_label_in_brackets_is_no_region(folder):
    dataset = read(folder, labels={"background": 0, "liver": [1], "tumour": [2]})
    assert dataset.regions == ()
    assert dataset.labels.names == ("liver", "tumour")


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": BRATS},
        {"labels": BRATS, "regions_class_order": [1, 2]},
        {"labels": BRATS, "regions_class_order": [1, 2, 7]},
        {"labels": BRATS, "regions_class_order": [1, 1, 3]},
        {"labels": BRATS | {"ignore": 3}, "regions_class_order": [1, 2, 3]},
        {"labels": BRATS | {"ignore": [4, 5]}, "regions_class_order": [1, 2, 3]},
        {"labels": {"liver": 1, "ignore": 0}},
        {"labels": {"liver": 1, "ignore": 1}},
        {"labels": {"liver": 1.5}},
        {"labels": {"liver": None}},
        {"labels": {"liver": [1, [2]]}, "regions_class_order": [1]},
        {"numTraining": "many"},
        {"dataset": ["a"]},
        {"dataset": {"a": {"images": []}}},
    ],
)
def test_a_description_that_contradicts_itself_is_refused(folder, changes):
    refused(folder, **changes)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.nhdr", "a.mha", "a.mhd"])
def test_a_scan_is_hashed_as_when_it_is_read(tmp_path, name):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    sitk.WriteImage(sitk.GetImageFromArray(array), tmp_path / name)
    assert sha256_of_scan(tmp_path / name) == read_volume(tmp_path / name).sha256


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 5) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(
    st.dictionaries(st.text(max_size=3), json_values, max_size=4),
    st.none() | st.lists(st.integers(-1, 5), max_size=4),
)
def test_any_description_is_understood_or_refused_by_one_of_four_errors(labels, order):
    content = {"labels": labels, "regions_class_order": order}
    try:
        described = described_labels(content)
    except (KeyError, TypeError, ValueError, AttributeError):
        return
    assert 0 not in described.labels.ids


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"background": 0, "11": 1, "12": 2}, {1: "11", 2: "12"}),
        ({"background": "0", "11": "1"}, {1: "11"}),
        ({"background": 0, "2": [1]}, {1: "2"}),
        ({"0": "background", "1": "liver"}, {1: "liver"}),
        ({"0": "background", "1": "label 2"}, {1: "label 2"}),
    ],
)
def test_a_structure_may_be_named_by_a_number(labels, expected):
    found = described_labels({"labels": labels}).labels
    assert {each.id: each.name for each in found} == expected
