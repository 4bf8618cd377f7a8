"""Memory that truly runs out, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AT_ONCE_FREED = {
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_ARENA_MAX": "1",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0",  # kernels are made anew, as of a new scan
}


pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the limit is one of Linux"
)


def outcomes_of(module):
    pytest.importorskip("resource", reason="no limits here")
    made = subprocess.run(
        [sys.executable, "-m", f"tests.core.inference.{module}"],
        cwd=Path(__file__).parents[3],
        env={**os.environ, **AT_ONCE_FREED},
        capture_output=True,
        text=True,
        check=False,
    )
    outcomes = [json.loads(line) for line in made.stdout.splitlines()]
    assert outcomes, made.stderr[-2000:]
    assert [outcome["error"] for outcome in outcomes if outcome["error"]] == []
    return outcomes


def test_a_u_net_without_enough_memory_steps_down_to_the_same_labels():
    outcomes = outcomes_of("little_address_space")
    assert all(outcome["same"] for outcome in outcomes)
    assert any("windows at once" in " ".join(each["steps"]) for each in outcomes)


def test_a_scan_can_still_be_prepared_after_another_had_too_little_memory():
    """Once oneDNN had too little for a kernel, it makes none in that thread."""
    outcomes = outcomes_of("scans_in_little_space")
    assert all(outcome["same"] == [True, True] for outcome in outcomes)
    assert any("windows at once" in " ".join(each["steps"][0]) for each in outcomes)
