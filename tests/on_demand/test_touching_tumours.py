"""Tumours that touch, counted: right in nine of ten generated cases and more.

    pytest tests/on_demand/test_touching_tumours.py -o log_cli=true

A network is trained first, in some minutes on a CPU core. The truth is the
generator's.
"""

import importlib.util
import logging
from pathlib import Path
from types import ModuleType

import pytest

import medseg

SCRIPT = Path(__file__).parents[2] / "docs/measure_instances.py"
WANTED_RIGHT = 45
MINIMUM_QUALITY = {  # panoptic quality, of ways that are to count right
    "distance, neck 0.75 mm": 0.95,
    "intensity, dark, contrast 5 HU": 0.95,
    "learned": 0.9,
    "learned, in the network's own labels": 0.75,
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """What docs/instances.md is measured by."""
    spec = importlib.util.spec_from_file_location("measure_instances", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def phantoms(script) -> list[medseg.Phantom]:
    assert len(script.JUDGED) == 50
    return [medseg.make_touching_tumours(seed) for seed in script.JUDGED]


@pytest.fixture(scope="module")
def ways(script, tmp_path_factory):
    model = script.trained(tmp_path_factory.mktemp("taught"))
    return {**script.by_watersheds(), **script.by_network(model)}


def counted(script, ways, name, phantoms):
    count = script.counted_by(ways[name], phantoms)
    logging.getLogger(__name__).info("%s: %s", name, count)
    return count


def test_connected_pieces_alone_miscount(script, ways, phantoms):
    count = counted(script, ways, "connected pieces", phantoms)
    assert count.right <= 5
    assert count.quality < 0.5


@pytest.mark.parametrize("name", MINIMUM_QUALITY)
def test_watershed_and_learned_head_count_right(script, ways, phantoms, name):
    count = counted(script, ways, name, phantoms)
    assert count.right >= WANTED_RIGHT
    assert count.quality >= MINIMUM_QUALITY[name]
