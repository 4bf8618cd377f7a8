"""The quick form of each network, against the network itself."""

from dataclasses import replace
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.nets.dynunet import DynUNet
from torch import nn

from medseg.core.plan import Architecture, Plan
from medseg.networks import build_network, can_write_in_place, inference_form
from medseg.networks.channel_norm import ChannelNorm
from medseg.networks.in_place import InPlaceNorm, Workspace
from medseg.networks.in_place_unet import InPlaceUNet
from medseg.networks.instance_norm import FastInstanceNorm3d
from medseg.networks.passes import Passes
from tests.core.making import TINY_PLAN
from tests.core.networks.either_way import needs_compiler
from tests.core.networks.test_architectures import FLAT, RESIDUAL

CPU = torch.device("cpu")
BUILT = [kind for kind in Architecture if kind is not Architecture.MONAI]
needs_bfloat16 = pytest.mark.skipif(
    not can_write_in_place(torch.bfloat16), reason="this CPU has no bfloat16"
)
needs_onednn = pytest.mark.skipif(
    not can_write_in_place(torch.float32), reason="torch comes without oneDNN"
)


def images(plan: Plan, batch=1) -> torch.Tensor:
    shape = batch, len(plan.channels), *plan.patch_shape
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def learnt(network: nn.Module) -> nn.Module:
    """The network with no norm or bias left at its start of 1 or 0."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return network.eval()


def gently_normed(network: nn.Module) -> nn.Module:
    """The network with norms that never enlarge a rounding error.

    Of a few voxels that happen to be nearly equal the usual norm enlarges it by up to
    1 / sqrt(eps), 300 times, and the next norm as much again.
    """
    for layer in network.modules():
        if isinstance(layer, FastInstanceNorm3d):
            layer.eps = 1.0
    return network


def exact_form(network: nn.Module) -> nn.Module:
    return inference_form(network, CPU, torch.float32, compiled=False)


def assert_same_logits(
    form: nn.Module, network: nn.Module, image: torch.Tensor, most=1e-5
):
    with torch.no_grad():
        expected = network(image)
    error = (form(image) - expected).abs().max() / expected.abs().max()
    assert error < most


@pytest.mark.parametrize("plan", [TINY_PLAN, FLAT], ids=["cubic", "flat"])
@pytest.mark.parametrize("architecture", BUILT)
def test_every_architecture_has_a_form_with_its_logits(architecture, plan):
    network = learnt(build_network(replace(plan, architecture=architecture)))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    form = exact_form(network)
    # Swin's deepest norms are over one voxel, which enlarges rounding 300 times
    most = 1e-3 if architecture is Architecture.SWIN_UNETR else 1e-5
    for batch in (1, 3, 2):
        assert_same_logits(form, network, images(plan, batch), most)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.stride() == before[name].stride()
    assert all(parameter.requires_grad for parameter in network.parameters())


EDGES = st.tuples(*[st.sampled_from((1, 3))] * 3)
STEPS = st.tuples(*[st.sampled_from((1, 2))] * 3)
LEVELS = st.lists(st.tuples(st.integers(1, 9), EDGES, STEPS), min_size=3, max_size=4)


@needs_onednn
@settings(max_examples=25, deadline=None)
@given(
    levels=LEVELS,
    coarsest=st.tuples(*[st.integers(1, 3)] * 3),
    channels=st.sampled_from((("T1",), ("T1", "T2", "FLAIR"))),
    architecture=st.sampled_from((Architecture.UNET, Architecture.RESIDUAL_UNET)),
    bias=st.booleans(),
)
def test_u_nets_of_any_shape_are_rebuilt_exactly(
    levels, coarsest, channels, architecture, bias
):
    widths, kernels, steps = zip(*levels, strict=True)
    strides = ((1, 1, 1), *steps[1:])
    factors = [prod(stride[axis] for stride in strides) for axis in range(3)]
    i, j, k = (n * factor for n, factor in zip(coarsest, factors, strict=True))
    plan = replace(
        TINY_PLAN,
        architecture=architecture,
        channels=channels,
        normalisation=TINY_PLAN.normalisation * len(channels),
        patch_shape=(i, j, k),
        widths=widths,
        blocks=(2,) * len(levels),
        kernels=kernels,
        strides=strides,
        upsampling_bias=bias and architecture is Architecture.UNET,
    )
    network = gently_normed(learnt(build_network(plan))).double()
    form = exact_form(network)
    assert isinstance(form, InPlaceUNet)
    with torch.no_grad():
        expected = network(images(plan, 2).double())
    assert (form(images(plan, 2)) - expected).norm() / expected.norm() < 1e-5


def test_any_mode_of_gradients_will_do_and_none_are_recorded():
    network = learnt(build_network(TINY_PLAN))
    form = exact_form(network)
    image = images(TINY_PLAN)
    with torch.inference_mode():
        first = form(image).clone()
    with torch.no_grad():
        second = form(image)
    third = form(image)
    assert not third.requires_grad
    assert torch.equal(first, second)
    assert torch.equal(second, third)


def test_a_form_made_in_inference_mode_works_outside():
    network = learnt(build_network(RESIDUAL))
    with torch.inference_mode():
        form = exact_form(network)
        form(images(RESIDUAL))
    assert_same_logits(form, network, images(RESIDUAL))


def test_logits_stay_as_they_are_when_the_next_window_is_run():
    form = exact_form(build_network(TINY_PLAN).eval())
    first = form(images(TINY_PLAN))
    kept = first.clone()
    form(-images(TINY_PLAN))
    assert torch.equal(first, kept)


def test_training_on_does_not_reach_the_form():
    network = learnt(build_network(RESIDUAL))
    form = exact_form(network)
    before = form(images(RESIDUAL))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert torch.equal(form(images(RESIDUAL)), before)


@needs_onednn
def test_an_image_whose_levels_do_not_fit_is_refused_before_anything_is_written():
    form = exact_form(build_network(TINY_PLAN).eval())
    with pytest.raises(ValueError, match="into"):
        form(torch.zeros(1, 1, 16, 12, 7))


@needs_onednn
def test_monais_own_network_with_its_own_norms_is_rebuilt():
    kernels, strides = [3, 3, 3], [1, 2, 2]
    norm = ("INSTANCE", {"affine": True})
    network = learnt(
        DynUNet(3, 2, 3, kernels, strides, strides[1:], (8, 16, 24), norm_name=norm)
    )
    form = exact_form(network)
    assert isinstance(form, InPlaceUNet)
    assert_same_logits(form, network, torch.randn(1, 2, 16, 16, 16))


@pytest.mark.parametrize("arguments", [{"res_block": True}, {"dropout": 0.5}])
def test_monais_other_blocks_keep_their_plain_form(arguments):
    network = learnt(
        DynUNet(3, 1, 2, [3] * 3, [1, 2, 2], [2, 2], (4, 8, 8), **arguments)
    )
    form = exact_form(network)
    assert not isinstance(form, InPlaceUNet)
    assert_same_logits(form, network, torch.randn(1, 1, 8, 8, 8))


@needs_bfloat16
@pytest.mark.parametrize("architecture", BUILT)
def test_bfloat16_is_close(architecture):
    assert_bfloat16_is_close(architecture, compiled=False)


@needs_bfloat16
@needs_compiler
@pytest.mark.parametrize(
    "architecture", [Architecture.UNET, Architecture.RESIDUAL_UNET]
)
def test_bfloat16_is_as_close_where_it_is_compiled(architecture):
    assert_bfloat16_is_close(architecture, compiled=True)


def assert_bfloat16_is_close(architecture, *, compiled):
    plan = replace(TINY_PLAN, architecture=architecture, upsampling_bias=True)
    if compiled:
        plan = replace(plan, widths=(16, 32, 48))
    network = learnt(build_network(plan))
    form = inference_form(network, CPU, torch.bfloat16, compiled=compiled)
    with torch.no_grad():
        expected = network(images(plan))
    logits = form(images(plan))
    assert logits.dtype is torch.bfloat16
    assert (logits.float() - expected).norm() / expected.norm() < 0.05


@needs_onednn
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_statistics_of_a_million_voxels_are_not_worn_by_rounding(dtype):
    plain = nn.InstanceNorm3d(3, affine=True)
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(2, 3, 101, 101, 101, generator=generator) * 0.5 + 10
    features = given.to(dtype).contiguous(memory_format=torch.channels_last_3d)
    expected = plain.double()(features.double()).detach()
    norm = ChannelNorm.of(plain.float())
    assert norm is not None
    tolerance = 1e-4 if dtype is torch.float32 else 0.02
    workspace = Workspace(dtype, Passes())
    for result in (norm(features), InPlaceNorm(plain, 1.0)(features, workspace)):
        torch.testing.assert_close(result.double(), expected, rtol=1e-2, atol=tolerance)


def test_a_group_norm_is_exact_for_a_million_voxels():
    plain = nn.GroupNorm(2, 6)
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(2, 6, 61, 101, 101, generator=generator) * 0.5 + 10
    given += torch.arange(6.0).view(1, 6, 1, 1, 1)
    for numbers in plain.parameters():
        numbers.data.uniform_(generator=generator)
    norm = ChannelNorm.of(plain)
    assert norm is not None
    result = norm(given.contiguous(memory_format=torch.channels_last_3d))
    expected = plain.double()(given.double()).detach()
    torch.testing.assert_close(result.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", BUILT)
def test_making_a_form_draws_no_random_numbers(architecture):
    network = build_network(replace(TINY_PLAN, architecture=architecture))
    before = torch.get_rng_state()
    exact_form(network)
    assert torch.equal(torch.get_rng_state(), before)


@needs_onednn
def test_an_in_place_form_can_free_its_memory_between_images():
    form = exact_form(learnt(build_network(TINY_PLAN)))
    assert isinstance(form, InPlaceUNet)
    first = form(images(TINY_PLAN)).clone()
    form.rest()
    assert torch.equal(form(images(TINY_PLAN)), first)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("architecture", BUILT)
def test_on_a_gpu_forms_give_the_same_logits(architecture):
    plan = replace(TINY_PLAN, architecture=architecture)
    network = learnt(build_network(plan))
    with torch.no_grad():
        expected = network(images(plan))
    for dtype, most in ((torch.float32, 5e-3), (torch.bfloat16, 0.05)):
        device = torch.device("cuda:0")
        form = inference_form(network, device, dtype, compiled=False)
        logits = form(images(plan).to(device)).float().cpu()
        assert (logits - expected).norm() / expected.norm() < most
    assert next(network.parameters()).device.type == "cpu"
