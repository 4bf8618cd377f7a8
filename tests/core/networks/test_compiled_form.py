"""Forms that are compiled, and what happens where they cannot be."""

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medseg.core.plan import Architecture
from medseg.networks import build_network, inference_form
from medseg.networks.fused_passes import FusedPasses, fused_passes
from tests.core.making import TINY_PLAN
from tests.core.networks.either_way import COMPILER, needs_compiler, needs_vnni
from tests.core.networks.test_inference_form import (
    CPU,
    assert_same_logits,
    images,
    learnt,
    needs_bfloat16,
    needs_onednn,
)


def test_without_a_compiler_the_plain_form_is_given(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    plan = replace(TINY_PLAN, architecture=Architecture.SEGRESNET)
    network = learnt(build_network(plan))
    with caplog.at_level(logging.WARNING):
        form = inference_form(network, CPU, torch.float32, compiled=True)
    assert "no g++ found" in caplog.text
    assert_same_logits(form, network, images(plan))


def compiler_that(does: str, folder: Path) -> Path:
    """Folder with a g++ of one line of shell."""
    compiler = folder / "tools/g++"
    compiler.parent.mkdir()
    compiler.write_text(f"#!/bin/sh\n{does}\n")
    compiler.chmod(0o755)
    return compiler.parent


def run_apart(
    code: str, folder: Path, path: str = os.defpath
) -> "subprocess.CompletedProcess[str]":
    """In a process of its own, as importing the compiler warns."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PATH": path,
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "TORCHINDUCTOR_CACHE_DIR": str(folder / "cache"),
            "HOME": str(folder),
            "OMP_NUM_THREADS": "1",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


CODE = """
import logging, torch
from medseg.networks import inference_form
logging.basicConfig(level=logging.WARNING)
network = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 3), torch.nn.ReLU())
form = inference_form(network, torch.device("cpu"), torch.float32, compiled=True)
image = torch.ones(1, 1, 4, 4, 4)
for _ in range(2):
    assert torch.equal(form(image), network(image).detach())
"""


@pytest.mark.slow
def test_a_broken_compiler_is_left_out_with_one_line(tmp_path):
    result = run_apart(CODE, tmp_path, str(compiler_that("exit 1", tmp_path)))
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if ":medseg." in line]
    assert "going on without it" in line


@needs_onednn
def test_a_u_net_in_32_bits_on_a_cpu_says_that_it_is_not_compiled(caplog):
    caplog.set_level(logging.INFO)
    inference_form(build_network(TINY_PLAN), CPU, torch.float32, compiled=True)
    assert "a U-Net in 32 bits on a CPU is as quick without a compiler" in caplog.text


@needs_bfloat16
@needs_compiler
@pytest.mark.parametrize(
    ("dtype", "method"),
    [
        (torch.bfloat16, "activate"),
        pytest.param(torch.int8, "encode", marks=needs_vnni),
    ],
    ids=str,
)
def test_every_level_of_a_compiled_u_net_goes_through_compiled_passes(
    dtype, method, monkeypatch
):
    went = []
    original = getattr(FusedPasses, method)

    def recorded(self, features, *arguments):
        went.append(features.shape[1])
        original(self, features, *arguments)

    monkeypatch.setattr(FusedPasses, method, recorded)
    plan = replace(TINY_PLAN, widths=(16, 32, 48))
    form = inference_form(build_network(plan), CPU, dtype, compiled=True)
    form(images(plan))
    assert {*went} == {16, 32, 48}


@pytest.fixture
def no_compiled_passes():
    fused_passes.cache_clear()
    yield
    fused_passes.cache_clear()


@needs_bfloat16
@pytest.mark.usefixtures("no_compiled_passes")
@pytest.mark.parametrize(
    ("compiler", "said"),
    [
        (None, "no g++ found"),
        ("echo no such flag >&2; echo more >&2; exit 1", "passes: no such flag"),
        ("exit 1", "returned non-zero exit status 1"),
        ('for last; do :; done; echo text > "$last"', "passes.so: file too short"),
        pytest.param(
            f'for last; do :; done; echo | {COMPILER} -shared -xc++ - -o "$last"',
            "undefined symbol: medseg_found",
            marks=needs_compiler,
        ),
    ],
    ids=["missing", "complaining", "silent", "making no library", "making another"],
)
def test_a_u_net_is_computed_without_a_compiler_that_fails(
    compiler, said, monkeypatch, tmp_path, caplog
):
    tools = compiler_that(compiler, tmp_path) if compiler else tmp_path
    path = f"{tools}:{os.environ['PATH']}" if compiler else str(tools)
    monkeypatch.setenv("PATH", path)
    network = learnt(build_network(TINY_PLAN))
    with caplog.at_level(logging.WARNING):
        forms = [
            inference_form(network, CPU, torch.bfloat16, compiled=compiled)
            for compiled in (False, True, True)
        ]
    (record,) = caplog.records
    assert said in record.getMessage()
    assert "\n" not in record.getMessage()
    plain, *others = [form(images(TINY_PLAN)) for form in forms]
    assert all(torch.equal(each, plain) for each in others)


SHAPES = """
import logging, sys, torch
from pathlib import Path
from medseg.networks.inference_form import CompiledForm
logging.basicConfig(level=logging.WARNING)
form = CompiledForm(torch.nn.Sequential(torch.nn.Softplus(), torch.nn.Tanh()))
for number, windows in enumerate((2, 1, 2, 1)):
    image = torch.randn(windows, 1, 8, 8, 8)
    torch.testing.assert_close(form(image), form.form(image))
    Path("broken").touch()
"""

BATCHES = """
import torch
from dataclasses import replace
from torch._dynamo.utils import counters
from medseg import Device, InferenceSettings, Precision
from medseg.inference import Runner, stream_of_ready
from tests.core.inference.streaming import joined, prepared_of
from tests.core.making import TINY_PLAN
torch.manual_seed(0)
network = torch.nn.Sequential(torch.nn.Conv3d(1, 3, 3, padding=1), torch.nn.ReLU())
plain = InferenceSettings(
    device=Device("cpu"), precision=Precision.FLOAT32, mirror=False, skip_air=False
)
slow, quick = (
    Runner.ready([network], TINY_PLAN, replace(plain, compile=compiled))
    for compiled in (False, True)
)
for shape in ((16, 16, 16), (40, 30, 40), (90, 30, 16)):
    prepared = prepared_of(*shape)
    a, b = (joined(stream_of_ready(runner, prepared)) for runner in (slow, quick))
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
assert counters["stats"]["unique_graphs"] == 1, counters["stats"]
"""


@pytest.mark.slow
@needs_compiler
def test_a_shape_that_cannot_be_compiled_is_computed_without(tmp_path):
    fails = f"[ -e {tmp_path}/broken ] && exit 1"
    tools = compiler_that(f'{fails}; exec {COMPILER} "$@"', tmp_path)
    result = run_apart(SHAPES, tmp_path, f"{tools}:{os.defpath}")
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if ":medseg." in line]
    assert "going on without it" in line


@pytest.mark.slow
@needs_compiler
def test_a_last_batch_of_fewer_windows_is_not_compiled_again(tmp_path):
    result = run_apart(BATCHES, tmp_path)
    assert result.returncode == 0, result.stderr
