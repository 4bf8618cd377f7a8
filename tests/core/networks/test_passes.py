"""Passes over features, against the formulas in double precision."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from medseg.networks.fused_passes import FusedPasses, fused_passes
from medseg.networks.passes import Activation, Passes
from tests.core.networks.either_way import EITHER_WAY, needs_compiler

LAST = torch.channels_last_3d
ENDS = torch.amin, torch.amax
BFLOAT16_ROUNDING = 2**-8
SIZES = st.tuples(*[st.integers(1, 9)] * 3)
CHANNELS = st.sampled_from((1, 5, 16, 32, 48, 320))
SPREADS = st.sampled_from((0.0, 0.01, 1.0, 100.0))


def features_of(channels, sizes, *, mean=0.0, spread=1.0, seed=0):
    """Noise in bfloat16, each channel about a mean of its own."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, channels, *sizes, generator=generator) * spread
    means = torch.randn(1, channels, 1, 1, 1, generator=generator) * mean
    return (noise + means).to(torch.bfloat16).contiguous(memory_format=LAST)


def activation_of(channels, slope, seed=3):
    generator = torch.Generator().manual_seed(seed)
    mean, weight, bias = torch.randn(3, channels, generator=generator)
    return Activation(
        mean=mean,
        variance=torch.rand(channels, generator=generator),
        weight=weight * 20,
        bias=bias,
        eps=1e-5,
        slope=slope,
    )


def activated(features, activation):
    statistics = activation.mean.double(), activation.variance.double()
    numbers = activation.weight.double(), activation.bias.double()
    normed = functional.batch_norm(
        features.double(), *statistics, *numbers, eps=activation.eps
    )
    return functional.leaky_relu(normed, activation.slope)


def assert_found(found, features):
    exact = features.double()
    spread, mean = torch.var_mean(exact, (0, 2, 3, 4), correction=0)
    assert found.planes == features.shape[2]
    largest = exact.abs().amax((0, 2, 3, 4))
    assert ((found.mean - mean).abs() <= 1e-5 * largest + 1e-12).all()
    assert ((found.variance - spread).abs() <= 1e-4 * spread + 1e-10 * largest**2).all()
    lowest, highest = found.ends
    assert torch.equal(lowest.double(), exact.amin((0, 2, 3, 4)))
    assert torch.equal(highest.double(), exact.amax((0, 2, 3, 4)))


@EITHER_WAY
@settings(max_examples=60, deadline=None)
@given(channels=CHANNELS, sizes=SIZES, mean=SPREADS, spread=SPREADS)
def test_each_channel_of_a_slab_is_described(passes, channels, sizes, mean, spread):
    features = features_of(channels, sizes, mean=mean, spread=spread)
    assert_found(passes().found(features, ENDS), features)
    assert passes().found(features, ()).ends == ()


@EITHER_WAY
@settings(max_examples=30, deadline=None)
@given(channels=CHANNELS, sizes=SIZES, planes=st.integers(0, 4))
def test_a_slab_is_copied_to_its_place_and_nowhere_else(
    passes, channels, sizes, planes
):
    slab = features_of(channels, sizes)
    whole = features_of(channels, (sizes[0] + 2 * planes, *sizes[1:]), seed=1)
    expected = whole.clone()
    inner = slice(planes, planes + sizes[0])
    expected[:, :, inner] = slab
    assert_found(passes().stored(slab, whole[:, :, inner], ENDS), slab)
    assert torch.equal(whole, expected)


@EITHER_WAY
@settings(max_examples=30, deadline=None)
@given(channels=CHANNELS, sizes=SIZES, planes=st.integers(0, 4))
def test_a_slab_is_added_at_its_place_and_nowhere_else(passes, channels, sizes, planes):
    slab = features_of(channels, sizes)
    whole = features_of(channels, (sizes[0] + 2 * planes, *sizes[1:]), seed=1)
    expected = whole.clone()
    inner = slice(planes, planes + sizes[0])
    expected[:, :, inner] += slab
    found = passes().added(slab, whole[:, :, inner], ENDS)
    assert torch.equal(whole, expected)
    assert_found(found, expected[:, :, inner])


@EITHER_WAY
@settings(max_examples=30, deadline=None)
@given(channels=CHANNELS, sizes=SIZES, slope=st.sampled_from((0.01, 0.2, 1.0)))
def test_an_activation_overwrites_features_within_its_roundings(
    passes, channels, sizes, slope
):
    features = features_of(channels, sizes)
    activation = activation_of(channels, slope)
    expected = activated(features, activation)
    passes().activate(features, activation)
    allowed = 2 * BFLOAT16_ROUNDING * expected.abs() + 1e-4  # norm, then leaky ReLU
    assert ((features - expected).abs() <= allowed).all()


@needs_compiler
@settings(max_examples=30, deadline=None)
@given(
    channels=st.sampled_from((16, 64)), sizes=SIZES, slope=st.sampled_from((0.01, 0.5))
)
def test_compiled_codes_are_those_of_the_nearest_whole_numbers(channels, sizes, slope):
    features = features_of(channels, sizes)
    activation = activation_of(channels, slope)
    shape = 1, channels, sizes[0] + 2, *sizes[1:]
    whole = torch.full(shape, 77, dtype=torch.uint8).contiguous(memory_format=LAST)
    codes = whole[:, :, 1:-1]
    compiled().encode(features, activation, 9, codes)
    assert (whole[:, :, [0, -1]] == 77).all()
    expected = (activated(features, activation) + 9).clamp(0, 255)
    assert ((codes - expected).abs() <= 0.5 + 1e-3).all()
    assert len(codes.unique()) > min(features.numel() // 40, 100)


@needs_compiler
def test_compiled_codes_lean_neither_up_nor_down():
    features = features_of(16, (40, 40, 40))
    activation = activation_of(16, 0.01)
    codes = torch.empty_like(features, dtype=torch.uint8)
    compiled().encode(features, activation, 9, codes)
    expected = activated(features, activation) + 9
    inside = (expected > 10) & (expected < 254)  # all slopes below 0 become one code
    assert abs(float((codes - expected)[inside].mean())) < 0.02


@EITHER_WAY
def test_statistics_of_a_million_voxels_far_from_0_are_exact(passes):
    features = features_of(16, (100, 101, 101), spread=0.5) + 10
    assert_found(passes().found(features, ENDS), features)


@EITHER_WAY
@pytest.mark.parametrize("lost", [float("nan"), float("inf")])
def test_what_is_no_number_shows_in_the_statistics(passes, lost):
    features = features_of(16, (4, 5, 6))
    features[0, 3, 2, 2, 2] = lost
    found = passes().found(features, ())
    assert not found.variance[3].isfinite()
    assert found.variance.isfinite().sum() == 15


@needs_compiler
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("sizes", [(1, 1, 5), (5, 41, 43)])
def test_compiled_passes_take_any_number_of_threads(threads, sizes, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    features, activation = features_of(32, sizes), activation_of(32, 0.01)
    assert_found(compiled().found(features, ENDS), features)
    place = features_of(32, sizes, seed=1)
    total = place + features
    assert_found(compiled().added(features, place, ENDS), total)
    assert torch.equal(place, total)
    assert_found(compiled().stored(features, place, ENDS), features)
    assert torch.equal(place, features)
    expected = activated(features, activation)
    codes = torch.empty_like(features, dtype=torch.uint8)
    compiled().encode(features, activation, 9, codes)
    assert ((codes - (expected + 9).clamp(0, 255)).abs() <= 0.5 + 1e-3).all()
    compiled().activate(features, activation)
    assert ((features - expected).abs() <= 0.01 * expected.abs() + 1e-4).all()


@EITHER_WAY
def test_a_sum_far_from_0_of_a_slab_near_it_is_described(passes):
    slab = features_of(16, (4, 41, 43), spread=0.01)
    place = features_of(16, (4, 41, 43), spread=0.5, seed=1) + 100
    total = place + slab
    assert_found(passes().added(slab, place, ENDS), total)


@needs_compiler
@pytest.mark.parametrize("form", [torch.contiguous_format, LAST])
def test_other_layouts_and_number_formats_are_left_to_pytorch(form):
    features = torch.randn(1, 16, 3, 4, 5).contiguous(memory_format=form)
    strided = features_of(32, (3, 4, 5))[:, ::2]
    for each in (features, features.to(torch.bfloat16), strided):
        assert_found(compiled().found(each, ENDS), each)
        activation = activation_of(16, 0.01)
        expected, overwritten = each.clone(), each.clone()
        Passes().activate(expected, activation)
        compiled().activate(overwritten, activation)
        torch.testing.assert_close(overwritten, expected, rtol=0.02, atol=0.02)


def compiled() -> FusedPasses:
    passes = fused_passes()
    assert passes is not None
    return passes
