"""Training steps on cases that anything can learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import LabelSet
from medseg.training.loop import learning_rate, new_state, training_steps, watched_dice
from medseg.training.samples import TrainingCase, training_case
from tests.core.making import TINY_PLAN, segmentation_of, volume_of
from tests.core.training.cubes import QUICK, cube

LABELS = LabelSet.from_names([(1, "cube")])
PLAN = replace(TINY_PLAN, labels=LABELS, patch_shape=(12, 12, 8), batch_size=2)


@pytest.fixture(scope="module")
def cases() -> list[TrainingCase]:
    made = []
    for number in range(6):
        image, labels = cube(number)
        reference = segmentation_of(labels, labels=LABELS)
        made.append(training_case(str(number), volume_of(image), reference, PLAN))
    return made


def test_a_small_network_learns_to_find_a_bright_cube(cases):
    settings = replace(QUICK, steps=200)
    state = new_state(PLAN, settings)
    before = watched_dice(state, cases[:1], PLAN, settings)[0] or 0.0
    losses = [step.loss for step in training_steps(state, cases[1:], PLAN, settings)]
    after = watched_dice(state, cases[:1], PLAN, settings)[0] or 0.0
    assert state.step == 200
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])
    assert after > max(0.8, before)


def test_the_same_seed_gives_the_same_training_and_another_one_another(cases):
    def losses(seed: int) -> list[float]:
        settings = replace(QUICK, steps=3, seed=seed)
        state = new_state(PLAN, settings)
        return [step.loss for step in training_steps(state, cases, PLAN, settings)]

    first = losses(0)
    torch.rand(5)
    assert losses(0) == first
    assert losses(1) != first


def test_training_leaves_the_global_chance_alone(cases):
    settings = replace(QUICK, steps=2)
    torch_state = torch.random.get_rng_state()
    numpy_state = str(np.random.get_state())  # noqa: NPY002
    state = new_state(PLAN, settings)
    list(training_steps(state, cases, PLAN, settings))
    watched_dice(state, cases, PLAN, settings)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert str(np.random.get_state()) == numpy_state  # noqa: NPY002


def test_watching_changes_nothing(cases):
    settings = replace(QUICK, steps=4)
    runs = []
    for is_watched in (False, True):
        state = new_state(PLAN, settings)
        for _ in training_steps(state, cases, PLAN, settings):
            if is_watched:
                watched_dice(state, cases, PLAN, settings)
        runs.append([p.detach().clone() for p in state.network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_steps_report_what_they_did(cases):
    settings = replace(QUICK, steps=3)
    state = new_state(PLAN, settings)
    reports = list(training_steps(state, cases, PLAN, settings))
    assert [report.step for report in reports] == [1, 2, 3]
    assert all(0 < report.loss < 10 for report in reports)
    assert reports[0].seconds < reports[-1].seconds == state.seconds
    assert [report.learning_rate for report in reports] == [
        learning_rate(step, settings) for step in range(3)
    ]


def test_the_kept_network_is_a_moving_average(cases):
    settings = replace(QUICK, steps=3)
    state = new_state(PLAN, settings)
    expected: list[torch.Tensor] = []
    for _ in training_steps(state, cases, PLAN, settings):
        now = [p.detach().clone() for p in state.network.parameters()]
        expected = (
            [0.99 * old + 0.01 * new for old, new in zip(expected, now, strict=True)]
            if expected
            else now
        )
    for mine, theirs in zip(state.average.module.parameters(), expected, strict=True):
        torch.testing.assert_close(mine.detach(), theirs)


def test_a_training_that_diverges_is_stopped(cases):
    settings = replace(QUICK, learning_rate=1e30)
    state = new_state(PLAN, settings)
    with pytest.raises(UnusableInput, match="--learning-rate") as caught:
        list(training_steps(state, cases, PLAN, settings))
    assert caught.value.code is ErrorCode.DIVERGED
    assert state.step < settings.steps


def test_the_mean_loss_is_over_the_steps_since_it_was_last_written(cases):
    state = new_state(PLAN, QUICK)
    reports = []
    for report in training_steps(state, cases, PLAN, QUICK):
        reports.append(report)
        if report.step == 2:
            state.loss_sum, state.loss_count = 0.0, 0
    means = [report.mean_loss for report in reports]
    first, second, third, fourth = (report.loss for report in reports)
    assert means == pytest.approx(
        [first, (first + second) / 2, third, (third + fourth) / 2]
    )


def test_the_learning_rate_warms_up_and_decays_to_nothing():
    settings = replace(QUICK, steps=1000, learning_rate=1e-3)
    rates = [learning_rate(step, settings) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-5)
    assert np.argmax(rates) == 99
    assert rates[99] == pytest.approx(1e-3 * 0.901**0.9)
    assert rates[500] == pytest.approx(1e-3 * 0.5**0.9)
    assert 0 < rates[-1] < 1e-5
    assert (np.diff(rates[99:]) < 0).all()


def test_a_loss_that_is_not_a_number_stops_training_before_the_weights_change(cases):
    broken = [replace(case, image=case.image * np.nan) for case in cases]
    state = new_state(PLAN, QUICK)
    before = [p.detach().clone() for p in state.network.parameters()]
    with pytest.raises(UnusableInput, match="step 1") as caught:
        list(training_steps(state, broken, PLAN, QUICK))
    assert caught.value.code is ErrorCode.DIVERGED
    assert state.step == 0
    for old, new in zip(before, state.network.parameters(), strict=True):
        assert torch.equal(old, new)
