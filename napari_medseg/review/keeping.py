"""Verdicts on disk soon after they are given, without holding up the window."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qtpy.QtCore import QLockFile, QObject, QTimer, Signal

import medseg
from napari_medseg.controls.background import Background, Report
from napari_medseg.review.notes import Change, Review, write_changes

_SAVE_AFTER_MS = 400  # one write for a sentence, not one for each key
_WAIT_FOR_OTHERS_MS = 5000
_NOTHING_SAID = Change()


@dataclass(frozen=True, eq=False, kw_only=True)
class _Written:
    """All that the file of a cohort says now."""

    path: Path
    review: Review


class VerdictKeeper(QObject):
    """Holds the verdicts on one cohort and writes those that are new.

    Attributes:
        failed: They cannot be written, as an error; they are tried again with the next.
        written: They are, and `review` has what others said meanwhile.
    """

    failed = Signal(object)
    written = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.review = Review()
        self._path: Path | None = None
        self._unsaved: dict[str, Change] = {}
        self._on_the_way: dict[str, Change] = {}
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
            MedSegError: When those on the cohort before cannot be written; they are
                still held then.
        """
        self.flush()
        self._path, self.review = path, review

    def keep(self, case_id: str, change: Change) -> None:
        """Hold what is newly said of a case."""
        self.review = self.review.changed({case_id: change})
        self._unsaved[case_id] = self._unsaved.get(case_id, _NOTHING_SAID).then(change)
        self._soon.start()

    def flush(self) -> None:
        """Write at once what is not yet on disk.

        Raises:
            MedSegError: When it cannot be written; it is still held then.
        """
        self._soon.stop()
        unsaved = _together(self._on_the_way, self._unsaved)
        if self._path is not None and unsaved:
            _write_alone(self._path, unsaved)
        self._unsaved, self._on_the_way = {}, {}

    def _write(self) -> None:
        if self._writer.is_busy or self._path is None or not self._unsaved:
            return
        self._on_the_way, self._unsaved = self._unsaved, {}
        self._writer.start(
            "MedSeg: saving the review", partial(_save, self._path, self._on_the_way)
        )

    def _on_written(self, written: _Written) -> None:
        if written.path == self._path:
            self._on_the_way = {}
            self.review = written.review.changed(self._unsaved)
            self.written.emit()

    def _on_failed(self, error: Exception) -> None:
        self._unsaved = _together(self._on_the_way, self._unsaved)
        self._on_the_way = {}
        self._has_failed = True
        self.failed.emit(error)

    def _on_finished(self) -> None:
        if self._unsaved and not self._has_failed:
            self._soon.start()
        self._has_failed = False


def _together(
    earlier: Mapping[str, Change], later: Mapping[str, Change]
) -> dict[str, Change]:
    """What was said twice, the later over the earlier."""
    cases = {**earlier, **later}
    return {
        case: earlier.get(case, _NOTHING_SAID).then(later.get(case, _NOTHING_SAID))
        for case in cases
    }


def _save(path: Path, changes: dict[str, Change], _report: Report) -> _Written:
    return _Written(path=path, review=_write_alone(path, changes))


def _write_alone(path: Path, changes: Mapping[str, Change]) -> Review:
    """Write while no other napari does: each would lose what the other writes.

    Raises:
        MedSegError: As `write_changes`; NOT_WRITABLE when another takes too long.
    """
    lock = QLockFile(str(path.with_name(f".{path.name}.lock")))
    lock.tryLock(_WAIT_FOR_OTHERS_MS)
    if lock.error() == QLockFile.LockError.LockFailedError:
        raise medseg.UnusableInput(
            medseg.ErrorCode.NOT_WRITABLE,
            "another napari is writing the review",
            where=path,
            remedy="It is tried again with the next verdict.",
        )
    try:  # where no lock can be made, what is wrong shows now
        return write_changes(path, changes)
    finally:
        lock.unlock()
