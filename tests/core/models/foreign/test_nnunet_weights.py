"""What nnU-Net's checkpoints and plans hold is taken over or refused, never ignored."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from medseg import ErrorCode, UnusableInput
from medseg.core.plan import NormalisationKind, PatientAxes, Plan
from medseg.models.foreign.checkpoints import read_checkpoint
from medseg.models.foreign.nnunet_files import read_json
from medseg.models.foreign.nnunet_network import mapped_weights
from medseg.models.foreign.nnunet_plans import nnunet_plan
from medseg.networks import build_network

PLAIN = next((Path(__file__).parent / "nnunet" / "plain").glob("*/*"))
CONFIGURATION = "3d_fullres"
BLOCK = "encoder.stages.0.0.convs.0"
Weights = dict[str, Tensor]
Description = dict[str, Any]


@pytest.fixture(scope="module")
def weights() -> Weights:
    file = PLAIN / "fold_0" / "checkpoint_final.pth"
    return read_checkpoint(file, "network_weights").tensors


@pytest.fixture
def plans() -> Description:
    return read_json(PLAIN / "plans.json")


@pytest.fixture
def dataset() -> Description:
    return read_json(PLAIN / "dataset.json")


def plan_of(
    plans: Description, dataset: Description, mirror_axes: tuple[int, ...] = ()
) -> Plan:
    return nnunet_plan(plans, dataset, CONFIGURATION, mirror_axes, None).plan


def mapped(weights: Weights, plan: Plan) -> Weights:
    wanted = dict(build_network(plan).named_parameters())
    return mapped_weights(weights, plan, wanted, "some.pth")


def refused(weights: Weights, plan: Plan) -> str:
    with pytest.raises(UnusableInput) as caught:
        mapped(weights, plan)
    assert caught.value.code == ErrorCode.UNSUPPORTED_MODEL
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        f"{BLOCK}.norm.running_mean",  # of nnUNetTrainerBN, whose plans do not say so
        "decoder.encoder.stages.0.0.convs.0.norm.running_var",
        "attention.0.weight",
        "decoder.seg_layers.2.weight",
        f"{BLOCK}.squeeze.conv.bias",
    ],
)
def test_a_tensor_that_would_not_be_used_is_refused_by_its_name(
    name, weights, plans, dataset
):
    plan = plan_of(plans, dataset)
    assert name in refused({**weights, name: torch.ones(4)}, plan)


def test_copies_heads_of_coarser_levels_and_lost_biases_are_left_out(
    weights, plans, dataset
):
    plan = plan_of(plans, dataset)
    fewer = {
        name: tensor
        for name, tensor in weights.items()
        if not name.startswith(("decoder.encoder.", "decoder.seg_layers.0."))
        and ".all_modules." not in name
        and not name.endswith(".conv.bias")
    }
    assert len(fewer) < len(weights) / 2
    all_of_them, some = mapped(weights, plan), mapped(fewer, plan)
    assert all(torch.equal(all_of_them[name], some[name]) for name in some)
    other = dict(weights)
    other[f"decoder.encoder.{BLOCK.removeprefix('encoder.')}.conv.weight"] += 1
    assert "decoder.encoder." in refused(
        other | {f"{BLOCK}.conv.weight": torch.zeros(4, 1, 1, 3, 3)}, plan
    )


def test_transposed_convolutions_may_lack_a_bias_but_never_a_weight(
    weights, plans, dataset
):
    plan = plan_of(plans, dataset)
    bias, weight = (f"decoder.transpconvs.0.{part}" for part in ("bias", "weight"))
    less = {name: each for name, each in weights.items() if name != bias}
    found = mapped(less, plan)
    assert not found["upsamples.0.transp_conv.conv.bias"].any()
    del less[weight]
    with pytest.raises(ValueError, match=r"no weights decoder\.transp.*weight"):
        mapped(less, plan)
    assert bias in refused(weights, replace(plan, upsampling_bias=False))


@pytest.mark.parametrize(
    ("keys", "value", "named"),
    [
        (("resampling_fn_data_kwargs", "separate_z_anisotropy_threshold"), 9, "separ"),
        (("resampling_fn_seg_kwargs", "mode"), "wrap", "mode wrap"),
        (("patch_size",), [2048, 24, 20], "a patch of"),
        (("spacing",), [1e-6, 1.0, 1.0], "a spacing of"),
        (("previous_stage",), "../b", r"first stage \.\./b"),
        (("architecture", "arch_kwargs", "norm_op_kwargs", "affine"), 0, "norm"),
        (
            ("architecture", "arch_kwargs", "norm_op_kwargs", "track_running_stats"),
            *(True, "track_running_stats"),
        ),
        (
            ("architecture", "arch_kwargs", "features_per_stage"),
            *([4, 6, 10**6], "as large as that"),
        ),
        (
            ("architecture", "arch_kwargs"),
            {
                "features_per_stage": [4, 6],
                "kernel_sizes": 3,
                "strides": [1, 2],
                "n_conv_per_stage": 2,
                "n_conv_per_stage_decoder": 2,
                "norm_op_kwargs": {"affine": True},
            },
            "2 levels",
        ),
    ],
)
def test_what_the_plans_ask_for_is_refused_where_it_is_not_done(
    keys, value, named, plans, dataset
):
    inner = plans["configurations"][CONFIGURATION]
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    with pytest.raises(UnusableInput, match=named) as caught:
        plan_of(plans, dataset)
    assert caught.value.code == ErrorCode.UNSUPPORTED_MODEL


@pytest.mark.parametrize(
    "statistics",
    [
        {"median": 3.0},
        {"mean": 1.0, "std": 2.0, "percentile_00_5": 0.0},
        {"mean": float("nan"), "std": 1, "percentile_00_5": 0, "percentile_99_5": 1},
        {"mean": 1.0, "std": 0.0, "percentile_00_5": 0, "percentile_99_5": 1},
        {"mean": 1.0, "std": 1.0, "percentile_00_5": 2, "percentile_99_5": 1},
    ],
)
def test_intensities_that_cannot_be_are_refused(statistics, plans, dataset):
    assert plan_of(plans, dataset).normalisation[0].kind is NormalisationKind.CT
    plans["foreground_intensity_properties_per_channel"] = {"0": statistics}
    with pytest.raises(UnusableInput, match=r"DAMAGED_MODEL.*channel 0"):
        plan_of(plans, dataset)


def test_sides_are_mirrored_as_nnunet_does_it_and_it_is_said(plans, dataset):
    dataset["labels"] = {"background": 0, "left ball": 1, "right ball": 2}
    mirrored = plan_of(plans, dataset, (0, 1, 2))
    assert mirrored.mirror_axes == (0, 1, 2)
    assert "told apart by their side" in dict(mirrored.reasons)["mirror_axes"]
    assert "mirror_axes" not in dict(plan_of(plans, dataset).reasons)


def test_it_is_said_how_the_axes_are_known(plans, dataset):
    assert "--trained-as RAS" in dict(plan_of(plans, dataset).reasons)["axes"]
    plans["dataset_name"] = "Dataset291_TotalSegmentator_part1"
    turned = plan_of(plans, dataset)
    assert turned.axes == PatientAxes(codes="SAR")
    assert "TotalSegmentator" in dict(turned.reasons)["axes"]
    lps = PatientAxes(codes="LPS")
    told = nnunet_plan(plans, dataset, CONFIGURATION, (), lps).plan
    assert told.axes == PatientAxes(codes="SPL")


def test_names_are_one_line_of_what_can_be_printed(plans, dataset):
    dataset["labels"] = {"background": 0, "\x1b[31mred\x07": 1, "b\nline": 2}
    dataset["channel_names"] = {"0": "C\tT\x00"}
    plans["dataset_name"] = "Dataset1_\x1b]0;x\x07name"
    found = nnunet_plan(plans, dataset, CONFIGURATION, (), None)
    assert found.plan.labels.names == ("[31mred", "b line")
    assert found.plan.channels == ("C T",)
    assert found.dataset == "Dataset1_]0;xname"
