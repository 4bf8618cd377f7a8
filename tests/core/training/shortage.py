"""Disks and memories that are too small."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from medseg import Progress

_MORE_THAN_ANY_MACHINE_HAS = 2**55


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process can grow beyond so many bytes, as on a full disk."""
    resource = pytest.importorskip("resource", reason="limits of POSIX")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def take_too_much(*_arguments: object, **_options: object) -> None:
    """What PyTorch says itself when the system gives it no memory."""
    torch.empty(_MORE_THAN_ANY_MACHINE_HAS)


def take_too_much_of_a_gpu(*_arguments: object, **_options: object) -> None:
    """The same error as from a GPU."""
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def no_work(progress: Progress) -> None:
    """A progress that must not be made."""
    raise AssertionError(f"work was done: {progress}")
