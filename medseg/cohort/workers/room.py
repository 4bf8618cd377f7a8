"""Whether there is memory to read another scan while others are worked on."""

import threading
from collections.abc import Callable

from medseg.core.memory import available_bytes, most_used_bytes

_LOOK_S = 1.0


class Room:
    """Counts the scans in a process, and holds back one for which there is no memory.

    What a scan takes is not known before it is read; the most that this process has
    taken so far, beside its engine, stands for it.

    Args:
        free_bytes: Memory there is; None where that is not known.
        most_used: The most this process has had so far, in bytes.
    """

    def __init__(
        self,
        free_bytes: Callable[[], int | None] = available_bytes,
        most_used: Callable[[], int] = most_used_bytes,
    ) -> None:
        self._free_bytes = free_bytes
        self._most_used = most_used
        self._engine_bytes = most_used()
        self._scans = 0
        self._change = threading.Condition()

    def enter(self) -> None:
        """Count a scan in, as soon as it fits or is the only one."""
        with self._change:
            while self._scans and not self._fits():
                self._change.wait(_LOOK_S)
            self._scans += 1

    def leave(self) -> None:
        """Count a scan out."""
        with self._change:
            self._scans -= 1
            self._change.notify()

    def _fits(self) -> bool:
        free_bytes = self._free_bytes()
        taken_bytes = self._most_used() - self._engine_bytes
        return free_bytes is None or free_bytes > taken_bytes
