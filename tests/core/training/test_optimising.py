"""Learning rates, optimisers, the moving average and frozen parameters."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from medseg.core.settings import Optimiser, Schedule, TrainingSettings
from medseg.networks import build_network, encoder_parameters
from medseg.training.optimising import (
    clip_gradients,
    freeze_encoder,
    learning_rate,
    make_optimiser,
    moving_average,
)
from tests.core.making import TINY_PLAN
from tests.core.training.cubes import QUICK

THOUSAND = replace(QUICK, steps=1000, learning_rate=1e-3)


def rates(settings: TrainingSettings) -> np.ndarray:
    return np.array([learning_rate(step, settings) for step in range(settings.steps)])


def test_the_learning_rate_warms_up_and_decays_to_nothing():
    found = rates(THOUSAND)
    assert found[0] == pytest.approx(1e-5)
    assert np.argmax(found) == 99
    assert found[99] == pytest.approx(1e-3 * 0.901**0.9)
    assert found[500] == pytest.approx(1e-3 * 0.5**0.9)
    assert 0 < found[-1] < 1e-5
    assert (np.diff(found[99:]) < 0).all()


def test_the_cosine_is_torchs():
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1e-3)
    schedule = CosineAnnealingLR(optimiser, 1000)
    expected = []
    for _ in range(1000):
        expected.append(float(schedule.get_last_lr()[0]))
        optimiser.step()
        schedule.step()
    found = rates(replace(THOUSAND, schedule=Schedule.COSINE))
    np.testing.assert_allclose(found[99:], expected[99:], rtol=1e-6, atol=1e-12)
    assert (np.diff(found[:99]) > 0).all()


@pytest.mark.parametrize(("optimiser", "rate"), [("adamw", 2e-3), ("sgd", 1e-2)])
def test_each_optimiser_has_a_learning_rate_that_suits_it(optimiser, rate):
    settings = TrainingSettings(optimiser=Optimiser(optimiser), steps=1000)
    assert rates(settings).max() == pytest.approx(rate * 0.901**0.9)


def test_sgd_is_nesterovs_as_nnunet_has_it():
    """v = 0.99 v + g; w = w - rate (g + 0.99 v), with g = gradient + 3e-5 w."""
    network = nn.Linear(3, 2)
    optimiser = make_optimiser(network, replace(QUICK, optimiser=Optimiser.SGD))
    weight = network.weight.detach().clone()
    velocity = torch.zeros_like(weight)
    for step in range(3):
        network.zero_grad()
        network(torch.full((1, 3), 1.0 + step)).sum().backward()
        gradient = network.weight.grad
        assert gradient is not None
        gradient = gradient + 3e-5 * weight
        velocity = 0.99 * velocity + gradient
        weight = weight - 1e-2 * (gradient + 0.99 * velocity)
        optimiser.step()
    torch.testing.assert_close(network.weight.detach(), weight)


def test_the_average_keeps_99_hundredths_of_itself():
    network = nn.Linear(2, 1)
    average = moving_average(network)
    average.update_parameters(network)
    before = network.weight.detach().clone()
    with torch.no_grad():
        network.weight += 1
    average.update_parameters(network)
    (kept, *_) = average.module.parameters()
    torch.testing.assert_close(kept.detach(), before + 0.01)


def test_gradients_are_scaled_down_to_a_norm_of_twelve():
    network = nn.Linear(4, 4)
    (network(torch.full((1, 4), 100.0)).sum()).backward()
    before = float(clip_gradients(network))
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    after = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    assert before > 100
    assert float(after) == pytest.approx(12, rel=1e-4)


def test_a_frozen_way_down_does_not_learn():
    network = build_network(TINY_PLAN)
    freeze_encoder(network)
    frozen = {n for n, p in network.named_parameters() if not p.requires_grad}
    assert frozen == set(encoder_parameters(network))
    assert 0 < len(frozen) < len(list(network.parameters()))
    learning = make_optimiser(network, QUICK).param_groups[0]["params"]
    assert len(learning) == len(list(network.parameters())) - len(frozen)
