"""Work that goes on in a thread while something else is read."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")


@contextmanager
def meanwhile(work: Callable[[], Result]) -> Iterator["Future[Result]"]:
    """Do some work in a thread while the block runs; over when the block is.

    Meant for hashing a file while it is read: both wait for the disk once, and hashing
    leaves Python to the block. An error in the work is raised when its result is asked
    for, so that what the block itself raises comes first.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="meanwhile") as pool:
        yield pool.submit(work)
