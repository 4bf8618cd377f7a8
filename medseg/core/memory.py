"""How much main memory there is."""

import os
from collections.abc import Iterator
from pathlib import Path

_FILE_SYSTEM = Path("/")


def available_bytes(root: Path = _FILE_SYSTEM) -> int | None:
    """Main memory that this process can still have; None where that is not known.

    Args:
        root: Folder with the system's `proc` and `sys`.
    """
    known = [*_left_in_groups(root)]
    on_machine = _left_on_machine(root / "proc/meminfo")
    if on_machine is not None:
        known.append(on_machine)
    return min(known, default=None)


def most_used_bytes(root: Path = _FILE_SYSTEM) -> int:
    """The most main memory that this process has had; 0 where that is not known.

    Args:
        root: Folder with the system's `proc`.
    """
    return _numbers(root / "proc/self/status").get("VmHWM:", 0) * 1024


def _left_on_machine(table: Path) -> int | None:
    sizes = _numbers(table)
    if "MemAvailable:" in sizes:
        return sizes["MemAvailable:"] * 1024
    if "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", ()):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _left_in_groups(root: Path) -> Iterator[int]:
    """Of the limits of the container or job this process is in, and those round it."""
    table = root / "proc/self/cgroup"
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    mounted = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            names = "memory.max", "memory.current", "inactive_file"
            yield from _left_along(mounted, group, names)
        elif "memory" in controllers.split(","):
            v1 = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            yield from _left_along(mounted / "memory", group, v1)


def _left_along(
    mounted: Path, group: str, names: tuple[str, str, str]
) -> Iterator[int]:
    """Of a group and all it is part of.

    In a container the group's own path may lead nowhere; then its files are at the top.
    """
    limit_name, use_name, cache_name = names
    path = mounted / group.lstrip("/")
    while path.is_relative_to(mounted):
        limit, use = (_whole_number(path / name) for name in (limit_name, use_name))
        if limit is not None and use is not None:
            cache = _numbers(path / "memory.stat").get(cache_name, 0)
            yield max(0, limit - max(0, use - cache))
        path = path.parent


def _whole_number(file: Path) -> int | None:
    """None where there is no such file, or it says that there is no limit."""
    text = file.read_text(encoding="ascii").strip() if file.exists() else ""
    return int(text) if text.isdigit() else None


def _numbers(file: Path) -> dict[str, int]:
    """The table's second column by its first; empty where there is no such file."""
    lines = file.read_text(encoding="ascii").splitlines() if file.exists() else []
    rows = (line.split() for line in lines)
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
