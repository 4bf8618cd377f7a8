"""Tensors in temporary files."""

import os
from math import prod
from pathlib import Path
from tempfile import TemporaryFile, gettempdir

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

_MOUNTS = Path("/proc/mounts")
_ON_DISK = Path("/var/tmp")  # noqa: S108  # the system's, kept over a restart
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


def mapped_zeros(shape: tuple[int, ...]) -> Float32[Tensor, "..."]:
    """Zeros in a temporary file that vanishes with them.

    Raises:
        torch.OutOfMemoryError: When no folder has room for it.
    """
    size = 4 * prod(shape)
    reasons = []
    for folder in temporary_folders(Path(gettempdir())):
        try:
            with TemporaryFile(prefix="medseg-", dir=folder) as file:
                _reserve(file.fileno(), size)
                array = np.memmap(file, np.float32, "r+", shape=shape)
        except (OSError, OverflowError) as error:
            reasons.append(f"{folder} ({error})")
        else:
            return torch.from_numpy(array)  # the map keeps the file
    reason = f"no room for {size} bytes in {' or '.join(reasons)}"
    raise torch.OutOfMemoryError(reason)


def temporary_folders(default: Path, mounts: Path = _MOUNTS) -> tuple[Path, ...]:
    """Where to put large files: where the system says, on a disk first.

    Args:
        default: What the system says, which may lie in main memory.
        mounts: Table of the system's file systems; it need not be there.
    """
    if _file_system(default, mounts) in _IN_MEMORY and _ON_DISK.is_dir():
        return _ON_DISK, default
    return (default,)


def _file_system(folder: Path, mounts: Path) -> str:
    """Kind of the file system a folder is on; empty where that is not known."""
    if not mounts.exists():
        return ""
    rows = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()]
    kinds = {Path(row[1]): row[2] for row in rows if len(row) > 2}
    resolved = folder.resolve()
    above = (place for place in (resolved, *resolved.parents) if place in kinds)
    return next((kinds[place] for place in above), "")


def _reserve(descriptor: int, size: int) -> None:
    """Make a file that large, with room on the disk where the system can promise it."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)
