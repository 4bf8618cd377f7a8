"""Python's garbage collected in the window's thread while other threads work.

Python collects unreachable cycles in whichever thread happens to allocate. Where these
hold a closed window or a timer, Qt objects are destroyed in a thread that does not own
them, and the program may crash (napari issue 1029). So as long as a piece of work runs,
collecting is left to a timer in the window's thread.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from qtpy.QtCore import QCoreApplication, QTimer

_LOOK_MS = 100


class _Collector:
    """Counts the pieces of work that run; collects for them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running = 0
        self._timer: QTimer | None = None
        self._was_enabled = True

    def begin(self) -> None:
        """Called in the window's thread, before work starts in another."""
        with self._lock:
            self._running += 1
        if self._timer is None:
            self._was_enabled = gc.isenabled()
            gc.disable()
            self._timer = QTimer(QCoreApplication.instance())
            self._timer.timeout.connect(self._on_timeout)
            self._timer.start(_LOOK_MS)

    def end(self) -> None:
        """Called in any thread."""
        with self._lock:
            self._running -= 1

    def _on_timeout(self) -> None:
        """Collect what is young; what is old waits until Python collects again."""
        young, middle, _ = gc.get_count()
        most_young, most_middle, _ = gc.get_threshold()
        if young > most_young:
            gc.collect(1 if middle > most_middle else 0)
        if self._running == 0 and self._timer is not None:
            self._timer.stop()
            self._timer.deleteLater()
            self._timer = None
            if self._was_enabled:
                gc.enable()


_collector = _Collector()


def leave_garbage_to_the_window() -> None:
    """Call in the window's thread before work starts in another thread.

    The work must run in `collected_in_the_window`, else nothing is collected any more.
    """
    _collector.begin()


@contextmanager
def collected_in_the_window() -> Iterator[None]:
    """The work, in the other thread, that garbage was left to the window for."""
    try:
        yield
    finally:
        _collector.end()
