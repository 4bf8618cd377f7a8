"""The losses against MONAI, torch, SciPy and their formulas."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from monai.losses.dice import DiceCELoss, DiceLoss
from monai.losses.focal_loss import FocalLoss
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn
from torch.nn import functional

from medseg import LabelSet, Plan
from medseg.core.plan import IGNORED
from medseg.core.regions import Region
from medseg.core.settings import Loss
from medseg.training.loss import SegmentationLoss, make_loss
from medseg.training.targets import decided, dice_of, overlap_and_size, referenced
from tests.core.making import TINY_PLAN

PLAN = replace(TINY_PLAN, labels=LabelSet.from_names([(1, "a"), (3, "b"), (4, "c")]))
REGIONS = replace(
    PLAN,
    regions=(
        Region(name="whole", ids=(1, 3, 4), painted_as=1),
        Region(name="core", ids=(3, 4), painted_as=3),
    ),
)
CPU = torch.device("cpu")
MONAI_DICE = DiceLoss(include_background=False, softmax=True, batch=True)


def loss_of(plan: Plan = PLAN, kind: Loss = Loss.DICE_CE) -> SegmentationLoss:
    return make_loss(plan, kind, CPU)


def valued(loss: SegmentationLoss, logits: Tensor, labels: Tensor) -> Tensor:
    return loss.value(loss.sums((logits,), labels))


def batch(plan: Plan = PLAN, *, seed=0, shape=(6, 5, 4)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    channels = len(plan.output_names)
    logits = torch.randn(3, channels, *shape, generator=generator) * 3
    labels = torch.randint(0, 4, (3, *shape), generator=generator)
    return logits, labels.to(torch.uint8)


def one_hot(labels: Tensor) -> Tensor:
    return functional.one_hot(labels.long(), 4).movedim(-1, 1).float()


def in_regions(labels: Tensor) -> Tensor:
    """The labels 1, 3 and 4 are the first to the third of the label set."""
    return torch.stack([labels >= 1, labels >= 2], 1).float()


def assert_same_loss(mine, theirs, logits: Tensor) -> None:
    """The same value and the same gradient."""
    results = []
    for function in (mine, theirs):
        given = logits.clone().requires_grad_()
        value = function(given)
        value.backward()
        results.append((value.detach(), given.grad))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("present", [4, 3, 1])
def test_dice_and_cross_entropy_are_monais(present):
    """Also where a structure, or every one of them, is absent."""
    logits, labels = batch()
    labels = labels.clamp(max=present - 1)
    monai = DiceCELoss(
        softmax=True, to_onehot_y=True, include_background=False, batch=True
    )
    assert_same_loss(
        lambda given: valued(loss_of(), given, labels),
        lambda given: monai(given, labels[:, None].long()),
        logits,
    )


def test_dice_and_focal_loss_are_monais():
    """MONAI's mean is over the classes, too, of which one is true a voxel."""
    logits, labels = batch()
    focal = FocalLoss(gamma=2.0, use_softmax=True, include_background=True)
    targets = one_hot(labels)
    assert_same_loss(
        lambda given: valued(loss_of(kind=Loss.DICE_FOCAL), given, labels),
        lambda given: (
            MONAI_DICE(given, targets) + logits.shape[1] * focal(given, targets)
        ),
        logits,
    )


@pytest.mark.parametrize("kind", [Loss.DICE_CE, Loss.DICE_FOCAL])
def test_losses_of_regions_are_monais_and_torchs(kind):
    logits, labels = batch(REGIONS)
    targets = in_regions(labels)
    dice = DiceLoss(sigmoid=True, batch=True)
    voxels = nn.BCEWithLogitsLoss() if kind is Loss.DICE_CE else FocalLoss(gamma=2.0)
    assert_same_loss(
        lambda given: valued(loss_of(REGIONS, kind), given, labels),
        lambda given: dice(given, targets) + voxels(given, targets),
        logits,
    )


def test_the_boundary_loss_is_its_formula_with_scipys_distances():
    """Kervadec et al. (2019), eq. 8, with distances cut off at 8 voxels."""
    from_dice_ce = loss_of()
    boundary = loss_of(kind=Loss.DICE_BOUNDARY)
    logits, labels = batch(shape=(14, 13, 12))
    labels[:, :8] = 0
    distances = np.stack(
        [[scipy_distance(sample == label) for label in (1, 2, 3)] for sample in labels]
    )
    expected = (logits.softmax(1)[:, 1:] * torch.from_numpy(distances) / 8).mean()
    difference = valued(boundary, logits, labels) - valued(from_dice_ce, logits, labels)
    assert float(difference) == pytest.approx(0.5 * float(expected), rel=1e-3)


def scipy_distance(inside: Tensor) -> np.ndarray:
    mask = inside.numpy()
    outer = distance_transform_edt(~mask)
    inner = distance_transform_edt(mask)
    return np.asarray(np.where(mask, 1 - inner, outer).clip(-8, 8))


@pytest.mark.parametrize("kind", list(Loss))
@pytest.mark.parametrize("plan", [PLAN, REGIONS], ids=["labels", "regions"])
def test_what_the_network_says_of_ignored_voxels_does_not_matter(plan, kind):
    logits, labels = batch(plan)
    labels[0, :3] = IGNORED
    labels[2] = IGNORED
    given = logits.clone().requires_grad_()
    value = valued(loss_of(plan, kind), given, labels)
    value.backward()
    gradient = given.grad
    assert gradient is not None
    ignored = (labels == IGNORED)[:, None].expand_as(logits)
    assert (gradient[ignored] == 0).all()
    assert (gradient[~ignored] != 0).float().mean() > 0.9
    other = torch.where(ignored, torch.randn_like(logits) * 9, logits)
    torch.testing.assert_close(
        valued(loss_of(plan, kind), other, labels), value.detach()
    )


def test_ignoring_is_leaving_out():
    logits, labels = batch()
    labels[:, 4:] = IGNORED
    cut = valued(loss_of(), logits[:, :, :4], labels[:, :4])
    torch.testing.assert_close(valued(loss_of(), logits, labels), cut)


@pytest.mark.parametrize("kind", list(Loss))
def test_a_batch_nobody_looked_at_has_no_loss(kind):
    logits, labels = batch()
    value = valued(loss_of(kind=kind), logits, torch.full_like(labels, IGNORED))
    assert float(value) == 0


@pytest.mark.parametrize("kind", list(Loss))
@pytest.mark.parametrize("plan", [PLAN, REGIONS], ids=["labels", "regions"])
def test_sums_of_two_halves_make_the_loss_of_the_whole(plan, kind):
    logits, labels = batch(plan)
    loss = loss_of(plan, kind)
    halves = [loss.sums((logits[part],), labels[part]) for part in ([0], [1, 2])]
    torch.testing.assert_close(
        loss.value(halves[0] + halves[1]), valued(loss, logits, labels)
    )


def test_a_sure_and_right_network_has_no_loss():
    _, labels = batch()
    logits = one_hot(labels) * 100.0
    assert float(valued(loss_of(), logits, labels)) == pytest.approx(0, abs=1e-5)


def test_coarser_levels_learn_the_middle_labels_with_half_the_weight_each():
    fine, labels = batch(shape=(8, 4, 4))
    generator = torch.Generator().manual_seed(5)
    coarse = torch.randn(3, 4, 4, 4, 2, generator=generator)
    coarsest = torch.randn(3, 4, 2, 2, 1, generator=generator)
    loss = loss_of()
    each = [
        valued(loss, fine, labels),
        valued(loss, coarse, labels[:, 1::2, :, 1::2]),
        valued(loss, coarsest, labels[:, 2::4, 1::2, 2::4]),
    ]
    expected = (each[0] + each[1] / 2 + each[2] / 4) / 1.75
    torch.testing.assert_close(
        loss.value(loss.sums((fine, coarse, coarsest), labels)), expected
    )


def pseudo_dice(logits: Tensor, labels: Tensor, plan: Plan):
    return dice_of(overlap_and_size(decided(logits, plan), referenced(labels, plan)))


def test_pseudo_dice_is_taken_over_the_batch():
    labels = torch.zeros(2, 4, 4, 4, dtype=torch.uint8)
    labels[0, :2] = 1
    predicted = torch.zeros_like(labels)
    predicted[0, :1] = 1
    predicted[1, 0, 0] = 3
    assert pseudo_dice(one_hot(predicted), labels, PLAN) == (
        2 * 16 / (16 + 32),
        None,
        0.0,
    )


def test_pseudo_dice_of_regions_counts_every_label_they_are_made_of():
    labels = torch.zeros(1, 4, 4, 4, dtype=torch.uint8)
    labels[0, 0], labels[0, 1] = 1, 3
    logits = torch.full((1, 2, 4, 4, 4), -1.0)
    logits[:, :, 0] = 1
    assert pseudo_dice(logits, labels, REGIONS) == (2 * 16 / (16 + 32), 0.0)
