"""The table of tasks agrees with MONAI's, with ours, and with the data."""

import re

import nibabel.nifti1
import numpy as np
import pytest
from monai.apps.datasets import DecathlonDataset

from medseg import (
    DECATHLON_TASKS,
    DECATHLON_URL,
    ErrorCode,
    LabelSet,
    StructureKind,
    WrongUse,
    decathlon_task,
    read_dataset,
)

LESIONS = {  # by the papers' account of what each label is
    "Task01_BrainTumour": {"edema", "non-enhancing tumor", "enhancing tumour"},
    "Task03_Liver": {"cancer"},
    "Task06_Lung": {"cancer"},
    "Task07_Pancreas": {"cancer"},
    "Task08_HepaticVessel": {"Tumour"},
    "Task10_Colon": {"colon cancer primaries"},
}
KNOWN = pytest.mark.parametrize("task", DECATHLON_TASKS, ids=lambda task: task.name)


def test_there_are_the_ten_tasks_that_monai_knows():
    names = [task.name for task in DECATHLON_TASKS]
    assert names == sorted(DecathlonDataset.resource)
    assert [int(name[4:6]) for name in names] == list(range(1, 11))


@KNOWN
def test_address_and_checksum_are_those_that_monai_uses(task):
    assert (
        f"{DECATHLON_URL}/{task.archive_name}" == DecathlonDataset.resource[task.name]
    )
    assert task.md5 == DecathlonDataset.md5[task.name]


@KNOWN
def test_a_task_has_a_tolerance_of_its_own_with_a_source(task):
    organ = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", task.name.partition("_")[2]).lower()
    assert organ.startswith(task.tolerance.name.removeprefix("decathlon-"))
    assert task.tolerance.tolerance_mm >= min(task.median_spacing_mm)
    assert task.tolerance.source


@KNOWN
def test_what_is_a_lesion_in_a_task_is_counted_and_no_organ_is(task):
    labels = LabelSet.from_names(enumerate(task.labels, start=1))
    things = {each.name for each in labels if each.kind is StructureKind.THING}
    assert things == LESIONS.get(task.name, set())


@pytest.mark.parametrize("name", ["Task09_Spleen", "task09_spleen", "spleen", "SPLEEN"])
def test_a_task_is_found_by_its_name(name):
    assert decathlon_task(name).name == "Task09_Spleen"


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("Task04_Hipocampus", "Task04_Hippocampus"),
        ("Task03_Spleen", "Task09_Spleen"),
        ("pancrea", "Task07_Pancreas"),
        ("liver tumour", "Task03_Liver"),
    ],
)
def test_a_wrong_name_brings_the_close_ones(name, close):
    with pytest.raises(WrongUse) as caught:
        decathlon_task(name)
    assert caught.value.code == ErrorCode.UNKNOWN_DATASET
    assert close in caught.value.remedy


def test_a_name_like_no_other_points_to_the_list():
    with pytest.raises(WrongUse, match="medseg data list"):
        decathlon_task("qqq")


def test_the_hippocampus_is_as_the_table_says(real_data):
    task = decathlon_task("hippocampus")
    dataset = read_dataset(real_data / task.name)
    assert dataset.channels == task.channels
    assert dataset.labels.names == task.labels
    headers = [nibabel.nifti1.load(case.images[0]).header for case in dataset.cases]
    shapes = np.median([header.get_data_shape() for header in headers], axis=0)
    np.testing.assert_allclose(shapes, task.median_shape, atol=1)
    for header in headers:
        np.testing.assert_allclose(
            header.get_zooms(), np.array(task.median_spacing_mm), atol=1e-3
        )
