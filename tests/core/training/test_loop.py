"""Training steps on cases that anything can learn."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import LabelSet
from medseg.core.plan import IGNORED, Plan
from medseg.core.regions import Region
from medseg.core.settings import Loss, Optimiser, TrainingSettings
from medseg.networks import encoder_parameters
from medseg.training.cases import TrainingCase, training_case
from medseg.training.checkpoint import TrainingState
from medseg.training.loop import StepReport, Watched, new_state, training_steps, watch
from medseg.training.optimising import learning_rate
from medseg.training.patience import Patience
from medseg.training.samples import PatchSource
from medseg.training.team import Team
from tests.core.making import TINY_PLAN, segmentation_of, volume_of
from tests.core.training.cubes import QUICK, cube
from tests.core.training.shortage import take_too_much, take_too_much_of_a_gpu

LABELS = LabelSet.from_names([(1, "cube")])
PLAN = replace(TINY_PLAN, labels=LABELS, patch_shape=(12, 12, 8), batch_size=2)
DEEP = replace(
    PLAN,
    patch_shape=(16, 16, 8),
    widths=(4, 8, 8, 8),
    kernels=((3, 3, 3),) * 4,
    strides=((1, 1, 1), *((2, 2, 2),) * 3),
    blocks=(2, 2, 2, 2),
)
REGIONS = replace(PLAN, regions=(Region(name="the cube", ids=(1,), painted_as=1),))


@pytest.fixture(scope="module")
def cases() -> list[TrainingCase]:
    made = []
    for number in range(6):
        image, labels = cube(number)
        reference = segmentation_of(labels, labels=LABELS)
        made.append(training_case(str(number), volume_of(image), reference, PLAN))
    return made


def steps_of(
    state: TrainingState,
    cases: list[TrainingCase],
    settings: TrainingSettings,
    plan: Plan = PLAN,
) -> Iterator[StepReport]:
    source = PatchSource(cases, plan, settings.seed)
    batches = (source.batch(step) for step in count(state.step))
    return training_steps(state, batches, plan, settings, Team())


def watched(
    state: TrainingState,
    cases: list[TrainingCase],
    settings: TrainingSettings,
    plan: Plan = PLAN,
) -> Watched:
    return watch(state, PatchSource(cases, plan, 0).watched(), plan, settings)


def weights(state: TrainingState) -> list[torch.Tensor]:
    return [p.detach().clone() for p in state.supervised.parameters()]


@pytest.mark.parametrize("plan", [PLAN, REGIONS], ids=["labels", "regions"])
def test_a_small_network_learns_to_find_a_bright_cube(cases, plan):
    settings = replace(QUICK, steps=200)
    state = new_state(plan, settings)
    before = watched(state, cases[:1], settings, plan).dice[0] or 0.0
    losses = [step.loss for step in steps_of(state, cases[1:], settings, plan)]
    after = watched(state, cases[:1], settings, plan).dice[0] or 0.0
    assert state.step == 200
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])
    assert after > max(0.8, before)


@pytest.mark.parametrize("loss", list(Loss))
@pytest.mark.parametrize("optimiser", list(Optimiser))
def test_every_loss_goes_down_with_every_optimiser(cases, loss, optimiser):
    settings = replace(
        QUICK, steps=40, loss=loss, optimiser=optimiser, learning_rate=None
    )
    state = new_state(DEEP, settings)
    losses = [step.loss for step in steps_of(state, cases, settings, DEEP)]
    assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:5])


def test_the_coarser_levels_learn_only_on_request(cases):
    for is_deep in (True, False):
        settings = replace(QUICK, deep_supervision=is_deep)
        state = new_state(DEEP, settings)
        heads = [p.detach().clone() for p in state.supervised.heads.parameters()]
        assert bool(heads) == is_deep
        list(steps_of(state, cases, settings, DEEP))
        for old, new in zip(heads, state.supervised.heads.parameters(), strict=True):
            assert not torch.equal(old, new)


def test_a_frozen_way_down_stays_as_it_was(cases):
    settings = replace(QUICK, freeze_encoder=True)
    state = new_state(PLAN, settings)
    before = {n: p.detach().clone() for n, p in state.network.named_parameters()}
    list(steps_of(state, cases, settings))
    same = {n for n, p in state.network.named_parameters() if torch.equal(p, before[n])}
    assert same == set(encoder_parameters(state.network))


def test_a_training_without_patience_ends_and_stays_ended(cases):
    settings = replace(QUICK, steps=50, early_stop=3)
    state = new_state(PLAN, settings)
    for report in steps_of(state, cases, settings):
        if report.step % 2 == 0:
            state.patience = state.patience.after(0.5)
    assert state.step == 8  # the best at 2, waited for until 4, 6 and 8
    assert list(steps_of(state, cases, settings)) == []
    state.patience = Patience()
    assert next(iter(steps_of(state, cases, settings))).step == 9


def test_ignored_voxels_are_not_watched(cases):
    settings = QUICK
    state = new_state(PLAN, settings)
    batch = PatchSource(cases, PLAN, 0).watched()
    nobody = replace(batch, labels=torch.full_like(batch.labels, IGNORED))
    found = watch(state, nobody, PLAN, settings)
    assert found.dice == (None,)
    assert not any(patch.prediction.any() for patch in found.patches)


def test_three_of_the_watched_patches_are_kept_to_be_drawn(cases):
    found = watched(new_state(PLAN, QUICK), cases, QUICK)
    assert len(found.patches) == 3
    for patch in found.patches:
        assert patch.image.shape == PLAN.patch_shape
        assert patch.reference.shape == patch.prediction.shape == (1, 12, 12, 8)


def test_the_same_seed_gives_the_same_training_and_another_one_another(cases):
    def losses(seed: int) -> list[float]:
        settings = replace(QUICK, steps=3, seed=seed)
        return [
            step.loss for step in steps_of(new_state(PLAN, settings), cases, settings)
        ]

    first = losses(0)
    torch.rand(5)
    assert losses(0) == first
    assert losses(1) != first


def test_training_leaves_the_global_chance_alone(cases):
    settings = replace(QUICK, steps=2)
    torch_state = torch.random.get_rng_state()
    numpy_state = str(np.random.get_state())  # noqa: NPY002
    state = new_state(PLAN, settings)
    list(steps_of(state, cases, settings))
    watched(state, cases, settings)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert str(np.random.get_state()) == numpy_state  # noqa: NPY002


def test_watching_changes_nothing(cases):
    settings = replace(QUICK, steps=4)
    runs = []
    for is_watched in (False, True):
        state = new_state(PLAN, settings)
        for _ in steps_of(state, cases, settings):
            if is_watched:
                watched(state, cases, settings)
        runs.append(weights(state))
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_steps_report_what_they_did(cases):
    settings = replace(QUICK, steps=3)
    state = new_state(PLAN, settings)
    reports = list(steps_of(state, cases, settings))
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
    for _ in steps_of(state, cases, settings):
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
        list(steps_of(state, cases, settings))
    assert caught.value.code is ErrorCode.DIVERGED
    assert state.step < settings.steps


def test_the_mean_loss_is_over_the_steps_since_it_was_last_written(cases):
    state = new_state(PLAN, QUICK)
    reports = []
    for report in steps_of(state, cases, QUICK):
        reports.append(report)
        if report.step == 2:
            state.loss_sum, state.loss_count = 0.0, 0
    means = [report.mean_loss for report in reports]
    first, second, third, fourth = (report.loss for report in reports)
    assert means == pytest.approx(
        [first, (first + second) / 2, third, (third + fourth) / 2]
    )


def test_a_loss_that_is_not_a_number_stops_training_before_the_weights_change(cases):
    broken = [replace(case, image=case.image * np.nan) for case in cases]
    state = new_state(PLAN, QUICK)
    before = weights(state)
    with pytest.raises(UnusableInput, match="step 1") as caught:
        list(steps_of(state, broken, QUICK))
    assert caught.value.code is ErrorCode.DIVERGED
    assert state.step == 0
    for old, new in zip(before, weights(state), strict=True):
        assert torch.equal(old, new)


@pytest.mark.parametrize("fail", [take_too_much, take_too_much_of_a_gpu])
def test_memory_that_runs_out_in_a_step_is_told_with_the_step_and_what_to_do(
    cases, fail
):
    state = new_state(PLAN, QUICK)
    steps = steps_of(state, cases, QUICK)
    next(steps)
    state.network.register_forward_pre_hook(fail)
    with pytest.raises(UnusableInput, match="--batch-size") as caught:
        next(steps)
    assert caught.value.code is ErrorCode.OUT_OF_MEMORY
    assert caught.value.where == "training step 2"
    assert state.step == 1


def test_memory_that_runs_out_while_patches_are_watched_is_told_too(cases):
    state = new_state(PLAN, QUICK)
    state.average.module.register_forward_pre_hook(take_too_much)
    with pytest.raises(UnusableInput, match="after step 0") as caught:
        watched(state, cases, QUICK)
    assert caught.value.code is ErrorCode.OUT_OF_MEMORY
