"""Work in another thread, with progress, one piece at a time, that can be stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from napari.qt.threading import FunctionWorker, create_worker
from qtpy.QtCore import QObject, Signal

import medseg
from napari_medseg.controls.garbage import (
    collected_in_the_window,
    leave_garbage_to_the_window,
)

Report = Callable[[medseg.Progress], object]
Work = Callable[[Report], object]


@dataclass(frozen=True)
class _Job:
    """Work with a name: napari shows the name when it asks before closing."""

    title: str
    work: Callable[[], None]

    def __call__(self) -> None:
        with collected_in_the_window():
            self.work()

    def __str__(self) -> str:
        return self.title


class Background(QObject):
    """Runs one piece of work at a time and tells how it goes.

    All signals arrive in the thread this object lives in. Work hears that it is to stop
    when it next reports: the report raises `medseg.Cancelled`.

    What was told to stop has no result, also where it came to its end all the same, or
    failed: who asked for it may be closed by now, or ask for something else.

    Attributes:
        progressed: A step, as `medseg.Progress`.
        succeeded: The result.
        failed: A `medseg.MedSegError`, or any other error.
        cancelled: The work has stopped.
        finished: After any of these three.
    """

    progressed = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    finished = Signal()
    _returned = Signal(object)
    _refused = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._worker: FunctionWorker[None] | None = None
        self._returned.connect(self._on_returned)
        self._refused.connect(self._on_refused)

    @property
    def is_busy(self) -> bool:
        """Whether work is going on."""
        return self._worker is not None

    def start(self, title: str, work: Work) -> None:
        """Start a piece of work; napari asks before closing its window meanwhile.

        Raises:
            RuntimeError: When work is going on.
        """
        if self._worker is not None:
            raise RuntimeError("one piece of work at a time")
        job = _Job(title, partial(self._run, work))
        worker = create_worker(job, _start_thread=False, _ignore_errors=True)
        worker.errored.connect(self.failed)  # not foreseen: napari shows its traceback
        worker.finished.connect(self._on_worker_finished)
        self._worker = worker
        leave_garbage_to_the_window()
        worker.start()

    def cancel(self) -> None:
        """Ask the work to stop; it does within one step."""
        if self._worker is not None:
            self._worker.quit()

    def _run(self, work: Work) -> None:
        """Runs in the other thread."""
        try:
            result = work(self._report)
        except medseg.Cancelled:
            self.cancelled.emit()
        except medseg.MedSegError as error:
            self._refused.emit(error)
        else:
            self._returned.emit(result)

    def _on_returned(self, result: object) -> None:
        """Back in the thread this object lives in."""
        if self._is_stopped():
            self.cancelled.emit()
        else:
            self.succeeded.emit(result)

    def _on_refused(self, error: medseg.MedSegError) -> None:
        """Back in the thread this object lives in."""
        if self._is_stopped():
            self.cancelled.emit()
        else:
            self.failed.emit(error)

    def _is_stopped(self) -> bool:
        return self._worker is not None and self._worker.abort_requested

    def _report(self, progress: medseg.Progress) -> None:
        """Runs in the other thread."""
        if self._is_stopped():
            raise medseg.Cancelled
        self.progressed.emit(progress)

    def _on_worker_finished(self) -> None:
        self._worker = None
        self.finished.emit()
