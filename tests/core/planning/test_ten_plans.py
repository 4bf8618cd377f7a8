"""Plans of the ten decathlon tasks beside nnU-Net's, and plans for a memory."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import medseg
from medseg import ErrorCode, Fingerprint, Preset, TrainingSettings, WrongUse
from medseg.core.plan import (
    TRAINED_ARCHITECTURES,
    Architecture,
    IntensityStatistics,
    NormalisationKind,
)
from medseg.core.settings import Device
from medseg.networks import build_network
from medseg.planning import make_plan
from medseg.planning.budget import blocks_of, features_of
from tests.core.making import LABELS, TINY_PLAN, shapes, spacings

STATISTICS = IntensityStatistics(
    mean=0.0, sd=1.0, percentile_00_5=-2.0, percentile_99_5=2.0
)
# What docs/plan_with_nnunet.py let nnU-Net 2.8.1 plan, and from which scans.
NNUNET = json.loads(Path(__file__).with_name("nnunet_plans.json").read_text())
TASKS = [name for name in NNUNET if name != "made by"]
CT = {"Liver", "Lung", "Pancreas", "HepaticVessel", "Spleen", "Colon"}
# It also counts what the last layers give out, by which the first two pass its limit
# when they are as large as these; of two axes alike it shortens the other one first.
OTHER_PATCHES = {
    "BrainTumour": (128, 160, 128),
    "Liver": (160, 128, 128),
    "Lung": (192, 160, 80),
}


def task_fingerprint(name) -> Fingerprint:
    """Eleven scans of one shape and extent, two of them with the finest slices."""
    return Fingerprint(
        spacings_mm=tuple(map(tuple, NNUNET[name]["spacings_mm"])),
        shapes=tuple(map(tuple, NNUNET[name]["shapes"])),
        intensities=(STATISTICS,) * NNUNET[name]["channels"],
        structure_volumes_ml=(20.0, 1.0),
    )


def task_plan(name, preset=Preset.STANDARD, **options):
    channels = ("CT",) if name in CT else tuple("abcd"[: NNUNET[name]["channels"]])
    settings = TrainingSettings(preset=preset, **options)
    return make_plan(task_fingerprint(name), channels, LABELS, settings)


def as_lists(shapes) -> list[list[int]]:
    return [list(shape) for shape in shapes]


@pytest.mark.parametrize("name", TASKS)
def test_the_standard_plan_is_nnunets(name):
    plan, theirs = task_plan(name), NNUNET[name]
    assert plan.spacing_mm == pytest.approx(theirs["spacing_mm"])
    assert as_lists(plan.strides) == theirs["strides"]
    assert as_lists(plan.kernels) == theirs["kernels"]
    assert list(plan.widths) == theirs["widths"]
    assert plan.blocks == (2,) * len(plan.widths)
    assert plan.batch_size == theirs["batch_size"]
    kind = NormalisationKind.CT if name in CT else NormalisationKind.Z_SCORE
    assert {how.kind for how in plan.normalisation} == {kind}


@pytest.mark.parametrize("name", TASKS)
def test_the_standard_patch_is_nnunets_but_for_three_tasks(name):
    patch, theirs = task_plan(name).patch_shape, tuple(NNUNET[name]["patch_shape"])
    assert patch == OTHER_PATCHES.get(name, theirs)
    assert (patch != theirs) == (name in OTHER_PATCHES)


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_network_in_every_preset(name, preset):
    plan = task_plan(name, preset)
    assert plan.batch_size >= 2
    with torch.device("meta"):
        logits = build_network(plan)(
            torch.empty(1, len(plan.channels), *plan.patch_shape)
        )
    assert logits.shape == (1, 3, *plan.patch_shape)


def test_the_presets_grow():
    patches = [
        math.prod(task_plan("Liver", preset).patch_shape)
        for preset in (Preset.TINY, Preset.RESENC_M, Preset.RESENC_L)
    ]
    assert patches == sorted(patches)
    plan = task_plan("Liver", Preset.RESENC_L)
    assert plan.architecture is Architecture.RESIDUAL_UNET
    assert plan.blocks[:5] == (1, 3, 4, 6, 6)


@pytest.mark.parametrize("model", ["hippocampus", "phantom-abdomen"])
def test_tiny_plans_of_the_shipped_models_are_what_they_were(model):
    shipped = medseg.load_model(model).info.plan
    shape = {"hippocampus": (35, 50, 36), "phantom-abdomen": (123, 123, 69)}[model]
    fingerprint = Fingerprint(
        spacings_mm=(shipped.spacing_mm,) * 208,
        shapes=(shape,) * 208,
        intensities=tuple(how.statistics for how in shipped.normalisation),
        structure_volumes_ml=(1.0,) * len(shipped.labels),
    )
    plan = make_plan(fingerprint, shipped.channels, shipped.labels, TrainingSettings())
    assert replace(plan, reasons=()) == replace(shipped, reasons=())


@settings(deadline=None, max_examples=60)
@given(
    shapes(1, 600),
    spacings(0.2, 12.0),
    st.sampled_from(Preset),
    st.sampled_from(TRAINED_ARCHITECTURES),
    st.floats(3.0, 60.0),
)
def test_any_memory_and_architecture_gets_a_plan(shape, mm, preset, architecture, gib):
    fingerprint = Fingerprint(
        spacings_mm=(mm,),
        shapes=(shape,),
        intensities=(STATISTICS,),
        structure_volumes_ml=(1.0, 1.0),
    )
    wanted = TrainingSettings(preset=preset, architecture=architecture, memory_gib=gib)
    plan = make_plan(fingerprint, ("CT",), LABELS, wanted)
    assert plan.architecture is architecture
    assert len(plan.blocks) == len(plan.widths) >= 3


def test_more_memory_means_a_larger_patch():
    voxels = [
        math.prod(task_plan("Lung", memory_gib=gib).patch_shape)
        for gib in (4.0, 8.0, 16.0)
    ]
    assert voxels == sorted({*voxels})
    assert (
        "of the 16 allowed"
        in dict(task_plan("Lung", memory_gib=16.0).reasons)["patch_shape"]
    )


@pytest.mark.parametrize("gib", [0.0, -1.0, 1.0, float("nan"), float("inf")])
def test_memory_that_no_network_does_with_is_refused(gib):
    with pytest.raises(WrongUse) as caught:
        task_plan("Lung", memory_gib=gib)
    assert caught.value.code is ErrorCode.INVALID_OPTION


def test_a_batch_covers_at_most_a_twentieth_of_a_small_dataset():
    small = task_fingerprint("Hippocampus")
    large = replace(small, shapes=small.shapes * 24, spacings_mm=small.spacings_mm * 24)
    settings = TrainingSettings(preset=Preset.STANDARD)
    batches = [
        make_plan(each, ("MRI",), LABELS, settings).batch_size
        for each in (small, large)
    ]
    assert batches[0] == 2
    assert batches[1] == 9  # as nnU-Net has it for the whole of this task


@pytest.mark.parametrize("preset", [Preset.STANDARD, Preset.RESENC_M])
@pytest.mark.parametrize("name", ["Liver", "Prostate", "Spleen"])
def test_a_step_on_a_cpu_fits_the_memory_too(name, preset):
    """12 bytes an output and half a GiB, as measured for docs/training.md."""
    steps_gib = []
    for device in (Device("cuda:0"), Device("cpu")):
        plan = task_plan(name, preset, device=device)
        outputs = plan.batch_size * features_of(
            plan.architecture, plan.patch_shape, plan.strides, plan.widths
        )
        steps_gib.append(outputs * 12 / 2**30 + 0.5)
    gib = {Preset.STANDARD: 8, Preset.RESENC_M: 9}[preset]
    assert 0.7 * gib < steps_gib[1] <= gib < steps_gib[0]


def test_a_tiny_plan_is_for_a_cpu_on_any_device():
    cpu, gpu = (
        task_plan("Spleen", Preset.TINY, device=Device(name))
        for name in ("cpu", "cuda:0")
    )
    assert cpu == gpu


def test_structures_that_random_patches_miss_are_named():
    reasons = dict(task_plan("Lung").reasons)
    assert LABELS.names[1] in reasons["small structures"]
    nowhere = dict(task_plan("Lung", foreground_share=0.0).reasons)
    assert "no patches are drawn round them" in nowhere["small structures"]
    assert "small structures" not in dict(task_plan("Hippocampus").reasons)


def test_nnunets_count_of_features_is_reproduced():
    """Of dynamic-network-architectures 0.4.4, one class instead of three."""
    widths = (32, 64, 128, 256, 320, 320)
    strides = ((1, 1, 1), *((2, 2, 2),) * 5)
    features = features_of(Architecture.RESIDUAL_UNET, (128, 128, 128), strides, widths)
    assert features == 557_420_544 - 3 * 128**3
    assert blocks_of(Architecture.RESIDUAL_UNET, 6) == (1, 3, 4, 6, 6, 6)


def test_features_are_the_outputs_of_the_unets_convolutions():
    counted = 0

    def count(_module, _inputs, output):
        nonlocal counted
        counted += output[0].numel()

    network = build_network(TINY_PLAN)
    for module in network.modules():
        is_convolution = isinstance(module, torch.nn.Conv3d | torch.nn.ConvTranspose3d)
        if is_convolution and module.out_channels != 3:
            module.register_forward_hook(count)
    network(torch.zeros(1, 1, *TINY_PLAN.patch_shape))
    assert counted == features_of(
        Architecture.UNET, TINY_PLAN.patch_shape, TINY_PLAN.strides, TINY_PLAN.widths
    )
