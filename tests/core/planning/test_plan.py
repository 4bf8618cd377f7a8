"""Fingerprint -> Plan."""

import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import medseg
from medseg import (
    ErrorCode,
    Fingerprint,
    LabelSet,
    Preset,
    TrainingSettings,
    UnusableInput,
)
from medseg.core.plan import (
    TRAINED_ARCHITECTURES,
    IntensityStatistics,
    NormalisationKind,
    Plan,
)
from medseg.networks import build_network
from medseg.planning import case_facts, make_plan, merged_fingerprint
from tests.core.making import LABELS, shapes, spacings

STATISTICS = IntensityStatistics(
    mean=0.0, sd=1.0, percentile_00_5=-2.0, percentile_99_5=2.0
)
TINY_VOXELS = 2**18


def fingerprint_of(*cases, channels=1) -> Fingerprint:
    """Dataset of (shape, spacing_mm) cases."""
    return Fingerprint(
        spacings_mm=tuple(spacing_mm for _, spacing_mm in cases),
        shapes=tuple(shape for shape, _ in cases),
        intensities=(STATISTICS,) * channels,
        structure_volumes_ml=(1.0,) * len(LABELS),
    )


def plan_of(*cases, labels=LABELS, channels=("CT",), **settings):
    fingerprint = fingerprint_of(*cases, channels=len(channels))
    return make_plan(fingerprint, channels, labels, TrainingSettings(**settings))


@given(shapes(1, 600), spacings(0.2, 12.0), st.sampled_from(Preset))
@settings(deadline=None)
def test_every_dataset_gets_a_plan_within_its_scans_and_budget(shape, spacing, preset):
    plan = plan_of((shape, spacing), preset=preset)
    edges = zip(plan.patch_shape, plan.total_stride, shape, strict=True)
    for edge, stride, size in edges:
        assert edge % stride == 0
        assert edge < size + stride
    assert plan.batch_size >= 2
    assert plan.strides[0] == (1, 1, 1)


@settings(deadline=None, max_examples=6)
@example((1, 1, 1), (1.0, 1.0, 1.0))
@given(shapes(1, 16), spacings(0.5, 5.0))
def test_a_network_runs_on_the_patch_of_any_tiny_dataset(shape, spacing_mm):
    plan = plan_of((shape, spacing_mm))
    with torch.no_grad():
        logits = build_network(plan).eval()(torch.zeros(1, 1, *plan.patch_shape))
    assert logits.shape == (1, 3, *plan.patch_shape)


def test_scans_bigger_than_the_budget_get_a_cubic_patch_of_it():
    plan = plan_of(((100, 100, 100), (1.0, 1.0, 1.0)))
    assert plan.patch_shape == (64, 64, 64)
    assert math.prod(plan.patch_shape) == TINY_VOXELS


def test_the_spacing_is_the_median():
    plan = plan_of(
        ((90, 90, 90), (0.9, 0.9, 1.5)),
        ((90, 90, 90), (1.0, 1.0, 2.0)),
        ((90, 90, 90), (1.4, 1.4, 2.5)),
    )
    assert plan.spacing_mm == (1.0, 1.0, 2.0)
    assert dict(plan.reasons)["spacing_mm"] == "median of the cases"


def test_a_tiny_network_sees_big_scans_at_a_coarser_spacing():
    plan = plan_of(((400, 400, 100), (0.7, 0.7, 4.0)))
    assert plan.spacing_mm[0] == plan.spacing_mm[1] > 0.7
    assert plan.spacing_mm[2] == 4.0
    voxels = math.prod(
        size * before / after
        for size, before, after in zip(
            (400, 400, 100), (0.7, 0.7, 4.0), plan.spacing_mm, strict=True
        )
    )
    assert voxels == pytest.approx(2**20, rel=0.02)
    fine = plan_of(((400, 400, 100), (0.7, 0.7, 4.0)), preset=Preset.STANDARD)
    assert fine.spacing_mm == (0.7, 0.7, 4.0)


def test_a_coarse_axis_gets_the_finest_tenth_of_its_spacings():
    cases = [((150, 150, 20), (0.8, 0.8, float(s))) for s in np.linspace(4, 6, 11)]
    plan = plan_of(*cases)
    assert plan.spacing_mm == (0.8, 0.8, 4.2)
    assert "10th percentile" in dict(plan.reasons)["spacing_mm"]


def test_a_coarse_axis_is_neither_halved_nor_convolved_until_the_others_are_as_coarse():
    plan = plan_of(((128, 128, 40), (1.0, 1.0, 5.0)))
    assert [stride[2] for stride in plan.strides[:3]] == [1, 1, 1]
    assert [kernel[2] for kernel in plan.kernels[:3]] == [1, 1, 3]
    assert all(kernel[:2] == (3, 3) for kernel in plan.kernels)


def test_ct_is_normalised_by_the_dataset_and_anything_else_by_the_scan():
    case = (64, 64, 64), (1.0, 1.0, 1.0)
    kinds = [
        how.kind for how in plan_of(case, channels=("ct", "PET", "CT")).normalisation
    ]
    assert kinds == [
        NormalisationKind.CT,
        NormalisationKind.Z_SCORE,
        NormalisationKind.CT,
    ]


def test_channels_are_normalised_as_nnunet_reads_their_names():
    """nnU-Net's documentation of dataset.json: channel_names."""
    case = (64, 64, 64), (1.0, 1.0, 1.0)
    names = ("noNorm 1", "noNorm 2", "rescale_to_0_1", "zscore", "CT 2", "T1")
    kinds = [how.kind for how in plan_of(case, channels=names).normalisation]
    assert kinds == [
        *(NormalisationKind.NONE, NormalisationKind.NONE, NormalisationKind.MIN_MAX),
        *(NormalisationKind.Z_SCORE, NormalisationKind.CT, NormalisationKind.Z_SCORE),
    ]


@pytest.mark.parametrize("preset", [Preset.STANDARD, Preset.RESENC_L])
def test_a_preset_for_a_gpu_says_what_its_step_takes_on_a_cpu(preset):
    case = (128, 128, 128), (1.0, 1.0, 1.0)
    assert "GiB on a CPU" in dict(plan_of(case, preset=preset).reasons)["patch_shape"]
    reasons = dict(plan_of(case, preset=Preset.TINY).reasons)
    assert "GiB on a CPU" not in reasons["patch_shape"]


@pytest.mark.parametrize(
    ("name", "axes"), [("left kidney", ()), ("kidneys", (0,)), ("Kidney_R", ())]
)
def test_labels_named_by_side_switch_mirroring_off(name, axes):
    labels = LabelSet.from_names([(1, "liver"), (2, name)])
    plan = plan_of(((64, 64, 64), (1.0, 1.0, 1.0)), labels=labels)
    assert plan.mirror_axes == axes


def test_more_structures_than_label_indices_are_refused():
    labels = LabelSet.from_names((n, f"structure {n}") for n in range(1, 257))
    with pytest.raises(UnusableInput) as caught:
        plan_of(((64, 64, 64), (1.0, 1.0, 1.0)), labels=labels)
    assert caught.value.code is ErrorCode.INVALID_DATASET


@pytest.mark.parametrize("architecture", TRAINED_ARCHITECTURES)
def test_every_choice_has_a_reason(architecture):
    plan = plan_of(((64, 64, 64), (1.0, 1.0, 1.0)), architecture=architecture)
    reasons = dict(plan.reasons)
    given = {"channels", "labels", "reasons"}  # by the dataset
    other_origin = {"regions", "head", "axes", "recipe", "upsampling_bias"}
    only_imported = {"decoder_kernels", "labels_by_nearest"}
    only_imported |= {"monai_network", "monai_steps"}
    chosen = {field.name for field in fields(Plan)}
    assert reasons.keys() == chosen - given - other_origin - only_imported
    assert all(reasons.values())
    assert reasons["architecture"] == "as asked for"


def test_a_choice_of_the_users_is_planned_with_and_is_its_own_reason():
    case = (160, 160, 160), (1.0, 1.0, 1.0)
    usual, asked = plan_of(case), plan_of(case, batch_size=7, mirror=False)
    assert (asked.batch_size, asked.mirror_axes) == (7, ())
    reasons, before = dict(asked.reasons), dict(usual.reasons)
    assert reasons["batch_size"] == "as asked for"
    assert reasons["mirror_axes"] == "none: switched off"
    gib, gib_before = (
        float(each["patch_shape"].partition("about ")[2].split()[0])
        for each in (reasons, before)
    )
    fixed_gib = 0.5
    assert usual.batch_size != 7
    assert (gib - fixed_gib) / (gib_before - fixed_gib) == pytest.approx(
        7 / usual.batch_size, rel=0.2
    )
    same = ("batch_size", "mirror_axes", "patch_shape")
    assert {n: why for n, why in reasons.items() if n not in same} == {
        n: why for n, why in before.items() if n not in same
    }


def test_the_hippocampus_dataset_is_planned_whole(real_data: Path):
    folder = real_data / "Task04_Hippocampus"
    dataset = medseg.read_dataset(folder)
    facts = []
    for case in dataset.cases[::12]:
        volume = medseg.read_volume(case.images[0])
        reference = medseg.read_segmentation(case.reference or "", dataset.labels)
        facts.append(case_facts(volume, reference))
    settings = TrainingSettings()
    plan = make_plan(
        merged_fingerprint(facts), dataset.channels, dataset.labels, settings
    )
    assert plan.spacing_mm == (1.0, 1.0, 1.0)
    assert plan.patch_shape == (36, 52, 36)
    assert plan.widths == (32, 64, 128)
    assert plan.mirror_axes == (0,)
