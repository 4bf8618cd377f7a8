"""Training that is killed at any moment, and goes on."""

import csv
import json
import logging
import multiprocessing
import os
import secrets
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Timer

import numpy as np
import pytest
from safetensors import safe_open

import medseg
from medseg.training import train
from tests.core.training.cubes import QUICK, write_cubes

_LOGGER = logging.getLogger(__name__)
LONGEST_S = 0.1
STEPS = 40
EVERY = 2
SETTINGS = replace(QUICK, steps=STEPS, checkpoint_every=EVERY)
RUN = Path("training/fold_0")
WEIGHTS = Path("weights/fold_0.safetensors")
BEFORE_TRAINING = ("looking at cases", "preparing cases")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When a run is killed: a while after a stage has come so far.

    Attributes:
        stage: What the run is doing.
        armed_at: Cases or steps done from when on the time runs.
        latest: Cases or steps done at which the run waits for its end.
        after_s: The while.
    """

    stage: str
    armed_at: int
    latest: int
    after_s: float


def moments_of(chance: np.random.Generator) -> list[Moment]:
    """Ten: three before the first step, five in training, two in validation."""
    fifth = STEPS // 5
    spans = [
        ("looking at cases", 1, 3, 4),
        *[("preparing cases", 1, 2, 3)] * 2,
        *(
            ("training", start + 1, start + fifth // 2, start + fifth - 1)
            for start in range(0, STEPS, fifth)
        ),
        *[("validating", 1, 1, 2)] * 2,
    ]
    return [
        Moment(
            stage=stage,
            armed_at=int(chance.integers(first, last, endpoint=True)),
            latest=latest,
            after_s=float(chance.uniform(0.0, LONGEST_S)),
        )
        for stage, first, last, latest in spans
    ]


def go_on(dataset: Path, out: Path, steps: Path, moment: Moment | None) -> None:
    """Train, note every step done, and be killed at a moment if there is one."""
    is_armed = False

    def note_and_die(progress: medseg.Progress) -> None:
        nonlocal is_armed
        if progress.stage == "training":
            with steps.open("a") as file:
                file.write(f"{progress.done}\n")
        if moment is None or progress.stage != moment.stage:
            return
        if progress.done >= moment.armed_at and not is_armed:
            is_armed = True
            Timer(moment.after_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
        if progress.done >= moment.latest:
            Event().wait()

    train(
        medseg.read_dataset(dataset),
        out,
        SETTINGS,
        resume=True,
        on_progress=note_and_die,
    )


def step_of_checkpoint(out: Path) -> int:
    """Steps in the checkpoint, which can be read whole; 0 where there is none."""
    path = out / RUN / "checkpoint.safetensors"
    if not path.exists():
        return 0
    with safe_open(path, framework="np") as file:
        return int(json.loads(file.metadata()["medseg"])["step"])


@pytest.mark.slow
def test_killed_ten_times_equals_never_interrupted(tmp_path):
    seed = secrets.randbits(32)  # any will do: none may make a difference
    _LOGGER.info("killed at the moments of np.random.default_rng(%d)", seed)
    dataset = write_cubes(tmp_path / "cubes")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["medseg.training.train"])

    def run(out: Path, moment: Moment | None) -> tuple[int | None, list[int]]:
        """Its exit code and the steps it did."""
        steps = tmp_path / "steps"
        steps.write_text("")
        process = context.Process(target=go_on, args=(dataset, out, steps, moment))
        process.start()
        process.join()
        return process.exitcode, [int(line) for line in steps.read_text().split()]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(whole, None) == (0, list(range(1, STEPS + 1)))
    for moment in moments_of(np.random.default_rng(seed)):
        kept = step_of_checkpoint(killed)
        code, steps = run(killed, moment)
        assert code == -signal.SIGKILL, moment
        if moment.stage in BEFORE_TRAINING:
            assert steps == [], moment
        elif moment.stage == "training":  # nothing lost, nothing done twice
            assert steps == list(range(kept + 1, steps[-1] + 1)), moment
            assert moment.armed_at <= steps[-1] <= moment.latest, moment
            assert step_of_checkpoint(killed) >= steps[-1] // EVERY * EVERY, moment
        else:
            assert steps == list(range(kept + 1, STEPS + 1)), moment
            assert step_of_checkpoint(killed) == STEPS, moment
    assert run(killed, None) == (0, [])
    files = [WEIGHTS]
    files += [RUN / "predictions" / name for name in predictions_in(whole)]
    assert len(files) == 3
    for file in files:
        assert (killed / file).read_bytes() == (whole / file).read_bytes()
    assert logged_steps(killed) == logged_steps(whole)
    assert not list((killed / RUN).glob(".partial-*"))


def predictions_in(out: Path) -> list[str]:
    return [path.name for path in (out / RUN / "predictions").glob("*.nii.gz")]


def logged_steps(out: Path) -> list[str]:
    with (out / RUN / "log.csv").open(newline="") as file:
        return [row["step"] for row in csv.DictReader(file)]
