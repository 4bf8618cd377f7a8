"""Training that is killed at any moment, and goes on."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg.training import train
from tests.core.training.cubes import QUICK, write_cubes

KILLS = 10
LONGEST_S = 1.6
SETTINGS = replace(QUICK, steps=40, checkpoint_every=2)
WEIGHTS = "weights/fold_0.safetensors"
PREDICTIONS = "training/fold_0/predictions"


def go_on(dataset: Path, out: Path) -> None:
    train(medseg.read_dataset(dataset), out, SETTINGS, resume=True)


@pytest.mark.slow
def test_killed_ten_times_equals_never_interrupted(tmp_path):
    dataset = write_cubes(tmp_path / "cubes")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["medseg.training.train"])
    moments = np.random.default_rng()  # any will do: none may make a difference
    waits = [*moments.uniform(0.1, LONGEST_S, KILLS), None]
    for out, times in (("killed", waits), ("whole", [None])):
        for wait_s in times:
            process = context.Process(target=go_on, args=(dataset, tmp_path / out))
            process.start()
            process.join(wait_s)
            process.kill()
            process.join()
    files = [Path(WEIGHTS)]
    files += [Path(PREDICTIONS) / name for name in names_in(tmp_path / "whole")]
    assert len(files) > 1
    for file in files:
        whole, killed = (tmp_path / out / file for out in ("whole", "killed"))
        assert killed.read_bytes() == whole.read_bytes()


def names_in(out: Path) -> list[str]:
    return [path.name for path in (out / PREDICTIONS).glob("*.nii.gz")]
