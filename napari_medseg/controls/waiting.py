"""Waiting for work in another thread while the window goes on being drawn."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from napari.utils import progress
from qtpy.QtCore import QCoreApplication, QEventLoop, QThread, QTimer

from napari_medseg.controls.garbage import (
    collected_in_the_window,
    leave_garbage_to_the_window,
)

Result = TypeVar("Result")

_LOOK_MS = 5


def waited_for(title: str, work: Callable[[], Result]) -> Result:
    """The result of work that the caller cannot go on without.

    napari calls readers in the window's thread and wants the layers back. Meanwhile the
    window is drawn and napari shows the title; clicks and keys wait until it is done.
    Where there is no window the work is simply done.

    Args:
        title: What is going on, in a few words.
        work: Touches neither layers nor widgets. What it raises is raised here.
    """
    application = QCoreApplication.instance()
    if application is None or QThread.currentThread() != application.thread():
        return work()

    def guarded() -> Result:
        with collected_in_the_window():
            return work()

    loop = QEventLoop()
    with ThreadPoolExecutor(1) as pool, progress(total=0, desc=title):
        leave_garbage_to_the_window()
        future = pool.submit(guarded)
        look = QTimer()
        look.timeout.connect(lambda: loop.quit() if future.done() else None)
        look.start(_LOOK_MS)
        loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    return future.result()
