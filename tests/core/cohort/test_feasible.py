"""What can never work is refused before anything is computed or written."""

from dataclasses import replace
from pathlib import Path

import pytest

import medseg
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from tests.core.making import CT, TINY_PLAN, save_untrained

CT_PLAN = replace(TINY_PLAN, channels=("CT",), normalisation=(CT,))
TWO_PLAN = replace(
    TINY_PLAN, channels=("T1", "T2"), normalisation=TINY_PLAN.normalisation * 2
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    plans = {"mri": TINY_PLAN, "ct": CT_PLAN, "two": TWO_PLAN}
    for name, plan in plans.items():
        save_untrained(plan, folder / name)
    return folder


def planned(folder, models, cases, *names, **make):
    """The plan for cases, each a name and its files."""
    listed = tuple(
        medseg.CohortCase(case_id=name, images=tuple(map(Path, files)))
        for name, *files in cases
    )
    asked = medseg.WhatToMake(models=tuple(str(models / n) for n in names), **make)
    return medseg.plan_run(medseg.Manifest(cases=listed), folder / "out", asked)


@pytest.fixture
def plan(tmp_path, models):
    return lambda *arguments, **make: planned(tmp_path, models, *arguments, **make)


class TestFiles:
    @pytest.mark.parametrize("names", ["a a.probabilities", "a A.Probabilities"])
    def test_no_case_writes_over_the_probabilities_of_another(self, plan, names):
        cases = [(name, "scan.nii.gz") for name in names.split()]
        with pytest.raises(UnusableInput, match="would be a file of each"):
            plan(cases, "mri", save_probabilities=True)

    def test_without_probabilities_the_names_do_no_harm(self, plan):
        cases = [("a", "scan.nii.gz"), ("a.probabilities", "scan.nii.gz")]
        assert len(plan(cases, "mri").cases) == 2

    def test_names_that_look_like_suffixes_are_told_apart(self, plan):
        names = ("a", "a.json", "a.nii", "a.nii.gz", "a.uncertainty", "a.dcm")
        cases = [(name, "scan.nii.gz") for name in names]
        assert len(plan(cases, "mri", save_probabilities=True).cases) == len(names)


class TestModels:
    @pytest.mark.parametrize("names", [("mri", "ct"), ("mri", "two"), ("two", "ct")])
    def test_models_of_other_channels_are_refused(self, plan, names):
        with pytest.raises(WrongUse) as raised:
            plan([("a", "scan.nii.gz")], *names)
        assert raised.value.code is ErrorCode.CHANNEL_MISMATCH

    def test_so_is_a_model_of_the_region(self, plan, models):
        with pytest.raises(WrongUse, match="it takes CT, the first model MRI"):
            plan([("a", "scan.nii.gz")], "mri", region_model=str(models / "ct"))

    def test_a_model_of_channels_leaves_no_watershed_of_intensities(self, plan):
        rules = medseg.InstanceRules(split=medseg.IntensityWatershed())
        with pytest.raises(WrongUse, match="takes one channel, the model T1, T2"):
            plan([("a", "t1.nii.gz", "t2.nii.gz")], "two", instances=rules)


class TestImages:
    @pytest.mark.parametrize("count", [2, 3])
    def test_a_list_made_by_hand_has_as_many_files_as_channels(self, plan, count):
        files = [f"{number}.nii.gz" for number in range(count)]
        model = "mri" if count == 2 else "two"
        with pytest.raises(UnusableInput, match=f"a: {count} files are named"):
            plan([("a", *files)], model)

    def test_a_folder_is_not_taken_for_every_channel(self, plan, tmp_path):
        with pytest.raises(UnusableInput, match="no file for some of T1, T2"):
            plan([("a", tmp_path)], "two")

    @pytest.mark.parametrize("kind", ["dicom-seg", "dicom-seg-labelmap", "rtstruct"])
    def test_dicom_is_made_of_dicom_only_and_all_others_are_told(self, plan, kind):
        cases = [("a", "a.nii.gz"), ("b", "b"), ("c", "c.nrrd"), ("d", "d.dcm")]
        with pytest.raises(UnusableInput, match="NO_DICOM_SOURCE") as raised:
            plan(cases, "mri", file_format=medseg.SegmentationFormat(kind))
        assert "2 faults: a: " in str(raised.value)
        assert "; c: " in str(raised.value)
