"""The map of the code has every folder, and its layers are those that are kept."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAP = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", ["medseg", "napari_medseg"])
def test_every_folder_is_on_the_map(package):
    rows = " ".join(line for line in MAP.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`(?:\w+/)?(\w+)`", rows))
    folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert folders <= named


def test_the_layers_are_those_that_are_kept():
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    kept = next(each["layers"] for each in contracts if each["name"].endswith("medseg"))
    shown = MAP.partition("## Layers")[2].split("```")[1].split("\n")[1:-1]
    assert shown == kept


def test_how_to_cite_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["title"] == "MedSeg"
    assert citation["version"] == PROJECT["project"]["version"]


def test_linked_files_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), target
