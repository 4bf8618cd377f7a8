"""How much memory a call takes at its peak, measured in a process of its own."""

import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from medseg.core.parent import end_with_parent

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")

Result = TypeVar("Result")


def peak_mb(
    work: Callable[[], object], *, warm_up: Callable[[], object]
) -> float | None:
    """Resident memory in MB at the peak of some work, beyond that held before it.

    The kernel's own figure, so it counts NumPy, SciPy and torch alike. None where there
    is no such figure, which is everywhere but on Linux.

    Args:
        work: What is measured; it is sent to the other process.
        warm_up: The same on something small: imports and the libraries' own tables
            are not what is asked for.
    """
    if not _RESET.exists():
        return None
    with _process() as pool:
        return pool.submit(_peak_here, work, warm_up).result()


def with_whole_peak(work: Callable[[], Result]) -> tuple[Result, float | None]:
    """What some work returns, and the peak of the whole process that it alone is in.

    In MB of resident memory, libraries included; None anywhere but on Linux.

    Args:
        work: Sent to the other process.
    """
    with _process() as pool:
        return pool.submit(_with_whole_peak_here, work).result()


def _process() -> ProcessPoolExecutor:
    """Another process, which goes on for nobody who is gone."""
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=end_with_parent)


def _with_whole_peak_here(work: Callable[[], Result]) -> tuple[Result, float | None]:
    result = work()
    return result, _peak_so_far() / 1e6 if _RESET.exists() else None


def _peak_here(work: Callable[[], object], warm_up: Callable[[], object]) -> float:
    warm_up()
    _RESET.write_text("5")
    before = _peak_so_far()
    result = work()
    peak = (_peak_so_far() - before) / 1e6
    del result  # held until here, as a caller would hold it
    return peak


def _peak_so_far() -> int:
    found = _PEAK.search(_STATUS.read_text())
    return int(found[1]) * 1024 if found else 0
