"""Training that is killed at any moment, and goes on."""

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path
from threading import Timer

import numpy as np
import pytest

import medseg
from medseg.training import train
from tests.core.training.cubes import QUICK, write_cubes

LONGEST_S = 0.2
KILLED_AT = (
    *("looking at cases", "preparing cases", "preparing cases"),
    *("training", "training", "training", "training", "training"),
    *("validating", "validating"),
)
"""What each of ten runs is doing soon before it is killed."""
SETTINGS = replace(QUICK, steps=60, checkpoint_every=2)
WEIGHTS = "weights/fold_0.safetensors"
PREDICTIONS = "training/fold_0/predictions"


def go_on(dataset: Path, out: Path, stage: str, kill_after_s: float) -> None:
    """Train, and be killed so long after a stage's first word; never where it is ''."""
    is_waiting = bool(stage)

    def die_soon(progress: medseg.Progress) -> None:
        nonlocal is_waiting
        if is_waiting and progress.stage == stage:
            is_waiting = False
            Timer(kill_after_s, os.kill, (os.getpid(), signal.SIGKILL)).start()

    train(
        medseg.read_dataset(dataset),
        out,
        SETTINGS,
        resume=True,
        on_progress=die_soon,
    )


@pytest.mark.slow
def test_killed_ten_times_equals_never_interrupted(tmp_path):
    dataset = write_cubes(tmp_path / "cubes")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["medseg.training.train"])
    moments = np.random.default_rng()  # any will do: none may make a difference
    codes = []
    for out, stages in (("killed", (*KILLED_AT, "")), ("whole", ("",))):
        for stage in stages:
            wait_s = float(moments.uniform(0.0, LONGEST_S))
            arguments = (dataset, tmp_path / out, stage, wait_s)
            process = context.Process(target=go_on, args=arguments)
            process.start()
            process.join()
            codes.append(process.exitcode)
    assert codes[-2:] == [0, 0]
    # a run may end before its moment comes; the first are long enough not to
    assert set(codes) == {-signal.SIGKILL, 0}
    assert codes[:3] == [-signal.SIGKILL] * 3
    files = [Path(WEIGHTS)]
    files += [Path(PREDICTIONS) / name for name in names_in(tmp_path / "whole")]
    assert len(files) > 1
    for file in files:
        whole, killed = (tmp_path / out / file for out in ("whole", "killed"))
        assert killed.read_bytes() == whole.read_bytes()


def names_in(out: Path) -> list[str]:
    return [path.name for path in (out / PREDICTIONS).glob("*.nii.gz")]
