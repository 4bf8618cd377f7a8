"""How much memory a call takes at its peak, measured in a process of its own."""

import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from medseg.bench.contenders import Contender, measure
from medseg.bench.scenes import Scene, organ_scene

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def peak_mb(contender: Contender, scene: Scene) -> float | None:
    """Resident memory in MB at the peak of a measurement, beyond that held before it.

    The kernel's own figure, so it counts NumPy, SciPy and torch alike. None where there
    is no such figure, which is everywhere but on Linux.
    """
    if not _RESET.exists():
        return None
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak_here, contender, scene).result()


def _peak_here(contender: Contender, scene: Scene) -> float:
    # Imports and the libraries' own tables are not what is asked for.
    measure(contender, organ_scene(scene.tolerance_mm, shape=(16, 16, 16)))
    _RESET.write_text("5")
    before = _peak_so_far()
    measure(contender, scene)
    return (_peak_so_far() - before) / 1e6


def _peak_so_far() -> int:
    found = _PEAK.search(_STATUS.read_text())
    return int(found[1]) * 1024 if found else 0
