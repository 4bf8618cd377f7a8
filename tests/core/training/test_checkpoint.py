"""A stopped training goes on as if it had never stopped."""

from dataclasses import replace

import pytest
import torch

from medseg import ErrorCode, TrainingSettings, UnusableInput, WrongUse
from medseg.core.plan import Architecture, Plan
from medseg.core.settings import Optimiser
from medseg.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from medseg.training.loop import new_state
from medseg.training.patience import Patience
from tests.core.making import TINY_PLAN
from tests.core.training.cubes import QUICK

RECIPE = {"loss": "a", "plan": "the same"}
DEEP = replace(
    TINY_PLAN,
    patch_shape=(16, 16, 8),
    widths=(4, 8, 8, 8),
    kernels=((3, 3, 3),) * 4,
    strides=((1, 1, 1), *((2, 2, 2),) * 3),
    blocks=(2, 2, 2, 2),
)


def stepped(state: TrainingState, plan: Plan, steps=2) -> TrainingState:
    """A state whose moments and average are no longer those it began with."""
    for step in range(steps):
        chance = torch.Generator().manual_seed(step)
        image = torch.randn(1, 1, *plan.patch_shape, generator=chance)
        state.supervised.zero_grad()
        sum(level.square().mean() for level in state.supervised(image)).backward()
        state.optimiser.step()
        state.average.update_parameters(state.network)
        state.step += 1
    return state


def stepped_state(
    plan: Plan = TINY_PLAN, settings: TrainingSettings = QUICK
) -> TrainingState:
    state = stepped(new_state(plan, settings), plan)
    state.seconds = 12.5
    state.loss_sum, state.loss_count = 3.25, 2
    state.patience = Patience(best=0.625, waited=3)
    return state


@pytest.fixture
def state() -> TrainingState:
    return stepped_state()


def assert_same(back: TrainingState, state: TrainingState) -> None:
    for mine, theirs in (
        (back.supervised, state.supervised),
        (back.average, state.average),
    ):
        values, expected = mine.state_dict(), theirs.state_dict()
        assert values.keys() == expected.keys()
        for name, value in values.items():
            assert torch.equal(value, expected[name])
            assert value.stride() == expected[name].stride()
    pairs = zip(
        back.supervised.parameters(), state.supervised.parameters(), strict=True
    )
    for a, b in pairs:
        mine, theirs = back.optimiser.state[a], state.optimiser.state[b]
        assert mine.keys() == theirs.keys()
        for name, moment in mine.items():
            assert torch.equal(moment, theirs[name])
            assert moment.stride() == theirs[name].stride()


@pytest.mark.parametrize("optimiser", list(Optimiser))
@pytest.mark.parametrize("plan", [TINY_PLAN, DEEP], ids=["plain", "deep"])
def test_a_state_comes_back_whole_and_goes_on_bit_by_bit(tmp_path, plan, optimiser):
    path = tmp_path / "a" / "checkpoint.safetensors"
    settings = replace(QUICK, optimiser=optimiser)
    state = stepped_state(plan, settings)
    save_checkpoint(state, path, RECIPE)
    back = new_state(plan, replace(settings, seed=5))
    load_checkpoint(back, path, RECIPE)
    assert (back.step, back.seconds) == (2, 12.5)
    assert (back.loss_sum, back.loss_count) == (3.25, 2)
    assert back.patience == Patience(best=0.625, waited=3)
    assert int(back.average.n_averaged) == int(state.average.n_averaged) == 2
    assert_same(back, state)
    assert_same(stepped(back, plan), stepped(state, plan))


def test_buffers_and_frozen_parameters_come_back(tmp_path):
    """Swin UNETR has buffers; frozen parameters have no moments."""
    plan = replace(
        TINY_PLAN,
        architecture=Architecture.SWIN_UNETR,
        patch_shape=(32, 32, 32),
        widths=(12, 24, 48, 96, 192),
        kernels=((3, 3, 3),) * 5,
        strides=((1, 1, 1), *((2, 2, 2),) * 4),
        blocks=(2,) * 5,
    )
    path = tmp_path / "checkpoint.safetensors"
    state = stepped_state(plan, replace(QUICK, freeze_encoder=True))
    save_checkpoint(state, path, RECIPE)
    back = new_state(plan, replace(QUICK, freeze_encoder=True, seed=5))
    load_checkpoint(back, path, RECIPE)
    assert list(state.supervised.buffers())
    frozen = [p for p in back.supervised.parameters() if not p.requires_grad]
    assert frozen
    assert not any(parameter in back.optimiser.state for parameter in frozen)
    assert_same(back, state)


def test_a_state_before_its_first_step_comes_back(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(new_state(TINY_PLAN, QUICK), path, RECIPE)
    back = new_state(TINY_PLAN, QUICK)
    load_checkpoint(back, path, RECIPE)
    assert back.step == 0
    assert not back.optimiser.state


def test_another_recipe_is_refused(state, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(state, path, RECIPE)
    with pytest.raises(WrongUse) as caught:
        load_checkpoint(new_state(TINY_PLAN, QUICK), path, RECIPE | {"loss": "b"})
    assert caught.value.code is ErrorCode.OTHER_RECIPE
    assert "the checkpoint has loss a, now b [" in str(caught.value)


def test_hashes_that_differ_are_named_not_shown(state, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(state, path, {"plan": "a" * 64})
    with pytest.raises(WrongUse, match="the checkpoint has another plan"):
        load_checkpoint(new_state(TINY_PLAN, QUICK), path, {"plan": "b" * 64})


@pytest.mark.parametrize("kept", [0, 5, 500, 20_000])
def test_a_truncated_checkpoint_is_refused(state, tmp_path, kept):
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(state, path, RECIPE)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UnusableInput) as caught:
        load_checkpoint(new_state(TINY_PLAN, QUICK), path, RECIPE)
    assert caught.value.code is ErrorCode.DAMAGED_CHECKPOINT


def test_a_pickled_checkpoint_is_refused_unopened(state, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    torch.save(state.network.state_dict(), path)
    with pytest.raises(UnusableInput) as caught:
        load_checkpoint(state, path, RECIPE)
    assert caught.value.code is ErrorCode.DAMAGED_CHECKPOINT
