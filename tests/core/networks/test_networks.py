"""The U-Net and its instance norm, against PyTorch's own."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from medseg.networks import FastInstanceNorm3d, build_network, parameter_count
from tests.core.making import TINY_PLAN


def norms(channels=3) -> tuple[FastInstanceNorm3d, nn.InstanceNorm3d]:
    """Both norms with the same weights, none of them 1 or 0."""
    fast, plain = FastInstanceNorm3d(channels), nn.InstanceNorm3d(channels, affine=True)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for mine, theirs in zip(fast.parameters(), plain.parameters(), strict=True):
            theirs.copy_(torch.randn(channels, generator=generator))
            mine.copy_(theirs)
    return fast, plain


def features(dtype=torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(2, 3, 5, 6, 7, generator=generator) * 4 + 2).to(dtype)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_the_fast_norm_is_pytorchs_in_both_its_forms(layout):
    fast, plain = norms()
    given = features().contiguous(memory_format=layout)
    expected = plain(given)
    with_gradients = fast(given)
    with torch.no_grad():
        without_gradients = fast(given)
    torch.testing.assert_close(with_gradients, expected)
    torch.testing.assert_close(without_gradients, expected)
    for result in (with_gradients, without_gradients):
        assert result.is_contiguous(memory_format=layout)


def test_the_fast_norms_gradients_are_pytorchs():
    fast, plain = norms()
    gradients = []
    for norm in (fast, plain):
        given = features().requires_grad_()
        (norm(given) ** 3).mean().backward()
        gradients.append([given.grad, *(p.grad for p in norm.parameters())])
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_the_fast_norm_keeps_bfloat16_and_is_close_in_it():
    fast, plain = norms()
    expected = plain(features())
    for is_training in (True, False):
        with torch.set_grad_enabled(is_training):
            result = fast(features(torch.bfloat16))
        assert result.dtype == torch.bfloat16
        torch.testing.assert_close(result.float(), expected, rtol=0.02, atol=0.05)


def test_a_single_voxel_is_its_own_mean():
    fast, _ = norms()
    given = torch.full((1, 3, 1, 1, 1), 7.0)
    for is_training in (True, False):
        with torch.set_grad_enabled(is_training):
            result = fast(given).flatten()
        torch.testing.assert_close(result, fast.bias, rtol=0, atol=1e-3)


def test_the_network_maps_channels_to_background_and_structures():
    plan = replace(
        TINY_PLAN, channels=("T1", "T2"), normalisation=TINY_PLAN.normalisation * 2
    )
    network = build_network(plan)
    assert network(torch.zeros(2, 2, 16, 12, 8)).shape == (2, 3, 16, 12, 8)
    assert not any(isinstance(m, nn.InstanceNorm3d) for m in network.modules())


def test_flat_kernels_and_strides_are_followed():
    plan = replace(
        TINY_PLAN,
        kernels=((3, 3, 1), (3, 3, 1), (3, 3, 3)),
        strides=((1, 1, 1), (2, 2, 1), (2, 2, 1)),
        patch_shape=(8, 8, 5),
    )
    assert build_network(plan)(torch.zeros(1, 1, 8, 8, 5)).shape == (1, 3, 8, 8, 5)


def test_every_part_of_the_network_learns():
    network = build_network(TINY_PLAN)
    network(torch.randn(1, 1, 16, 12, 8)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_the_hippocampus_network_has_about_1_36_million_parameters():
    network = build_network(replace(TINY_PLAN, widths=(32, 64, 128)))
    assert parameter_count(network) == pytest.approx(1.36e6, rel=0.01)
