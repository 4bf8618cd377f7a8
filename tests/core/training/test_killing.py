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

KILLS = 10
LONGEST_S = 0.2
SETTINGS = replace(QUICK, steps=60, checkpoint_every=2)
WEIGHTS = "weights/fold_0.safetensors"
PREDICTIONS = "training/fold_0/predictions"


def go_on(dataset: Path, out: Path, kill_after_s: float | None) -> None:
    """Train; where a time is given, be killed so long after a step of this run."""
    steps = 0

    def die_soon(progress: medseg.Progress) -> None:
        nonlocal steps
        steps += progress.stage == "training"
        if steps == 2 and kill_after_s is not None:
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
    waits = [*moments.uniform(0.0, LONGEST_S, KILLS).tolist(), None]
    codes = []
    for out, times in (("killed", waits), ("whole", [None])):
        for wait_s in times:
            arguments = (dataset, tmp_path / out, wait_s)
            process = context.Process(target=go_on, args=arguments)
            process.start()
            process.join()
            codes.append(process.exitcode)
    assert codes.count(-signal.SIGKILL) >= KILLS // 2
    assert codes[-2:] == [0, 0]
    files = [Path(WEIGHTS)]
    files += [Path(PREDICTIONS) / name for name in names_in(tmp_path / "whole")]
    assert len(files) > 1
    for file in files:
        whole, killed = (tmp_path / out / file for out in ("whole", "killed"))
        assert killed.read_bytes() == whole.read_bytes()


def names_in(out: Path) -> list[str]:
    return [path.name for path in (out / PREDICTIONS).glob("*.nii.gz")]
