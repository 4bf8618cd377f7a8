"""Cases read in the background: the one that is wanted first, then its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from qtpy.QtCore import QObject, Signal

from napari_medseg.controls.background import Background, Report
from napari_medseg.review.cohort import Cohort, CohortCase, Measure
from napari_medseg.review.loading import CaseCache, LoadedCase, load_case


@dataclass(frozen=True, eq=False, kw_only=True)
class _Read:
    """What came of reading a case; of which cohort it is, as that may have changed."""

    cohort: Cohort
    loaded: LoadedCase


class CaseReader(QObject):
    """Reads the cases of one cohort, one at a time.

    Attributes:
        ready: The case that is wanted, as `LoadedCase`.
        failed: It cannot be read: its id, and the error.
        waiting: It is being read, by its id.
    """

    ready = Signal(object)
    failed = Signal(str, object)
    waiting = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._cohort: Cohort | None = None
        self._cases: dict[str, CohortCase] = {}
        self._cache = CaseCache()
        self._unreadable: set[str] = set()
        self._wanted = ""
        self._ahead: tuple[str, ...] = ()
        self._reading: tuple[Cohort | None, str] = (None, "")
        self._measure = Measure.DICE
        self._background = Background()
        self._background.succeeded.connect(self._on_succeeded)
        self._background.failed.connect(self._on_failed)
        self._background.finished.connect(self._on_finished)

    @property
    def is_busy(self) -> bool:
        """Whether a case is being read."""
        return self._background.is_busy

    def begin(self, cohort: Cohort | None) -> None:
        """Read the cases of another cohort from now on, or none."""
        self._cohort = cohort
        self._cases = {} if cohort is None else {c.case_id: c for c in cohort.cases}
        self._cache.clear()
        self._unreadable.clear()
        self._wanted, self._ahead = "", ()

    def want(
        self, case_id: str, measure: Measure, *, ahead: Sequence[str] = ()
    ) -> None:
        """Read a case as soon as can be, and these others when there is time.

        Args:
            case_id: Case to be shown.
            measure: Where it is worst by this measure is where to look first.
            ahead: Cases that may be wanted next, the likeliest first.
        """
        if case_id not in self._cases:
            return
        self._measure = measure
        self._unreadable.discard(case_id)
        self._wanted, self._ahead = case_id, tuple(each for each in ahead if each)
        self._go_on()

    def give_back(self, loaded: LoadedCase) -> None:
        """Keep a case that is no longer on view and was not changed."""
        if self._cases.get(loaded.case.case_id) is loaded.case:
            self._cache.add(loaded)

    def _go_on(self) -> None:
        loaded = self._cache.take(self._wanted)
        if loaded is not None:
            self._wanted = ""
            self.ready.emit(loaded)
        if self._wanted:
            self.waiting.emit(self._wanted)
        if not self.is_busy:
            self._read_next()

    def _read_next(self) -> None:
        queue = (self._wanted, *self._ahead)
        todo = [
            each
            for each in queue
            if each in self._cases
            and each not in self._cache
            and each not in self._unreadable
        ]
        if todo and self._cohort is not None:
            self._reading = self._cohort, todo[0]
            self._background.start(
                f"MedSeg: reading {todo[0]}",
                partial(_read, self._cohort, self._cases[todo[0]], self._measure),
            )

    def _on_succeeded(self, read: _Read) -> None:
        if read.cohort is self._cohort:
            self._cache.add(read.loaded)

    def _on_failed(self, error: Exception) -> None:
        cohort, case_id = self._reading
        if cohort is not self._cohort:
            return
        self._unreadable.add(case_id)
        if case_id == self._wanted:
            self._wanted = ""
            self.failed.emit(case_id, error)

    def _on_finished(self) -> None:
        self._go_on()


def _read(cohort: Cohort, case: CohortCase, measure: Measure, _report: Report) -> _Read:
    return _Read(cohort=cohort, loaded=load_case(cohort, case, measure))
