"""What cannot be trained on is refused before training, and the case is named."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import medseg
from medseg import ErrorCode, LabelSet, Preset, TrainingSettings, UnusableInput
from medseg.core.case import Case, Dataset
from medseg.core.plan import IGNORED
from medseg.core.regions import Region
from medseg.training.cache import DatasetCache
from medseg.training.cases import read_case
from medseg.training.planning import plan_dataset, planned, prepared_cases
from tests.core.training.cubes import write_cubes

Change = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_cubes(tmp_path / "data", cases=3)


def rewrite(folder: Path, name: str, change: Change) -> None:
    path = folder / name
    image = nib.nifti1.load(path)
    array, affine = change(np.asarray(image.dataobj), image.affine.copy())
    nib.save(nib.Nifti1Image(array, affine), path)


def describe(folder: Path, **changes) -> Dataset:
    path = folder / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return medseg.read_dataset(folder)


def refusal_of(dataset: Dataset, workers: int = 2) -> UnusableInput:
    """The error, which is the same with a cache and without and any number of times."""
    folder = dataset.cases[0].images[0].parents[2]
    errors = []
    for where in (None, folder / "cache", folder / "cache"):
        cache = DatasetCache(dataset, where)
        with pytest.raises(UnusableInput) as caught:
            planned(cache, TrainingSettings(workers=workers))
        errors.append(caught.value)
    assert "cube_001" in str(errors[0])
    assert "\n" not in str(errors[0])
    assert {str(error) for error in errors} == {str(errors[0])}
    return errors[0]


def with_nan(array, affine):
    array = array.copy()
    array[3, 4, 5] = np.nan
    return array, affine


def without_a_plane(array, affine):
    return array[1:], affine


def with_infinity(array, affine):
    array = array.copy()
    array[3, 4, 5] = np.inf
    return array, affine


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("labels", lambda array, affine: (array * 7, affine), ErrorCode.UNKNOWN_LABEL),
        (
            "labels",
            lambda array, affine: (array * 0.5, affine),
            ErrorCode.NOT_A_LABEL_MAP,
        ),
        (
            "labels",
            lambda array, affine: (array * 0, affine),
            ErrorCode.INVALID_DATASET,
        ),
        (
            "labels",
            lambda array, affine: (array, affine + np.diag([0, 0, 0.5, 0])),
            ErrorCode.GRID_MISMATCH,
        ),
        ("labels", without_a_plane, ErrorCode.GRID_MISMATCH),
        ("images", with_nan, ErrorCode.NOT_FINITE),
        ("images", with_infinity, ErrorCode.NOT_FINITE),
        (
            "images",
            lambda array, affine: (np.stack([array] * 2, -1), affine),
            ErrorCode.CHANNEL_MISMATCH,
        ),
    ],
)
def test_an_unusable_file_is_refused(folder, name, change, code):
    rewrite(folder, f"{name}Tr/cube_001.nii.gz", change)
    assert refusal_of(medseg.read_dataset(folder)).code is code


def test_a_missing_channel_is_refused(folder):
    for number in (0, 2):
        rewrite(
            folder,
            f"imagesTr/cube_{number:03d}.nii.gz",
            lambda array, affine: (np.stack([array] * 2, -1), affine),
        )
    dataset = describe(folder, modality={"0": "T1", "1": "T2"})
    assert refusal_of(dataset).code is ErrorCode.CHANNEL_MISMATCH


@pytest.mark.parametrize("kind", ["imagesTr", "labelsTr"])
def test_a_file_that_vanishes_is_refused(folder, kind):
    dataset = medseg.read_dataset(folder)
    (folder / kind / "cube_001.nii.gz").unlink()
    refusal_of(dataset)


def test_a_case_without_reference_is_refused(folder):
    dataset = medseg.read_dataset(folder)
    lone = Case(id="lone", images=dataset.cases[0].images)
    with pytest.raises(UnusableInput, match="no reference") as caught:
        read_case(lone, dataset)
    assert caught.value.where == "lone"


def test_healthy_cases_may_be_let_in(folder, tmp_path):
    rewrite(folder, "labelsTr/cube_001.nii.gz", lambda a, affine: (a * 0, affine))
    dataset = medseg.read_dataset(folder)
    cache = DatasetCache(dataset, tmp_path / "cache", allow_empty=True)
    plan = planned(cache, TrainingSettings())
    assert plan == plan_dataset(dataset, Preset.TINY, allow_empty=True)
    cases = prepared_cases(cache, dataset.cases, plan)
    assert [len(case.centres) for case in cases] == [1, 0, 1]
    refusal = refusal_of(dataset)
    assert refusal.code is ErrorCode.INVALID_DATASET
    assert "--allow-empty" in refusal.remedy


def test_the_first_bad_case_is_told_whatever_the_number_of_threads(folder):
    for number in (1, 2):
        name = f"labelsTr/cube_{number:03d}.nii.gz"
        rewrite(folder, name, lambda array, affine: (array * 7, affine))
    for workers in (1, 3):
        refusal_of(medseg.read_dataset(folder), workers)


def ignoring(array, affine):
    """The upper half was not looked at."""
    array = array.copy()
    array[:, :, 4:] = 3
    return array, affine


def test_ignored_voxels_are_marked_in_the_case_and_no_part_of_the_fingerprint(
    folder, tmp_path
):
    for number in range(3):
        rewrite(folder, f"labelsTr/cube_{number:03d}.nii.gz", ignoring)
    dataset = describe(folder, labels={"background": 0, "cube": 1, "ignore": 3})
    assert dataset.ignore_id == 3
    plan = plan_dataset(dataset, Preset.TINY)
    assert plan.labels.names == ("cube",)
    for where in (None, tmp_path / "cache", tmp_path / "cache"):
        cache = DatasetCache(dataset, where)
        for case in dataset.cases:
            _, reference = read_case(case, dataset)
            facts = cache.facts(case)
            assert facts.foreground.shape[1] == (reference.array == 1).sum()
            prepared = cache.prepared(case, plan)
            labels = prepared.labels[(slice(None),) * 3]
            assert set(np.unique(labels)) == {0, 1, IGNORED}
            assert (labels == IGNORED).mean() == 0.5
            assert prepared.annotated is not None
            assert len(prepared.annotated) == labels.size / 2
            assert (labels[tuple(prepared.annotated.T)] != IGNORED).all()


def test_a_case_nobody_looked_at_is_refused(folder):
    def ignored(array, affine):
        return np.full_like(array, 3), affine

    rewrite(folder, "labelsTr/cube_001.nii.gz", ignored)
    dataset = describe(folder, labels={"background": 0, "cube": 1, "ignore": 3})
    assert refusal_of(dataset).code is ErrorCode.INVALID_DATASET


def test_the_plan_has_the_datasets_regions(folder):
    def two_parts(array, affine):
        array = array.copy()
        array[6:][array[6:] > 0] = 2
        return array, affine

    for number in range(3):
        rewrite(folder, f"labelsTr/cube_{number:03d}.nii.gz", two_parts)
    dataset = describe(
        folder,
        labels={"background": 0, "whole": [1, 2], "half": [2]},
        regions_class_order=[1, 2],
    )
    plan = plan_dataset(dataset, Preset.TINY)
    assert plan.regions == (
        Region(name="whole", ids=(1, 2), painted_as=1),
        Region(name="half", ids=(2,), painted_as=2),
    )
    assert plan.output_names == ("whole", "half")
    assert plan.mirror_axes == (0,)
    assert plan.labels == LabelSet.from_names([(1, "whole, label 1"), (2, "half")])
