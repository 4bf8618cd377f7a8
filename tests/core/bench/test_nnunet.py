"""MedSeg's training step beside that of nnU-Net's own trainer."""

import sys
from itertools import islice
from pathlib import Path

import pytest

from medseg import Device, Progress, UnusableInput, WrongUse, bench
from medseg.bench.nnunet import nnunet_trainer
from medseg.bench.trainers import bench_plan, bench_settings
from medseg.bench.training import steps_beside_nnunet
from medseg.core.plan import Architecture
from medseg.networks import build_network

PLAN = bench_plan(Architecture.UNET, (8, 16, 32), (16, 24, 16), 2)
CPU = Device("cpu")


def test_a_python_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnusableInput, match=r"NOT_FOUND.*no_python"):
        bench.bench_train(nnunet_python=tmp_path / "no_python")


def test_a_folder_is_not_a_python(tmp_path):
    with (
        pytest.raises(WrongUse, match=r"INVALID_OPTION.*does not run.*nnunetv2"),
        nnunet_trainer(tmp_path, PLAN, CPU),
    ):
        pass


def test_a_python_without_nnunet_is_refused_with_its_own_words():
    with (
        pytest.raises(WrongUse, match="No module named 'nnunetv2'"),
        nnunet_trainer(Path(sys.executable), PLAN, CPU),
    ):
        pass


@pytest.mark.slow
def test_nnunet_builds_the_same_network_and_its_loss_falls(nnunet_python):
    convolutions = sum(
        each.numel() for each in build_network(PLAN).parameters() if each.dim() == 5
    )
    with nnunet_trainer(nnunet_python, PLAN, CPU) as trainer:
        first, *_, last = islice(trainer.losses(), 12)
        assert 0 <= trainer.parameters - convolutions < 0.02 * convolutions
    assert last < first


@pytest.mark.slow
def test_steps_alternate_with_those_of_nnunet(nnunet_python):
    heard: list[Progress] = []
    result = steps_beside_nnunet(
        nnunet_python,
        PLAN,
        bench_settings(device=CPU, is_compiled=False),
        repeats=2,
        on_progress=heard.append,
    )
    assert [step.note for step in heard] == ["MedSeg", "nnU-Net"] * 4
    assert [each.contender for each in result.timings] == ["MedSeg", "nnU-Net"]
    assert all(len(each.seconds) == 2 for each in result.timings)
    assert "nnunetv2" in " ".join(result.versions)
