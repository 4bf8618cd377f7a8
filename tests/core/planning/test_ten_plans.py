"""Plans of the ten decathlon tasks beside nnU-Net's, and plans for a memory."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import medseg
from medseg import ErrorCode, Fingerprint, Preset, WrongUse
from medseg.core.plan import (
    TRAINED_ARCHITECTURES,
    Architecture,
    IntensityStatistics,
    NormalisationKind,
)
from medseg.networks import build_network
from medseg.planning import make_plan
from medseg.planning.budget import blocks_of, features_of
from tests.core.making import LABELS, TINY_PLAN, shapes, spacings

STATISTICS = IntensityStatistics(
    mean=0.0, sd=1.0, percentile_00_5=-2.0, percentile_99_5=2.0
)
# Channels, median shape and usual spacing of the scans, the spacing along S of the
# finest tenth; then nnU-Net's patch and spacing as in MONAI's dynunet_pipeline.
TASKS = {
    "BrainTumour": (4, (138, 170, 138), (1.0, 1.0, 1.0), 1.0, (128, 128, 128)),
    "Heart": (1, (320, 232, 115), (1.25, 1.25, 1.37), 1.37, (160, 192, 80)),
    "Liver": (1, (512, 512, 432), (0.77, 0.77, 1.0), 1.0, (128, 128, 128)),
    "Hippocampus": (1, (36, 50, 35), (1.0, 1.0, 1.0), 1.0, (40, 56, 40)),
    "Prostate": (2, (320, 319, 20), (0.62, 0.62, 3.6), 3.6, (320, 256, 20)),
    "Lung": (1, (512, 512, 252), (0.79, 0.79, 1.24), 1.24, (192, 160, 80)),
    "Pancreas": (1, (512, 512, 93), (0.8, 0.8, 2.5), 2.5, (224, 224, 40)),
    "HepaticVessel": (1, (512, 512, 49), (0.8, 0.8, 5.0), 1.5, (192, 192, 64)),
    "Spleen": (1, (512, 512, 90), (0.79, 0.79, 5.0), 1.6, (192, 160, 64)),
    "Colon": (1, (512, 512, 95), (0.78, 0.78, 5.0), 3.0, (192, 160, 56)),
}
CT = {"Liver", "Lung", "Pancreas", "HepaticVessel", "Spleen", "Colon"}


def task_fingerprint(name) -> Fingerprint:
    """Eleven scans of one shape and extent, two of them with the finest slices."""
    channels, (r, a, s), (r_mm, a_mm, s_mm), finest_mm, _ = TASKS[name]
    slices_mm = [finest_mm] * 2 + [s_mm] * 9
    return Fingerprint(
        spacings_mm=tuple((r_mm, a_mm, each) for each in slices_mm),
        shapes=tuple((r, a, round(s * s_mm / each)) for each in slices_mm),
        intensities=(STATISTICS,) * channels,
        structure_volumes_ml=(20.0, 1.0),
    )


def task_plan(name, preset=Preset.STANDARD, **options):
    channels = ("CT",) if name in CT else tuple("abcd"[: TASKS[name][0]])
    return make_plan(task_fingerprint(name), channels, LABELS, preset, **options)


@pytest.mark.parametrize("name", TASKS)
def test_the_standard_plan_is_of_nnunets_spacing_and_size(name):
    plan = task_plan(name)
    *_, finest_mm, nnunets_patch = TASKS[name]
    assert plan.spacing_mm == pytest.approx((*TASKS[name][2][:2], finest_mm))
    # nnU-Net 1 chose some of these: version 2 has 128 x 160 x 128 for the brain, and
    # fits the rest more tightly into the same memory
    ratio = math.prod(plan.patch_shape) / math.prod(nnunets_patch)
    assert 0.95 <= ratio <= 1.3
    assert all(
        0.75 <= ours / theirs <= 1.25
        for ours, theirs in zip(plan.patch_shape, nnunets_patch, strict=True)
    )
    assert plan.widths == tuple(min(320, 32 * 2**n) for n in range(len(plan.widths)))
    kind = NormalisationKind.CT if name in CT else NormalisationKind.Z_SCORE
    assert {how.kind for how in plan.normalisation} == {kind}


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
    plan = make_plan(fingerprint, shipped.channels, shipped.labels, Preset.TINY)
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
    plan = make_plan(
        fingerprint, ("CT",), LABELS, preset, architecture=architecture, memory_gib=gib
    )
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
    batches = [
        make_plan(each, ("MRI",), LABELS, Preset.STANDARD).batch_size
        for each in (small, large)
    ]
    assert batches[0] == 2
    assert batches[1] == 9  # as nnU-Net has it for the whole of this task


def test_structures_that_random_patches_miss_are_named():
    reasons = dict(task_plan("Lung").reasons)
    assert LABELS.names[1] in reasons["small structures"]
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
