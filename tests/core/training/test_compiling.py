"""Training with a compiled network, without a compiler, and with a broken one."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import medseg
from medseg.core.settings import Optimiser
from medseg.training.cases import training_case
from medseg.training.loop import new_state, training_steps
from medseg.training.samples import PatchSource
from medseg.training.team import Team
from tests.core.making import segmentation_of, volume_of
from tests.core.training.cubes import QUICK, cube, write_cubes
from tests.core.training.shortage import take_too_much, take_too_much_of_a_gpu
from tests.core.training.test_loop import LABELS, PLAN

COMPILED = replace(
    QUICK,
    compile=True,
    fold=None,
    steps=2,
    optimiser=Optimiser.SGD,
    learning_rate=1.0,
)


@pytest.mark.parametrize(
    ("compiled", "steps", "expected"),
    [
        (None, 99, False),
        (None, 100, True),
        (True, 1, True),
        (False, 2400, False),
    ],
)
def test_a_network_is_compiled_where_the_steps_pay_for_it(compiled, steps, expected):
    settings = medseg.TrainingSettings(compile=compiled, steps=steps)
    assert settings.is_compiled is expected


def test_training_needs_no_compiler_and_says_so_once(tmp_path, monkeypatch, caplog):
    dataset = medseg.read_dataset(write_cubes(tmp_path / "data"))
    (tmp_path / "tools").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    with caplog.at_level("WARNING", logger="medseg"):
        medseg.train(dataset, tmp_path / "out", COMPILED)
    (record,) = [record for record in caplog.records if "medseg" in record.name]
    assert "no g++ found" in record.message
    assert (tmp_path / "out/model.json").is_file()


@pytest.mark.parametrize("fail", [take_too_much, take_too_much_of_a_gpu])
def test_too_little_memory_is_not_laid_to_the_compiler(fail, monkeypatch, caplog):
    monkeypatch.setattr(shutil, "which", lambda _: "g++")
    monkeypatch.setattr(torch, "compile", lambda *_, **__: fail)
    image, labels = cube(0)
    reference = segmentation_of(labels, labels=LABELS)
    case = training_case("0", volume_of(image), reference, PLAN)
    batches = [PatchSource([case], PLAN, seed=0).batch(0)]
    steps = training_steps(new_state(PLAN, COMPILED), batches, PLAN, COMPILED, Team())
    with pytest.raises(medseg.UnusableInput, match="training step 1") as caught:
        next(iter(steps))
    assert caught.value.code is medseg.ErrorCode.OUT_OF_MEMORY
    assert "going on without it" not in caplog.text


CODE = """
import logging, sys
from pathlib import Path
import medseg
from medseg.core.settings import Optimiser
from tests.core.training.test_compiling import COMPILED
logging.basicConfig(level=logging.WARNING)
medseg.train(medseg.read_dataset(sys.argv[1]), Path(sys.argv[2]), COMPILED)
"""


def train_elsewhere(
    folder: Path, out: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Without the checks of types in tests, which are not made for the compiler."""
    return subprocess.run(
        [sys.executable, "-c", CODE, str(folder), str(out)],
        env={
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "HOME": str(out.parent),
            "OMP_NUM_THREADS": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler")
def test_a_compiled_network_learns_what_a_plain_one_does(tmp_path):
    folder = write_cubes(tmp_path / "data")
    result = train_elsewhere(folder, tmp_path / "out", PATH=os.environ["PATH"])
    assert result.returncode == 0, result.stderr
    assert ":medseg." not in result.stderr
    (compiled,) = medseg.load_model(tmp_path / "out").networks
    settings = replace(COMPILED, compile=False)
    model = medseg.train(medseg.read_dataset(folder), tmp_path / "plain", settings)
    (plain,) = model.networks
    weights = compiled.state_dict()
    for name, weight in plain.state_dict().items():
        torch.testing.assert_close(weights[name], weight, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_broken_compiler_is_left_out_with_one_line(tmp_path):
    compiler = tmp_path / "tools/g++"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    folder = write_cubes(tmp_path / "data")
    result = train_elsewhere(
        folder,
        tmp_path / "out",
        PATH=str(compiler.parent),
        TORCHINDUCTOR_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if ":medseg." in line]
    assert "going on without it" in line
    assert (tmp_path / "out/model.json").is_file()
