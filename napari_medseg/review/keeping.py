"""Verdicts on disk soon after they are given, without holding up the window."""

from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_medseg.controls.background import Background, Report
from napari_medseg.review.notes import Review, Verdict, write_verdicts

_SAVE_AFTER_MS = 400  # one write for a sentence, not one for each key


class VerdictKeeper(QObject):
    """Holds the verdicts on one cohort and writes those that are new.

    Attributes:
        failed: They cannot be written, as an error; they are tried again with the next.
    """

    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.review = Review()
        self._path: Path | None = None
        self._unsaved: dict[str, Verdict] = {}
        self._on_the_way: dict[str, Verdict] = {}
        self._has_failed = False
        self._writer = Background()
        self._writer.succeeded.connect(self._on_written)
        self._writer.failed.connect(self._on_failed)
        self._writer.finished.connect(self._on_finished)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SAVE_AFTER_MS)
        self._soon.timeout.connect(self._write)

    @property
    def is_saved(self) -> bool:
        """Whether every verdict is on disk."""
        return not self._unsaved and not self._on_the_way

    def begin(self, path: Path, review: Review) -> None:
        """Hold the verdicts on another cohort, which were read from its file.

        Raises:
            MedSegError: When those on the cohort before cannot be written.
        """
        self.flush()
        self._path, self.review = path, review

    def keep(self, review: Review, case_id: str) -> None:
        """Hold a new verdict on one case."""
        self.review = review
        self._unsaved[case_id] = review[case_id]
        self._soon.start()

    def flush(self) -> None:
        """Write at once what is not yet on disk.

        Raises:
            MedSegError: When it cannot be written.
        """
        self._soon.stop()
        unsaved = {**self._on_the_way, **self._unsaved}
        self._unsaved, self._on_the_way = {}, {}
        if self._path is not None and unsaved:
            write_verdicts(self._path, unsaved)

    def _write(self) -> None:
        if self._writer.is_busy or self._path is None or not self._unsaved:
            return
        self._on_the_way, self._unsaved = self._unsaved, {}
        self._writer.start(
            "MedSeg: saving the review", partial(_save, self._path, self._on_the_way)
        )

    def _on_written(self, _result: object) -> None:
        self._on_the_way = {}

    def _on_failed(self, error: Exception) -> None:
        self._unsaved = {**self._on_the_way, **self._unsaved}
        self._on_the_way = {}
        self._has_failed = True
        self.failed.emit(error)

    def _on_finished(self) -> None:
        if self._unsaved and not self._has_failed:
            self._soon.start()
        self._has_failed = False


def _save(path: Path, verdicts: dict[str, Verdict], _report: Report) -> None:
    write_verdicts(path, verdicts)
