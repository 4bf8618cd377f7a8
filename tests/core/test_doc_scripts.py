"""The scripts that measure what the documents say can at least be started."""

import importlib
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS = sorted(path.stem for path in DOCS.glob("*.py"))


def test_there_are_such_scripts():
    assert len(SCRIPTS) >= 6


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_finds_all_that_it_imports(name, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    monkeypatch.delitem(sys.modules, name, raising=False)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in ("napari", "qtpy", "napari_medseg", "nnunetv2"):
            raise
        pytest.skip(f"{error.name} is not installed")
    assert module.__doc__
    sys.modules.pop(name)
