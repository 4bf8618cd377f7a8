"""The Python of docs/instances.md, and the commands that do the same."""

import csv
import re
import shutil
from pathlib import Path

import pytest

from medseg.cli.app import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "instances.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The first block of a language on the page."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.slow
def test_the_python_block_prints_what_the_commands_write(tmp_path, monkeypatch, capsys):
    shutil.copytree(
        ROOT / "sample_data/ct_phantom", tmp_path / "sample_data/ct_phantom"
    )
    monkeypatch.chdir(tmp_path)
    for line in block("bash").splitlines()[:2]:
        assert run(line.split()[1:]) == 0
    capsys.readouterr()

    exec(compile(block("python"), "instances.md", "exec"), {})  # noqa: S102 - our own

    printed = capsys.readouterr().out.splitlines()
    with Path("lesions.instances.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert printed == [
        f"{row['instance']} {float(row['volume_ml']):.3f} ml "
        f"{float(row['longest_axial_mm']):.1f} mm {row['organ'] or '-'}"
        for row in rows
    ]
    assert len(printed) == 3
    assert "<" not in "".join(printed)  # names and numbers, no objects
