"""Training where there is no compiler, or a broken one."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import medseg
from tests.core.training.cubes import QUICK, write_cubes

COMPILED = replace(QUICK, compile=True, fold=None, steps=2)


def test_training_needs_no_compiler_and_says_so_once(tmp_path, monkeypatch, caplog):
    dataset = medseg.read_dataset(write_cubes(tmp_path / "data"))
    (tmp_path / "tools").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    with caplog.at_level("WARNING", logger="medseg"):
        medseg.train(dataset, tmp_path / "out", COMPILED)
    (record,) = [record for record in caplog.records if "medseg" in record.name]
    assert "no g++ found" in record.message
    assert (tmp_path / "out/model.json").is_file()


CODE = """
import logging, sys
from pathlib import Path
import medseg
from tests.core.training.test_compiling import COMPILED
logging.basicConfig(level=logging.WARNING)
medseg.train(medseg.read_dataset(sys.argv[1]), Path(sys.argv[2]), COMPILED)
"""


@pytest.mark.slow
def test_a_broken_compiler_is_left_out_with_one_line(tmp_path):
    compiler = tmp_path / "tools/g++"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    folder = write_cubes(tmp_path / "data")
    result = subprocess.run(
        [sys.executable, "-c", CODE, str(folder), str(tmp_path / "out")],
        env={
            "PATH": str(compiler.parent),
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
            "HOME": str(tmp_path),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if ":medseg." in line]
    assert "going on without it" in line
    assert (tmp_path / "out/model.json").is_file()
