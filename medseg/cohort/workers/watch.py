"""Ends this process when something in it takes too long."""

import faulthandler
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


class Watch:
    """Time limits on what the threads of this process do; one watch a process.

    A library that hangs cannot be stopped from within, and may even hold Python's own
    lock. So where a limit is passed the whole process ends, at the hand of a thread
    that needs no such lock, and leaves behind where it was.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[int, tuple[float, IO[str]]] = {}
        self._number = 0

    @contextmanager
    def over(self, limit_s: float, tombstone: IO[str]) -> Iterator[None]:
        """End the process when the block takes longer.

        Args:
            limit_s: What it may take.
            tombstone: Open file that the stacks of all threads are then written to.
        """
        with self._lock:
            self._number += 1
            number = self._number
            self._due[number] = time.monotonic() + limit_s, tombstone
            self._arm()
        try:
            yield
        finally:
            with self._lock:
                del self._due[number]
                self._arm()

    def _arm(self) -> None:
        """Python has one such alarm: it is set for whatever is due first."""
        if not self._due:
            faulthandler.cancel_dump_traceback_later()
            return
        due_s, tombstone = min(self._due.values(), key=lambda each: each[0])
        left_s = max(due_s - time.monotonic(), 1e-3)
        faulthandler.dump_traceback_later(left_s, exit=True, file=tombstone)
