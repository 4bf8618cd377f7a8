"""What runs in a worker of a dask cluster."""

import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from os import _exit
from pathlib import Path
from typing import IO, Any

from medseg.cohort.folder.journal import Written
from medseg.cohort.folder.places import Places
from medseg.cohort.recipe import CaseEngine
from medseg.cohort.stages import (
    Finished,
    Recipe,
    Refused,
    Stage,
    StageSeconds,
)
from medseg.cohort.workers.troubles import out_of_memory, unforeseen
from medseg.cohort.workers.watch import Watch
from medseg.cohort.workers.worker import Unready
from medseg.core.cohort import CohortCase
from medseg.core.errors import MedSegError
from medseg.core.threads import let_threads_sleep
from medseg.io.child_memory import leave_no_memory_on_disk
from medseg.io.safe_writing import writing_errors

_START_LIMIT_S = 900.0


CaseAnswer = Finished[CohortCase, Written] | Refused[CohortCase]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done with cases.

    Attributes:
        recipe: How the worker gets its engine.
        folder: Of the cohort.
        weights: Hashes of the models, by which one that was trained anew is known.
        time_limit_s: For the stages of one case; then the worker ends.
    """

    recipe: Recipe[CohortCase, Written]
    folder: Path
    weights: str
    time_limit_s: float


def work_on(job: Job, case: CohortCase) -> CaseAnswer | Unready:
    """All stages of one case.

    Two threads of a worker may be at it at the same time; then one reads or writes
    while the other computes.

    Args:
        job: What is to be done; the engine for it is loaded once.
        case: The case.
    """
    try:
        engine = _desk.engine_for(job)
    except MedSegError as error:
        return Unready(error)
    made: Any = None
    seconds: dict[str, float] = {}
    stage = Stage.READING
    try:
        with _tombstone(job.folder, case) as tombstone:
            for stage in Stage:
                with _desk.turn(stage):
                    left_s = job.time_limit_s - sum(seconds.values())
                    began = time.monotonic()
                    with _desk.watch.over(left_s, tombstone):
                        made = _passed(engine, stage, case, made)
                    seconds[stage.value] = time.monotonic() - began
    except MedSegError as error:
        return Refused(task=case, error=error)
    except MemoryError:
        return Refused(task=case, error=out_of_memory())
    except Exception as error:  # noqa: BLE001 - one case must not end the others
        text = traceback.format_exc()
        return Refused(task=case, error=unforeseen(error, stage), traceback=text)
    return Finished(task=case, result=made, seconds=StageSeconds(**seconds))


def tombstone_path(folder: Path, case: CohortCase) -> Path:
    """Where a worker that ends because of a case says so."""
    return Places(folder).log(case.case_id).with_suffix(".timed-out")


def end_process() -> None:
    """Stop at once whatever this worker does, for one that no nanny can restart."""
    _exit(1)


class _Desk:
    """The engine of this process, and whose turn it is to compute.

    One engine only: two might not fit into the memory of a GPU. A worker outlives the
    runs that it works for.
    """

    def __init__(self) -> None:
        self.watch = Watch()
        self._loading = threading.Lock()
        self._computing = threading.Lock()
        self._job: Job | None = None
        self._engine: CaseEngine | None = None

    def engine_for(self, job: Job) -> CaseEngine:
        with self._loading:
            leave_no_memory_on_disk()
            let_threads_sleep()
            if self._engine is None or self._job != job:
                self._engine = None
                with self.watch.over(_START_LIMIT_S, sys.__stderr__ or sys.stderr):
                    self._engine = job.recipe.start()
                self._job = job
            return self._engine

    def turn(self, stage: Stage) -> AbstractContextManager[object]:
        """Wait until this thread may go on with a stage."""
        return self._computing if stage is Stage.COMPUTING else nullcontext()


_desk = _Desk()


def _passed(engine: CaseEngine, stage: Stage, case: CohortCase, made: object) -> object:
    match stage:
        case Stage.READING:
            return engine.read(case)
        case Stage.COMPUTING:
            return engine.compute(case, made)
        case Stage.WRITING:
            return engine.write(case, made)


@contextmanager
def _tombstone(folder: Path, case: CohortCase) -> Iterator[IO[str]]:
    """A file that stays, with the stacks of all threads, if the process ends here."""
    path = tombstone_path(folder, case)
    with writing_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8")
    try:
        with file:
            yield file
    finally:
        path.unlink(missing_ok=True)
