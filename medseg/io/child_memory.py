"""A limit on what a process that opens files of strangers may take."""

import sys
from pathlib import Path

if sys.platform != "win32":
    import resource


def leave_no_memory_on_disk() -> None:
    """Have a crash write no core file: it may hold pictures of a patient."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_memory(limit_bytes: int) -> None:
    """Limit what is taken from now on, where the system says what was taken so far.

    And leave no memory on disk after a crash.
    """
    if sys.platform == "win32":
        return
    leave_no_memory_on_disk()
    taken = Path("/proc/self/statm")
    if taken.exists():
        pages = int(taken.read_text().split()[0])
        most = pages * resource.getpagesize() + limit_bytes
        _, allowed = resource.getrlimit(resource.RLIMIT_AS)
        if allowed == resource.RLIM_INFINITY or allowed > most:
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
