"""Datasets in decathlon layout."""

import json
import subprocess
import sys

import pytest

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io import read_dataset


def describe(**changes):
    description = {
        "name": " Organs ",
        "modality": {"1": "T2", "0": "T1"},
        "labels": {"0": "background", "1": "Liver", "2": "liver tumour"},
        "licence": "CC-BY 4.0",
        "reference": "A hospital",
        "training": [
            {"image": "./imagesTr/b.nii.gz", "label": "./labelsTr/b.nii.gz"},
            {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"},
            {"image": "./imagesTr/._a.nii.gz", "label": "./labelsTr/._a.nii.gz"},
        ],
    }
    return {k: v for k, v in (description | changes).items() if v is not None}


@pytest.fixture
def folder(tmp_path):
    for kind in ("imagesTr", "labelsTr"):
        (tmp_path / kind).mkdir()
        for case in ("a", "b"):
            (tmp_path / kind / f"{case}.nii.gz").touch()
    return tmp_path


def write(folder, **changes):
    (folder / "dataset.json").write_text(json.dumps(describe(**changes)))
    return folder


def refused(folder, code=ErrorCode.INVALID_DATASET):
    with pytest.raises(UnusableInput) as caught:
        read_dataset(folder)
    assert caught.value.code == code
    return caught.value


def test_channels_of_one_name_are_numbered(folder):
    """Names are what nnU-Net reads the normalisation from, and so may recur."""
    names = {"0": "noNorm", "1": "CT", "2": "noNorm"}
    dataset = read_dataset(write(folder, modality=names))
    assert dataset.channels == ("noNorm 1", "CT", "noNorm 2")


def test_a_dataset_is_what_its_description_says(folder):
    dataset = read_dataset(write(folder))
    assert dataset.name == "Organs"
    assert dataset.channels == ("T1", "T2")
    assert [(s.id, s.name, s.kind) for s in dataset.labels] == [
        (1, "Liver", "stuff"),
        (2, "liver tumour", "thing"),
    ]
    assert [case.id for case in dataset.cases] == ["a", "b"]
    assert dataset.cases[0].images == (folder / "imagesTr/a.nii.gz",)
    assert dataset.cases[0].reference == folder / "labelsTr/a.nii.gz"
    assert (dataset.licence, dataset.source) == ("CC-BY 4.0", "A hospital")


def test_the_description_itself_may_be_named(folder):
    assert read_dataset(write(folder) / "dataset.json") == read_dataset(folder)


def test_nnunets_names_are_understood(folder):
    write(
        folder,
        modality=None,
        channel_names={"0": "CT"},
        labels={"background": 0, "liver": 1},
    )
    dataset = read_dataset(folder)
    assert dataset.channels == ("CT",)
    assert dataset.labels.names == ("liver",)


def test_a_folder_without_description_is_refused(folder):
    refused(folder, ErrorCode.NOT_FOUND)


def test_a_description_that_is_not_json_is_refused(folder):
    (folder / "dataset.json").write_text("{")
    refused(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"training": []},
        {"training": None},
        {"training": [{"image": "imagesTr/a.nii.gz"}]},
        {"training": ["imagesTr/a.nii.gz"]},
        {"labels": {"0": "background"}},
        {"labels": {"1": "liver", "2": "liver"}},
        {"labels": ["liver"]},
        {"modality": {}},
        {"modality": "CT"},
        {
            "training": [{"image": "imagesTr/a.nii.gz", "label": "labelsTr/a.nii.gz"}]
            * 2
        },
    ],
)
def test_an_incomplete_description_is_refused(folder, changes):
    refused(write(folder, **changes))


@pytest.mark.parametrize("key", ["labels", "training"])
def test_a_missing_key_is_named(folder, key):
    assert f"it has no '{key}'" in str(refused(write(folder, **{key: None})))


def test_a_missing_file_names_its_case(folder):
    write(folder)
    (folder / "labelsTr/b.nii.gz").unlink()
    error = refused(folder)
    assert "case b" in error.what
    assert error.where.endswith("labelsTr/b.nii.gz")


def test_it_needs_neither_simpleitk_nor_matplotlib_nor_torch(folder):
    code = (
        "import sys, medseg; medseg.read_dataset(sys.argv[1]); "
        "sys.exit(bool({'SimpleITK', 'matplotlib', 'torch'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, write(folder)], check=True)


def test_the_real_datasets_are_read(real_data):
    hippocampus = read_dataset(real_data / "Task04_Hippocampus")
    assert len(hippocampus.cases) == 208
    assert hippocampus.labels.names == ("Anterior", "Posterior")
    assert len(read_dataset(real_data / "Task21_AbdomenMR").labels) == 4
