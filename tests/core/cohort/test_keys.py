"""The same key, the same result: whatever changes a result changes the key."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

import medseg
from medseg.cohort.keys import asked_for, key_of
from medseg.core.model_info import StructureResult
from medseg.models import read_model_info
from medseg.models.description import write_model_info
from tests.core.making import TINY_PLAN, save_untrained


@pytest.fixture
def model(tmp_path):
    return save_untrained(TINY_PLAN, tmp_path / "tiny")


def asked(model):
    return asked_for(medseg.WhatToMake(models=(str(model),)))


def rewrite(model, **changes):
    write_model_info(replace(read_model_info(model), **changes), model)


class TestModels:
    def test_how_results_are_mended_afterwards_counts(self, model):
        before = asked(model)
        rewrite(model, largest_piece_only=("liver",))
        assert asked(model) != before

    def test_the_plan_counts(self, model):
        before = asked(model)
        rewrite(model, plan=replace(TINY_PLAN, spacing_mm=(1.0, 1.0, 2.0)))
        assert asked(model) != before

    def test_the_first_stage_counts_as_much(self, model):
        below = save_untrained(TINY_PLAN, model / "coarse")
        rewrite(model, first_stage="coarse")
        before = asked(model)
        rewrite(below, largest_piece_only=("liver",))
        assert asked(model) != before

    def test_what_is_said_of_the_model_does_not(self, model):
        before = asked(model)
        score = StructureResult(structure="liver", mean_dice=0.9, mean_iou=0.8, cases=3)
        rewrite(model, summary="Better.", results=(score,), results_note="Mine.")
        assert asked(model) == before


@pytest.fixture
def case(tmp_path):
    (tmp_path / "set/labels").mkdir(parents=True)
    (tmp_path / "scan.nii.gz").touch()
    (tmp_path / "set/labels/a.nii.gz").touch()
    return medseg.CohortCase(
        case_id="a",
        images=(tmp_path / "scan.nii.gz",),
        reference=tmp_path / "set/labels/a.nii.gz",
    )


class TestFiles:
    @pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
    def test_the_voxels_of_a_header_count(self, tmp_path, suffix):
        path = tmp_path / f"scan{suffix}"
        sitk.WriteImage(sitk.GetImageFromArray(np.zeros((4, 4, 4), np.int16)), path)
        (voxels,) = (file for file in tmp_path.iterdir() if file != path)
        case = medseg.CohortCase(case_id="a", images=(path,))
        before = key_of(case, {})
        assert key_of(case, {}) == before
        voxels.write_bytes(voxels.read_bytes() + b"more")
        assert key_of(case, {}) != before

    @pytest.mark.parametrize(
        "name", ["set/dataset.json", "set/labels/dataset.json", "set/labels/a.json"]
    )
    def test_the_names_of_a_reference_s_labels_count(self, tmp_path, case, name):
        keys = {key_of(case, {})}
        for content in ("{}", '{"labels": {}}'):
            (tmp_path / name).write_text(content)
            keys.add(key_of(case, {}))
        assert len(keys) == 3

    def test_they_do_not_where_there_is_no_reference(self, tmp_path, case):
        alone = replace(case, reference=None)
        before = key_of(alone, {})
        (tmp_path / "set/dataset.json").write_text("{}")
        assert key_of(alone, {}) == before


def test_a_model_without_a_head_has_the_keys_of_versions_that_knew_none():
    asked = asked_for(medseg.WhatToMake(models=("phantom-abdomen",)))
    assert "'plan': {" in str(asked["models"])
    assert "'head'" not in str(asked["models"])
