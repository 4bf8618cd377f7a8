"""Every architecture behind the plan: shapes, levels, and what nnU-Net's network is."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from medseg.core.plan import TRAINED_ARCHITECTURES, Architecture, Plan
from medseg.networks import build_network, encoder_parameters, parameter_count
from medseg.networks import supervised as with_heads
from medseg.networks.levels import LevelNetwork, cropped_to, padded_to
from medseg.networks.pyramids import Enlarged
from tests.core.making import TINY_PLAN

FLAT = replace(
    TINY_PLAN,
    patch_shape=(24, 8, 6),
    widths=(4, 8, 16, 16),
    blocks=(2,) * 4,
    kernels=((3, 3, 1), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    strides=((1, 1, 1), (2, 2, 1), (2, 2, 2), (2, 1, 1)),
)
RESIDUAL = replace(FLAT, architecture=Architecture.RESIDUAL_UNET, blocks=(1, 3, 2, 2))
RESENC_128 = replace(
    TINY_PLAN,
    architecture=Architecture.RESIDUAL_UNET,
    patch_shape=(128, 128, 128),
    widths=(32, 64, 128, 256, 320, 320),
    blocks=(1, 3, 4, 6, 6, 6),
    kernels=((3, 3, 3),) * 6,
    strides=((1, 1, 1), *((2, 2, 2),) * 5),
)


def noise(plan: Plan, batch=1) -> torch.Tensor:
    shape = batch, len(plan.channels), *plan.patch_shape
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("plan", [TINY_PLAN, FLAT], ids=["cubic", "flat"])
@pytest.mark.parametrize("architecture", TRAINED_ARCHITECTURES)
def test_every_architecture_learns_on_the_plans_patch(architecture, plan):
    network = build_network(replace(plan, architecture=architecture))
    logits = network(noise(plan))
    assert logits.shape == (1, 3, *plan.patch_shape)
    logits.square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert not any(
        isinstance(module, nn.InstanceNorm3d) and module.affine
        for module in network.modules()
    )


@pytest.mark.parametrize("architecture", TRAINED_ARCHITECTURES)
def test_the_way_down_is_some_of_the_parameters(architecture):
    network = build_network(replace(TINY_PLAN, architecture=architecture))
    names = [name for name, _ in network.named_parameters()]
    frozen = encoder_parameters(network)
    assert 0 < len(frozen) < len(names)
    assert {*frozen} < {*names}
    assert not any("head" in name or name.startswith("out") for name in frozen)


def test_gradients_are_right_in_bfloat16_where_levels_have_edges_of_two():
    plan = replace(
        TINY_PLAN,
        architecture=Architecture.SEGRESNET,
        patch_shape=(8, 8, 8),
        widths=(8, 16, 32),
    )
    network = build_network(plan)
    for _ in range(4):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            network(noise(plan)).float().square().mean().backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        assert all(each is not None and each.abs().max() < 1e3 for each in gradients)


def test_an_unknown_network_has_no_way_down():
    assert encoder_parameters(nn.Conv3d(1, 1, 1)) == ()


@pytest.mark.parametrize(
    "architecture", [Architecture.UNET, Architecture.RESIDUAL_UNET]
)
def test_supervision_adds_a_head_a_level_but_for_the_coarsest(architecture):
    plan = replace(FLAT, architecture=architecture)
    network = build_network(plan).eval()
    deep = with_heads(network, plan, deep=True)
    logits = deep(noise(plan))
    assert [tuple(level.shape) for level in logits] == [
        (1, 3, 24, 8, 6),
        (1, 3, 12, 4, 6),
    ]
    torch.testing.assert_close(logits[0], network(noise(plan)))
    assert deep.network is network
    assert {*network.state_dict()} == {
        name.removeprefix("network.")
        for name in deep.state_dict()
        if not name.startswith("heads.")
    }


@pytest.mark.parametrize("architecture", TRAINED_ARCHITECTURES)
def test_without_supervision_there_is_one_level(architecture):
    plan = replace(FLAT, architecture=architecture)
    (logits,) = with_heads(build_network(plan), plan, deep=False)(noise(plan))
    assert logits.shape == (1, 3, *plan.patch_shape)


@pytest.mark.parametrize("architecture", TRAINED_ARCHITECTURES)
def test_coarser_levels_are_halves_where_there_are_levels(architecture):
    plan = replace(FLAT, architecture=architecture, patch_shape=(16, 16, 8))
    network = build_network(plan)
    _, *coarser = with_heads(network, plan, deep=True)(noise(plan))
    assert bool(coarser) == isinstance(network, LevelNetwork)
    assert all(level.shape[2:4] == (8, 8) for level in coarser)


@settings(deadline=None, max_examples=20)
@given(
    st.tuples(*[st.integers(1, 9)] * 3), st.integers(1, 8), st.integers(0, 2**31 - 1)
)
def test_filling_up_repeats_the_edge_and_cropping_undoes_it(shape, multiple, seed):
    image = torch.randn((1, 2, *shape), generator=torch.Generator().manual_seed(seed))
    filled = padded_to(image, multiple)
    assert all(edge % multiple == 0 for edge in filled.shape[2:])
    assert all(a - b < multiple for a, b in zip(filled.shape[2:], shape, strict=True))
    assert torch.equal(cropped_to(filled, image.shape[2:]), image)
    assert torch.equal(filled[:, :, -1, -1, -1], image[:, :, -1, -1, -1])


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_enlarging_begins_as_linear_interpolation(factor):
    coarse = torch.randn(1, 2, 5, 6, 4, generator=torch.Generator().manual_seed(0))
    result = Enlarged(2, (factor, factor, factor))(coarse)
    expected = functional.interpolate(
        coarse, scale_factor=factor, mode="trilinear", align_corners=False
    )
    inner = (..., *(slice(factor, -factor),) * 3)
    torch.testing.assert_close(result[inner], expected[inner])


def test_the_residual_unet_has_nnunets_number_of_parameters():
    with torch.device("meta"):
        network = build_network(RESENC_128)
    coarse_heads = sum(width * 3 + 3 for width in (320, 256, 128, 64))
    nnunets = 102_350_575  # ResidualEncoderUNet of dynamic-network-architectures 0.4.4
    assert parameter_count(network) == nnunets - coarse_heads


def test_the_residual_unets_parameters_bear_nnunets_names():
    names = {name for name, _ in build_network(RESIDUAL).named_parameters()}
    assert {
        "encoder.stem.convs.0.conv.bias",
        "encoder.stages.1.blocks.0.conv1.norm.weight",
        "encoder.stages.1.blocks.0.skip.1.conv.weight",  # after the pooling
        "encoder.stages.1.blocks.2.conv2.conv.weight",
        "decoder.transpconvs.0.bias",
        "decoder.stages.2.convs.0.norm.bias",
        "head.weight",
    } <= names
    assert "encoder.stages.3.blocks.0.skip.1.conv.weight" not in names  # same width


def test_the_residual_unet_is_its_plain_restatement():
    network = build_network(RESIDUAL)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0.1, 0.3, generator=generator)
    image = noise(RESIDUAL, batch=2)
    torch.testing.assert_close(
        network(image),
        restated(dict(network.named_parameters()), image),
        atol=1e-3,
        rtol=1e-3,
    )


def restated(weights: dict[str, torch.Tensor], image: torch.Tensor) -> torch.Tensor:
    """The residual-encoder U-Net, written from its description."""

    def conv_norm(x, name, stride=(1, 1, 1)):
        weight = weights[f"{name}.conv.weight"]
        x = functional.conv3d(
            x,
            weight,
            weights.get(f"{name}.conv.bias"),
            stride,
            [edge // 2 for edge in weight.shape[2:]],
        )
        scale, shift = weights[f"{name}.norm.weight"], weights[f"{name}.norm.bias"]
        return functional.instance_norm(x, weight=scale, bias=shift, eps=1e-5)

    def active(x):
        return functional.leaky_relu(x, 0.01)

    def block(x, name, stride):
        skip = x
        if stride != (1, 1, 1):
            skip = functional.avg_pool3d(skip, stride, stride)
        for place in "01":
            if f"{name}.skip.{place}.conv.weight" in weights:
                skip = conv_norm(skip, f"{name}.skip.{place}")
        x = active(conv_norm(x, f"{name}.conv1", stride))
        return active(conv_norm(x, f"{name}.conv2") + skip)

    x = active(conv_norm(image, "encoder.stem.convs.0"))
    levels = []
    for level, (stride, blocks) in enumerate(
        zip(RESIDUAL.strides, RESIDUAL.blocks, strict=True)
    ):
        for n in range(blocks):
            step = stride if n == 0 else (1, 1, 1)
            x = block(x, f"encoder.stages.{level}.blocks.{n}", step)
        levels.append(x)
    for n, skip in enumerate(reversed(levels[:-1])):
        up = f"decoder.transpconvs.{n}"
        stride = RESIDUAL.strides[-1 - n]
        x = functional.conv_transpose3d(
            x, weights[f"{up}.weight"], weights[f"{up}.bias"], stride
        )
        x = torch.cat((x, skip), 1)
        x = active(conv_norm(x, f"decoder.stages.{n}.convs.0"))
    return functional.conv3d(x, weights["head.weight"], weights["head.bias"])


def test_a_residual_block_begins_as_its_skip():
    network = build_network(RESIDUAL)
    features = torch.rand(1, 4, 6, 6, 6)
    block = network.get_submodule("encoder.stages.0.blocks.0")
    torch.testing.assert_close(block(features), features)


def test_a_unet_of_other_than_two_convolutions_is_refused():
    with pytest.raises(ValueError, match="2 convolutions"):
        build_network(replace(TINY_PLAN, blocks=(1, 2, 2)))
