"""What a training leaves behind every so many steps."""

import csv
import importlib
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import medseg
from medseg import ErrorCode, UnusableInput, WrongUse
from medseg.core.regions import Region
from medseg.core.scores import mean_of
from medseg.core.settings import TrainingSettings
from medseg.report import WatchedPatch
from medseg.training import train
from medseg.training.checkpoint import load_checkpoint
from medseg.training.loop import StepReport, Watched, new_state
from medseg.training.milestones import Milestones, structure_colours
from tests.core.making import TINY_PLAN
from tests.core.training.cubes import QUICK, write_cubes
from tests.core.training.shortage import files_of_at_most, no_work

DICE = (0.5, None)


def watched() -> Watched:
    chance = np.random.default_rng(0)
    patch = WatchedPatch(
        image=chance.normal(size=TINY_PLAN.patch_shape).astype(np.float32),
        reference=chance.random((2, *TINY_PLAN.patch_shape)) < 0.2,
        prediction=np.zeros((2, *TINY_PLAN.patch_shape), bool),
    )
    return Watched(dice=DICE, patches=(patch,) * 3)


def report_at(step: int) -> StepReport:
    return StepReport(
        step=step, loss=0.9, mean_loss=1 / step, learning_rate=1e-3, seconds=step / 2
    )


def reach(folder: Path, steps: range, settings: TrainingSettings = QUICK) -> Milestones:
    milestones = Milestones(folder, TINY_PLAN, settings, {"loss": "a"})
    milestones.start(steps.start)
    state = new_state(TINY_PLAN, settings)
    for state.step in steps[1:]:
        state.loss_sum, state.loss_count = 4.0, 2
        state.end_interval(mean_of(list(DICE)))
        milestones.reach(state, report_at(state.step), watched())
        assert (state.loss_sum, state.loss_count) == (0, 0)
    milestones.close()
    return milestones


def logged_steps(folder: Path) -> list[str]:
    with (folder / "log.csv").open(newline="") as file:
        return [row["step"] for row in csv.DictReader(file)]


def test_the_log_the_pictures_and_the_checkpoint_are_written(tmp_path):
    milestones = reach(tmp_path, range(0, 7, 2))
    assert logged_steps(tmp_path) == ["2", "4", "6"]
    for name in ("progress.png", "samples.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.width > picture.height > 100
    back = new_state(TINY_PLAN, QUICK)
    load_checkpoint(back, milestones.checkpoint, {"loss": "a"})
    assert back.step == 6
    assert (back.patience.best, back.patience.waited) == (0.5, 2)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("checkpoint.safetensors", "log.csv", "progress.png", "samples.png")
    }


def test_going_on_takes_back_what_was_logged_later(tmp_path):
    reach(tmp_path, range(0, 7, 2))
    reach(tmp_path, range(4, 7, 1))
    assert logged_steps(tmp_path) == ["2", "4", "5", "6"]


def test_pictures_are_drawn_first_and_last_and_every_twenty_seconds(tmp_path):
    settings = replace(QUICK, steps=1000)
    drawn = {}
    milestones = Milestones(tmp_path, TINY_PLAN, settings, {"loss": "a"})
    milestones.start(0)
    state = new_state(TINY_PLAN, settings)
    for step in (2, 40, 44, 1000):
        milestones.reach(state, report_at(step), watched())
        drawn[step] = (tmp_path / "progress.png").read_bytes()
    assert drawn[2] == drawn[40]
    assert len({drawn[step] for step in (40, 44, 1000)}) == 3


def test_no_pictures_where_there_is_no_matplotlib(tmp_path, monkeypatch):
    for module in ("matplotlib", "medseg.report.learning_figures"):
        monkeypatch.setitem(sys.modules, module, None)
    reach(tmp_path, range(0, 7, 2))
    assert {path.name for path in tmp_path.iterdir()} == {
        *("checkpoint.safetensors", "log.csv")
    }


def test_tensorboard_reads_the_same_numbers_also_after_going_on(tmp_path):
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is optional",
    )
    settings = replace(QUICK, tensorboard=True)
    reach(tmp_path, range(0, 7, 2), settings)
    reach(tmp_path, range(4, 8, 3), settings)
    events = accumulators.EventAccumulator(str(tmp_path / "events")).Reload()
    assert set(events.Tags()["scalars"]) == {
        *("loss", "learning rate", "pseudo-Dice/liver")
    }
    losses = {event.step: event.value for event in events.Scalars("loss")}
    assert losses == pytest.approx({2: 1 / 2, 4: 1 / 4, 7: 1 / 7})


def test_tensorboard_that_is_not_installed_is_refused_before_anything(
    tmp_path, monkeypatch
):
    dataset = medseg.read_dataset(write_cubes(tmp_path / "cubes"))
    settings = replace(QUICK, tensorboard=True)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "tensorboard", raising=False)
    with pytest.raises(WrongUse, match="pip install tensorboard") as caught:
        train(dataset, tmp_path / "out", settings, on_progress=no_work)
    assert caught.value.code is ErrorCode.INVALID_OPTION
    assert not (tmp_path / "out").exists()


def test_a_disk_too_full_for_a_picture_has_the_checkpoint_and_takes_the_rest_later(
    tmp_path,
):
    plan = replace(TINY_PLAN, widths=(2, 2, 2))  # of a checkpoint smaller than
    chance = np.random.default_rng(0)  # pictures of nothing but noise
    shape = (64, 64, 64)
    patch = WatchedPatch(
        image=chance.normal(size=shape).astype(np.float32),
        reference=chance.random((2, *shape)) < 0.2,
        prediction=chance.random((2, *shape)) < 0.5,
    )
    noise = Watched(dice=DICE, patches=(patch,) * 3)

    def reach_two(folder: Path) -> Milestones:
        milestones = Milestones(folder, plan, QUICK, {"loss": "a"})
        milestones.start(0)
        state = new_state(plan, QUICK)
        state.step = 2
        milestones.reach(state, report_at(2), noise)
        return milestones

    roomy = reach_two(tmp_path / "roomy")
    size = roomy.checkpoint.stat().st_size
    picture_size = (tmp_path / "roomy/samples.png").stat().st_size
    assert size < 0.5 * picture_size
    full = tmp_path / "full"
    with (
        files_of_at_most((size + picture_size) // 2),
        pytest.raises(UnusableInput, match=r"samples\.png") as caught,
    ):
        reach_two(full)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert logged_steps(full) == ["2"]
    back, milestones = new_state(plan, QUICK), Milestones(full, plan, QUICK, {})
    load_checkpoint(back, milestones.checkpoint, {"loss": "a"})
    assert back.step == 2
    milestones.start(back.step)
    back.step = 4
    milestones.reach(back, report_at(4), noise)
    assert logged_steps(full) == ["2", "4"]
    assert {path.name for path in full.iterdir()} == {
        *("checkpoint.safetensors", "log.csv", "progress.png", "samples.png")
    }


def test_a_disk_too_full_for_tensorboard_is_told_as_such(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="tensorboard is optional")
    events = importlib.import_module("medseg.training.events")
    # TensorBoard writes in a thread, which prints the same error before it dies
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    report = report_at(1)
    writer = events.TrainingEvents(tmp_path / "events", ["liver", "tumour"], 0)
    with files_of_at_most(500):
        with pytest.raises(UnusableInput, match="events") as caught:
            append_often(writer, report)
        writer.close()  # while that error, or another, is on its way out
    assert caught.value.code is ErrorCode.DISK_FULL


def append_often(writer, report):
    for _ in range(20):
        writer.append(report, DICE)


def test_regions_have_the_colours_of_the_labels_they_paint():
    first, second = (structure.colour for structure in TINY_PLAN.labels.structures)
    assert structure_colours(TINY_PLAN) == (first, second)
    regions = (
        Region(name="tumour", ids=(4,), painted_as=4),
        Region(name="whole", ids=(1, 4), painted_as=1),
    )
    assert structure_colours(replace(TINY_PLAN, regions=regions)) == (second, first)
