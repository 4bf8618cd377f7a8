"""Folds against scikit-learn, the loss against MONAI."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.losses.dice import DiceCELoss
from sklearn.model_selection import KFold

from medseg.training import five_folds
from medseg.training.loss import dice_cross_entropy, pseudo_dice


@given(st.integers(5, 300))
def test_folds_are_those_of_scikit_learn_that_nnunet_uses(count):
    ids = [f"case_{number:03d}" for number in range(count)]
    folds = KFold(5, shuffle=True, random_state=12345).split(ids)
    expected = tuple(tuple(ids[n] for n in held_out) for _, held_out in folds)
    assert five_folds(ids[::-1]) == expected


def test_fewer_cases_than_folds_are_refused():
    with pytest.raises(ValueError, match="4 cases"):
        five_folds(["a", "b", "c", "d"])


def batch(*, labels=4, seed=0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, labels, 6, 5, 4, generator=generator) * 3
    truth = torch.randint(0, labels, (3, 6, 5, 4), generator=generator)
    return logits, truth


@pytest.mark.parametrize("present", [4, 3, 1])
def test_the_loss_and_its_gradient_are_monais(present):
    """Also where a structure, or every one of them, is absent."""
    logits, truth = batch()
    truth = truth.clamp(max=present - 1)
    monai_loss = DiceCELoss(
        softmax=True, to_onehot_y=True, include_background=False, batch=True
    )
    results = []
    for loss_of in (
        dice_cross_entropy,
        lambda given, labels: monai_loss(given, labels[:, None]),
    ):
        given_logits = logits.clone().requires_grad_()
        loss = loss_of(given_logits, truth)
        loss.backward()
        results.append((loss.detach(), given_logits.grad))
    (mine, my_gradient), (theirs, their_gradient) = results
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(my_gradient, their_gradient, rtol=1e-4, atol=1e-6)


def test_a_sure_and_right_network_has_no_loss():
    _, truth = batch()
    logits = torch.nn.functional.one_hot(truth, 4).movedim(-1, 1) * 100.0
    assert dice_cross_entropy(logits, truth) == pytest.approx(0, abs=1e-5)


def test_pseudo_dice_is_taken_over_the_batch():
    truth = torch.zeros(2, 4, 4, 4, dtype=torch.long)
    truth[0, :2] = 1
    predicted = torch.zeros_like(truth)
    predicted[0, :1] = 1
    predicted[1, 0, 0] = 3
    logits = torch.nn.functional.one_hot(predicted, 4).movedim(-1, 1).float()
    assert pseudo_dice(logits, truth) == (2 * 16 / (16 + 32), None, 0.0)
