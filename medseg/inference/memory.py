"""How much memory there is, and what it looks like when there is too little."""

import os
from pathlib import Path

import torch

_CPU_ALLOCATOR = "DefaultCPUAllocator"
"""What PyTorch names in the error when the system gives it no memory."""

_MEMORY_INFO = Path("/proc/meminfo")
_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_GROUP_USE = Path("/sys/fs/cgroup/memory.current")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is too little memory, on a GPU or not."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _CPU_ALLOCATOR in str(error)


def available_bytes() -> int | None:
    """Main memory that this process can still have; None where that is not known."""
    known = [n for n in (_left_on_machine(), _left_in_group()) if n is not None]
    return min(known, default=None)


def _left_on_machine() -> int | None:
    if _MEMORY_INFO.exists():
        lines = _MEMORY_INFO.read_text(encoding="ascii").splitlines()
        rows = (line.split() for line in lines)
        sizes = {row[0]: int(row[1]) for row in rows if len(row) == 3}
        if "MemAvailable:" in sizes:
            return sizes["MemAvailable:"] * 1024
    if "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", ()):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _left_in_group() -> int | None:
    """Of the limit of a container or a job, where there is one."""
    if not (_GROUP_LIMIT.exists() and _GROUP_USE.exists()):
        return None
    limit = _GROUP_LIMIT.read_text(encoding="ascii").strip()
    if not limit.isdigit():
        return None
    return max(0, int(limit) - int(_GROUP_USE.read_text(encoding="ascii")))
