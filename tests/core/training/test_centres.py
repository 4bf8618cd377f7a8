"""What the instance head ought to give, against formulas."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from medseg import InstanceHead
from medseg.core.plan import IGNORED, TRAINED_ARCHITECTURES
from medseg.networks import build_network, quieten_head
from medseg.training.appearance import UNCHANGED
from medseg.training.batch import RawBatch
from medseg.training.centre_loss import centre_loss, centre_sums
from medseg.training.centres import centre_targets, learned_centres
from medseg.training.deformation import Deformation
from tests.core.making import TINY_PLAN

HEAD = InstanceHead(things=("liver tumour",), sigma_mm=3.0)
PLAN = replace(TINY_PLAN, head=HEAD, spacing_mm=(1.0, 1.5, 2.0))
SPACING_MM = np.array(PLAN.spacing_mm)


def two_boxes(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    instances = np.zeros((16, 12, 8), np.int32)
    for number in (7, 41):
        i, j, k = rng.integers(0, 5, 3)
        instances[i : i + 7, j : j + 4, k : k + 3] = number
    return instances


def targets_of(instances: np.ndarray):
    return centre_targets(torch.from_numpy(instances)[None], HEAD, PLAN.spacing_mm)


@pytest.mark.parametrize("seed", range(4))
def test_the_heat_is_a_gaussian_about_the_centre_of_mass_of_each_thing(seed):
    instances = two_boxes(seed)
    places = np.moveaxis(np.indices(instances.shape), 0, -1) * SPACING_MM
    expected = np.zeros(instances.shape)
    for number in np.unique(instances[instances > 0]):
        centre = np.array(ndimage.center_of_mass(instances == number)) * SPACING_MM
        apart_mm = np.linalg.norm(places - centre, axis=-1)
        expected = np.maximum(expected, np.exp(-(apart_mm**2) / (2 * 3.0**2)))
    heat = targets_of(instances).heat[0].numpy()
    np.testing.assert_allclose(heat, expected, atol=4e-4)


@given(st.integers(0, 1000))
def test_an_offset_leads_from_its_voxel_to_the_centre_of_its_thing(seed):
    instances = two_boxes(seed)
    targets = targets_of(instances)
    offsets = np.moveaxis(targets.offsets[0].numpy(), 0, -1) * HEAD.sigma_mm
    np.testing.assert_array_equal(targets.inside[0].numpy(), instances > 0)
    assert not offsets[instances == 0].any()
    for number in np.unique(instances[instances > 0]):
        centre = np.array(ndimage.center_of_mass(instances == number))
        index = np.argwhere(instances == number)
        aims = index * SPACING_MM + offsets[instances == number]
        np.testing.assert_allclose(
            aims, np.broadcast_to(centre * SPACING_MM, aims.shape), atol=1e-4
        )


def test_a_patch_without_things_has_neither_heat_nor_offsets():
    targets = targets_of(np.zeros((4, 5, 6), np.int32))
    assert not targets.heat.any()
    assert not targets.offsets.any()
    assert not targets.inside.any()


def test_targets_are_made_of_what_the_augmented_patch_shows():
    """Mirrored along i: the heat-map is mirrored, and offsets along i point back."""
    instances = two_boxes(3)
    plain_batch = RawBatch(
        image=torch.zeros((1, 1, 16, 12, 8)),
        labels=torch.zeros((1, 16, 12, 8), dtype=torch.uint8),
        centres=torch.tensor([[7.5, 5.5, 3.5]]),
        deformations=(Deformation(matrix=np.eye(3)),),
        appearances=(UNCHANGED,),
        instances=torch.from_numpy(instances)[None],
    )
    mirror = (Deformation(matrix=np.diag([-1.0, 1.0, 1.0])),)
    plain = learned_centres(plain_batch, PLAN)
    mirrored = learned_centres(replace(plain_batch, deformations=mirror), PLAN)
    assert plain is not None
    assert mirrored is not None
    torch.testing.assert_close(mirrored.heat, plain.heat.flip(1))
    turned = plain.offsets.flip(2) * torch.tensor([-1.0, 1, 1]).view(1, 3, 1, 1, 1)
    torch.testing.assert_close(mirrored.offsets, turned)


def test_a_plan_without_a_head_has_no_centres_to_learn():
    batch = RawBatch(
        image=torch.zeros((1, 1, 4, 4, 4)),
        labels=torch.zeros((1, 4, 4, 4), dtype=torch.uint8),
        centres=torch.zeros((1, 3)),
        deformations=(),
        appearances=(),
    )
    assert learned_centres(batch, TINY_PLAN) is None


def test_the_loss_follows_its_formula_and_leaves_ignored_voxels_out():
    rng = np.random.default_rng(0)
    instances = two_boxes(1)
    targets = targets_of(instances)
    outputs = torch.from_numpy(rng.normal(size=(1, 4, *instances.shape))).float()
    labels = torch.zeros((1, *instances.shape), dtype=torch.uint8)
    labels[0, :8] = IGNORED
    given = outputs[0, :, 8:].numpy()
    heat, offsets = targets.heat[0, 8:].numpy(), targets.offsets[0, :, 8:].numpy()
    inside = instances[8:] > 0
    squares = ((given[0] - heat) ** 2).mean()
    apart = np.abs(given[1:] - offsets).sum(0)[inside].mean()
    loss = float(centre_loss(centre_sums(outputs, targets, labels)))
    assert loss == pytest.approx(200 * squares + 0.1 * apart, rel=1e-4)


def test_sums_of_the_parts_of_a_batch_are_those_of_the_batch():
    rng = np.random.default_rng(0)
    instances = torch.from_numpy(np.stack([two_boxes(1), two_boxes(2)]))
    outputs = torch.from_numpy(rng.normal(size=(2, 4, 16, 12, 8))).float()
    labels = torch.zeros((2, 16, 12, 8), dtype=torch.uint8)
    whole = centre_sums(
        outputs, centre_targets(instances, HEAD, PLAN.spacing_mm), labels
    )
    parts = [
        centre_sums(
            outputs[n : n + 1],
            centre_targets(instances[n : n + 1], HEAD, PLAN.spacing_mm),
            labels[n : n + 1],
        )
        for n in range(2)
    ]
    torch.testing.assert_close(parts[0] + parts[1], whole)


@pytest.mark.parametrize("architecture", TRAINED_ARCHITECTURES)
def test_every_trained_network_can_have_a_head_which_is_silent_at_first(architecture):
    plan = replace(
        PLAN, architecture=architecture, patch_shape=(32, 32, 32), widths=(8, 8, 16)
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(plan).eval()
        image = torch.randn((1, 1, 32, 32, 32))
    before = network(image)
    quieten_head(network, plan)
    after = network(image)
    assert after.shape == (1, 3 + 4, 32, 32, 32)
    torch.testing.assert_close(after[:, :3], before[:, :3])
    assert not after[:, 3:].any()
    after[:, 3:].sum().backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in network.parameters())


def test_a_head_has_things_that_are_labels_and_a_width():
    with pytest.raises(ValueError, match="none of the labels"):
        replace(TINY_PLAN, head=InstanceHead(things=("spot",), sigma_mm=1.0))
    with pytest.raises(ValueError, match="sigma"):
        InstanceHead(things=("spot",), sigma_mm=0.0)
    with pytest.raises(ValueError, match="once"):
        InstanceHead(things=(), sigma_mm=1.0)
