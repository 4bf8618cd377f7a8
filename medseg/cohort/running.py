"""The run over a cohort: what is left to do, and what became of it."""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from medseg.cohort.folder.journal import (
    Begun,
    Done,
    Event,
    Failed,
    Journal,
    Requeued,
    Started,
    WrittenFile,
    open_journal,
)
from medseg.cohort.folder.locking import sole_run
from medseg.cohort.folder.places import Places, Shard
from medseg.cohort.folder.records import records_of
from medseg.cohort.gathered.gathering import gather, remove_unfinished
from medseg.cohort.listing.case_names import shown
from medseg.cohort.listing.privacy import without_names
from medseg.cohort.planning import Plan, asked_of, plan_of
from medseg.cohort.recipe import CohortWork
from medseg.cohort.settings import WhatToMake
from medseg.cohort.stages import Begun as TaskBegun
from medseg.cohort.stages import Finished, Notice, Refused
from medseg.cohort.status import CohortStatus, status_of
from medseg.cohort.workers.local import CaseOutcome, Executor
from medseg.core.cohort import CohortCase, Manifest
from medseg.core.errors import ErrorCode, MedSegError
from medseg.core.progress import (
    Cancelled,
    Progress,
    ProgressCallback,
    ignore_progress,
)
from medseg.core.versions import package_versions
from medseg.io.safe_writing import writing_errors

_STOPS_ALL = (ErrorCode.DISK_FULL, ErrorCode.NOT_WRITABLE)


def run_cohort(
    manifest: Manifest,
    folder: Path | str,
    make: WhatToMake,
    executor: Executor,
    *,
    shard: Shard | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> CohortStatus:
    """Segment, and with references score, every scan; go on where a run has stopped.

    A case is done when its files are whole and the journal says so. What is missing,
    has failed or was changed (its files, a model, the settings) is done; nothing else.
    A case that cannot be done is listed, and stops no other. After the last one of a
    run that is not a part the tables are written; `merge_cohort` does so for parts, and
    for a run that was stopped.

    Args:
        manifest: The cases.
        folder: For the results: an absent or empty one, or that of an earlier run.
        make: What is made of each scan.
        executor: Who does it.
        shard: The part of the cases to work on.
        on_progress: Called after every case and in between; may raise `Cancelled`:
            running cases then have a moment to end, the others are begun anew next
            time.

    Raises:
        UnusableInput: INVALID_MANIFEST; DISK_FULL or NOT_WRITABLE, which end the run;
            DAMAGED_MODEL.
        WrongUse: OUTPUT_EXISTS for a folder with something else in it; IN_USE, also
            where other parts run with another list or other settings; UNKNOWN_MODEL;
            NO_SUCH_DEVICE.
        Cancelled: From `on_progress`, when all that was running has ended.
    """
    folder = Path(folder)
    places = Places(folder)
    asked = asked_of(manifest, folder, make, shard)  # refuses before all is written
    records = records_of(places, manifest, make, asked.made_with)
    with sole_run(places, shard, records):
        plan = plan_of(asked, folder)
        with _tidied(places, shard), open_journal(places.journal(shard)) as journal:
            run = _Run(plan, make, places, journal, on_progress)
            run.begin()
            run.work_off(executor)
        if run.is_stopped:
            raise Cancelled
        if shard is None:
            gather(places)
        return status_of(places, plan.cases)


@contextmanager
def _tidied(places: Places, shard: Shard | None) -> Iterator[None]:
    """Remove what processes that were killed had not finished, before and after.

    Of a part only `merge_cohort` does so: here others may be writing.
    """
    if shard is not None:
        yield
        return
    remove_unfinished(places)
    try:
        yield
    finally:
        remove_unfinished(places)


class _Run:
    """One run: hears what becomes of the cases, and writes it down."""

    def __init__(
        self,
        plan: Plan,
        make: WhatToMake,
        places: Places,
        journal: Journal,
        on_progress: ProgressCallback,
    ) -> None:
        self.is_stopped = False
        self._plan = plan
        self._make = make
        self._places = places
        self._journal = journal
        self._on_progress = on_progress
        self._done = len(plan.cases) - len(plan.waiting)
        self._failed = 0
        self._note = ""
        self._obstacle: MedSegError | None = None
        self._cases = {case.case_id: case for case in plan.cases}

    def begin(self) -> None:
        """Say who runs, and which cases cannot even be looked at."""
        host, version = socket.gethostname(), dict(package_versions())["medseg"]
        events: list[Event] = [
            Begun(
                time_s=self._now_s(),
                host=host,
                pid=os.getpid(),
                cases=len(self._plan.cases),
                version=version,
            )
        ]
        for case_id, error in self._plan.asked.unreadable.items():
            events.append(self._failed_event(case_id, error))
        self._failed = len(self._plan.asked.unreadable)
        self._journal.add(*events)

    def work_off(self, executor: Executor) -> None:
        """Have every waiting case done."""
        unreadable = self._plan.asked.unreadable
        cases = [case for case in self._plan.waiting if case.case_id not in unreadable]
        if not cases:
            return
        self._is_to_stop()
        work = CohortWork(
            folder=self._places.folder, make=self._make, cases=tuple(cases)
        )
        outcomes = executor(work, self._is_to_stop)
        with closing(outcomes):  # type: ignore[type-var]
            for outcome in outcomes:
                self._note_outcome(outcome)
        if self._obstacle is not None:
            raise self._obstacle

    def _is_to_stop(self) -> bool:
        """Tell how far it is; whoever is told may want to stop."""
        total = len(self._plan.cases)
        done = self._done + self._failed
        try:
            self._on_progress(
                Progress(stage="cohort", done=done, total=total, note=self._note)
            )
        except Cancelled:
            self.is_stopped = True
        return self.is_stopped or self._obstacle is not None

    def _note_outcome(self, outcome: CaseOutcome) -> None:
        if isinstance(outcome, Notice):
            self._note = outcome.text
            return
        case_id = outcome.task.case_id
        now_s = self._now_s()
        if isinstance(outcome, TaskBegun):
            self._journal.add(Started(time_s=now_s, case_id=case_id))
        elif isinstance(outcome, Finished):
            self._done += 1
            self._note = case_id
            written = outcome.result
            self._remove_other_than(case_id, written.files)
            self._journal.add(
                Done(
                    time_s=now_s,
                    case_id=case_id,
                    key=self._plan.asked.keys[case_id],
                    made_with=self._plan.asked.made_with,
                    files=written.files,
                    seconds=outcome.seconds,
                    accept=self._plan.asked.accept,
                    unscored=written.unscored,
                )
            )
        elif isinstance(outcome, Refused):
            self._refuse(case_id, outcome)
        else:
            self._journal.add(Requeued(time_s=now_s, case_id=case_id))

    def _remove_other_than(self, case_id: str, files: Sequence[WrittenFile]) -> None:
        """What other settings have left of a case: it is nothing of this run."""
        names = {file.name for file in files}
        for file in self._plan.earlier.get(case_id, ()):
            if file.name not in names:
                path = self._places.folder / file.name
                with writing_errors(path):
                    path.unlink(missing_ok=True)

    def _refuse(self, case_id: str, refused: Refused[CohortCase]) -> None:
        if refused.error.code in _STOPS_ALL:  # what is under way may still end
            self._obstacle = self._obstacle or refused.error
            self._journal.add(Requeued(time_s=self._now_s(), case_id=case_id))
            return
        self._failed += 1
        self._note = f"{case_id}: {refused.error.code}, {self._failed} failed"
        if refused.traceback:
            log = self._places.log(case_id)
            with writing_errors(log):
                log.parent.mkdir(exist_ok=True)
                log.write_text(shown(refused.traceback), encoding="utf-8")
        self._remove_other_than(case_id, ())
        self._journal.add(self._failed_event(case_id, refused.error))

    def _failed_event(self, case_id: str, error: MedSegError) -> Failed:
        case = self._cases[case_id]
        return Failed(
            time_s=self._now_s(),
            case_id=case_id,
            key=self._plan.asked.keys.get(case_id, ""),
            code=error.code,
            what=without_names(error.what, case),
            remedy=without_names(error.remedy, case),
        )

    def _now_s(self) -> float:
        """Never before what is in the journals: the clock of a machine may be wrong."""
        return max(time.time(), self._plan.newest_s)
