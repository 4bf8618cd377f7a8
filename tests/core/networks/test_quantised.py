"""Layers and U-Nets of 8-bit integers, against the formulas in floating point."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from medseg import ReadyModel, load_model, segment
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.plan import Architecture
from medseg.core.settings import Device, InferenceSettings, Precision
from medseg.inference import devices, resolved_dtype
from medseg.networks import build_network, inference_form, slabs
from medseg.networks.in_place import Workspace
from medseg.networks.instance_norm import FastInstanceNorm3d
from medseg.networks.passes import Passes
from medseg.networks.quantised import (
    Quantised,
    QuantisedActivation,
    QuantisedConvolution,
)
from medseg.networks.quantised_unet import QuantisedUNet
from tests.core.making import TINY_PLAN, save_untrained, volume_of
from tests.core.networks.either_way import COMPILED_OR_NOT, EITHER_WAY, needs_vnni
from tests.core.networks.test_architectures import FLAT, RESIDUAL
from tests.core.networks.test_inference_form import (
    CPU,
    gently_normed,
    images,
    learnt,
)

LAST = torch.channels_last_3d
CPU_ALONE = Device("cpu")
BFLOAT16_ROUNDING = 2**-8


@pytest.fixture
def thin_slabs(monkeypatch):
    """One plane a slab, so that every cut is tried."""
    monkeypatch.setattr(slabs, "_SLAB_VALUES", 1)


def random_features(channels, sizes, zero, steps, seed=0):
    """Codes with the planes of zeros at either end, as activations write them."""
    i, j, k = sizes
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 256, (1, channels, i + 2, j, k), generator=generator)
    codes[:, :, [0, -1]] = zero
    packed = codes.to(torch.uint8).contiguous(memory_format=LAST)
    return Quantised(packed, zero, 1.0, steps, are_fixed=False)


def whole_weights(outputs, inputs, kernel):
    """Weights that are whole parts of 127, so that rounding changes none."""
    generator = torch.Generator().manual_seed(2)
    shape = outputs, inputs, *kernel
    weight = torch.randint(-127, 128, shape, generator=generator).float()
    weight[:, 0, 0, 0, 0] = 127
    return weight / 127


@needs_vnni
@pytest.mark.usefixtures("thin_slabs")
@settings(max_examples=40, deadline=None)
@given(
    channels=st.integers(2, 40),
    outputs=st.integers(2, 40),
    sizes=st.tuples(*[st.integers(1, 9)] * 3),
    kernel=st.tuples(*[st.sampled_from((1, 3))] * 3),
    stride=st.tuples(*[st.sampled_from((1, 2))] * 3),
    zero=st.integers(0, 127),
)
def test_a_convolution_of_codes_is_that_of_what_they_stand_for(
    channels, outputs, sizes, kernel, stride, zero
):
    padding = [edge // 2 for edge in kernel]
    features = random_features(channels, sizes, zero, torch.full((channels,), 0.02))
    weight = whole_weights(outputs, channels, kernel)
    layer = QuantisedConvolution(weight, stride, padding)
    workspace = Workspace(torch.bfloat16, Passes())
    result = torch.zeros(layer.shape_after(features))
    for planes, slab in layer.parts(features, workspace):
        result[:, :, planes] = slab.float()
    values = features.values(torch.float64)
    expected = functional.conv3d(values, weight.double(), None, stride, padding)
    largest = expected.abs().max()
    torch.testing.assert_close(
        result.double(), expected, rtol=BFLOAT16_ROUNDING, atol=1e-5 * float(largest)
    )


@needs_vnni
def test_steps_of_channels_go_into_the_weights():
    steps = torch.tensor([0.001, 0.02, 1.5])
    features = random_features(3, (4, 5, 6), 7, steps)
    weight = whole_weights(8, 3, (3, 3, 3))
    layer = QuantisedConvolution(weight, (1, 1, 1), (1, 1, 1))
    ((_, result),) = layer.parts(features, Workspace(torch.bfloat16, Passes()))
    expected = functional.conv3d(
        features.values(torch.float64), weight.double(), padding=1
    )
    assert (result - expected).norm() / expected.norm() < 0.01


@needs_vnni
@pytest.mark.parametrize("channels", [6, 16, 208])
@pytest.mark.parametrize("slope", [0.01, 0.2])
@EITHER_WAY
def test_an_activation_is_right_within_half_a_step_and_two_roundings(
    channels, slope, passes
):
    generator = torch.Generator().manual_seed(2)
    given = torch.randn(1, channels, 8, 9, 10, generator=generator)
    given = (given**3 * 4 - 50).to(torch.bfloat16).contiguous(memory_format=LAST)
    norm = FastInstanceNorm3d(channels)
    for numbers in norm.parameters():
        numbers.data = torch.randn(numbers.shape, generator=generator)
    expected = functional.leaky_relu(norm(given.double()), slope).detach()
    activation = QuantisedActivation(norm, slope)
    workspace = Workspace(torch.bfloat16, passes())
    statistics = activation.statistics(workspace)
    statistics.take_all(given)
    found = activation(given.clone(), statistics, workspace)
    steps = (found.units * found.step).double().view(1, -1, 1, 1, 1)
    # which are no coarser than the channel's highest value and 4 SDs want, or those of
    # the one that reaches farthest where many share a factor
    highest = expected.amax((2, 3, 4)).clamp_min(0).flatten()
    usual = (4 * norm.weight.abs() + norm.bias.abs()).detach().double()
    reach = torch.maximum(highest, usual)
    if channels > 128:
        reach = usual * (reach / usual).max()
    torch.testing.assert_close(
        steps.flatten() * (253 - found.zero), reach, rtol=0.02, atol=0
    )
    error = (found.values(torch.float64) - expected).abs()
    lowest = -found.zero * steps
    # rounded to bfloat16 behind the norm and behind the activation
    rounding = torch.maximum(expected.abs(), expected - lowest) * BFLOAT16_ROUNDING
    inside = expected > lowest
    assert (error <= 0.51 * steps + 2 * rounding)[inside].all()
    assert (found.codes[:, :, [0, -1]] == found.zero).all()
    assert found.codes[:, :, 1:-1].max() > 200


@needs_vnni
@pytest.mark.usefixtures("thin_slabs")
@pytest.mark.parametrize("plan", [TINY_PLAN, FLAT], ids=["cubic", "flat"])
@pytest.mark.parametrize("has_bias", [False, True], ids=["plain", "upsampling bias"])
@COMPILED_OR_NOT
def test_logits_of_a_u_net_are_close_window_by_window(plan, has_bias, compiled):
    plan = replace(plan, architecture=Architecture.UNET, upsampling_bias=has_bias)
    plan = replace(plan, widths=tuple(8 * (n + 1) for n in range(len(plan.widths))))
    network = gently_normed(learnt(build_network(plan)))
    form = inference_form(network, CPU, torch.int8, compiled=compiled)
    assert isinstance(form, QuantisedUNet)
    for batch in (1, 3):
        image = images(plan, batch)
        with torch.no_grad():
            expected = network(image)
        logits = form(image)
        assert logits.dtype is torch.bfloat16
        assert (logits.float() - expected).norm() / expected.norm() < 0.06


@needs_vnni
@pytest.mark.parametrize("louder", [1.0, 100.0])
def test_a_loud_channel_among_many_does_not_drown_the_others(louder):
    """As loud as a norm makes it, and as quiet as what takes it does."""
    plan = replace(TINY_PLAN, architecture=Architecture.UNET)
    plan = replace(plan, widths=tuple(160 for _ in plan.widths))
    network: Any = gently_normed(build_network(plan).eval())
    with torch.no_grad():
        for block in (network.input_block, *network.downsamples, network.bottleneck):
            block.norm1.weight[0] *= louder
            block.conv2.conv.weight[:, 0] /= louder
    form = inference_form(network, CPU, torch.int8, compiled=False)
    with torch.no_grad():
        expected = network(images(plan))
    for _ in range(2):
        logits = form(images(plan)).float()
        assert (logits - expected).norm() / expected.norm() < 0.04


@needs_vnni
def test_levels_that_do_not_fit_are_refused():
    form = inference_form(
        build_network(TINY_PLAN).eval(), CPU, torch.int8, compiled=False
    )
    with pytest.raises(ValueError, match="into"):
        form(torch.zeros(1, 1, 16, 12, 7))


@needs_vnni
@pytest.mark.parametrize("network", [build_network(RESIDUAL), nn.Conv3d(1, 2, 1)])
def test_other_networks_are_refused_with_what_to_do(network):
    with pytest.raises(WrongUse, match="plain U-Nets") as caught:
        inference_form(network, CPU, torch.int8, compiled=False)
    assert caught.value.code is ErrorCode.INVALID_OPTION
    assert caught.value.remedy == "Use auto."


@pytest.mark.parametrize(
    ("device", "is_able", "who"),
    [("cpu", False, "this processor"), ("cuda:0", True, "GPUs")],
)
def test_a_gpu_and_an_old_processor_are_refused(monkeypatch, device, is_able, who):
    monkeypatch.setattr(devices, "can_quantise", lambda: is_able)
    with pytest.raises(WrongUse, match=f"AVX-512 VNNI, not for {who}") as caught:
        resolved_dtype(Precision.INT8, torch.device(device))
    assert caught.value.code is ErrorCode.INVALID_OPTION


@needs_vnni
def test_a_model_of_another_network_is_refused_before_a_scan_is_there(tmp_path):
    model = load_model(save_untrained(RESIDUAL, tmp_path / "model"))
    with pytest.raises(WrongUse, match="plain U-Nets"):
        ReadyModel(model, InferenceSettings(precision=Precision.INT8, device=CPU_ALONE))


@needs_vnni
def test_a_scan_is_segmented_in_it_and_the_result_says_so(tmp_path):
    model = load_model(save_untrained(TINY_PLAN, tmp_path / "model"))
    noise = np.random.default_rng(0).normal(0, 1, (1, 20, 20, 20)).astype(np.float32)
    scan = volume_of(noise, channels=TINY_PLAN.channels)
    settings = InferenceSettings(precision=Precision.INT8, device=CPU_ALONE)
    short = segment(scan, model, settings)
    exact = segment(scan, model, replace(settings, precision=Precision.FLOAT32))
    assert short.provenance is not None
    assert "int8" in str(short.provenance)
    assert (short.array == exact.array).mean() > 0.95
