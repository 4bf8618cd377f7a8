"""A stopped training goes on as if it had never stopped."""

from dataclasses import replace

import pytest
import torch

from medseg import ErrorCode, UnusableInput, WrongUse
from medseg.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from medseg.training.loop import new_state
from tests.core.making import TINY_PLAN
from tests.core.training.cubes import QUICK

RECIPE = "the same plan, settings and cases"


def stepped_state(steps=2) -> TrainingState:
    """A state whose moments and average are no longer those it began with."""
    state = new_state(TINY_PLAN, QUICK)
    for _ in range(steps):
        image = torch.randn(1, 1, *TINY_PLAN.patch_shape)
        state.network(image).square().mean().backward()
        state.optimiser.step()
        state.average.update_parameters(state.network)
        state.step += 1
    state.seconds = 12.5
    return state


@pytest.fixture
def state() -> TrainingState:
    return stepped_state()


def test_a_state_comes_back_whole(state, tmp_path):
    path = tmp_path / "a" / "checkpoint.safetensors"
    save_checkpoint(state, path, RECIPE)
    back = new_state(TINY_PLAN, replace(QUICK, seed=5))
    load_checkpoint(back, path, RECIPE)
    assert (back.step, back.seconds) == (2, 12.5)
    assert int(back.average.n_averaged) == int(state.average.n_averaged) == 2
    for mine, theirs in (
        (back.network, state.network),
        (back.average, state.average),
    ):
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(a, b)
            assert a.stride() == b.stride()
    for a, b in zip(back.network.parameters(), state.network.parameters(), strict=True):
        for name in ("step", "exp_avg", "exp_avg_sq"):
            mine = back.optimiser.state[a][name]
            assert torch.equal(mine, state.optimiser.state[b][name])
            assert mine.stride() == state.optimiser.state[b][name].stride()


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
        load_checkpoint(new_state(TINY_PLAN, QUICK), path, "another")
    assert caught.value.code is ErrorCode.OTHER_RECIPE


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
