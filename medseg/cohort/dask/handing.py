"""Cases over the workers of a dask cluster, of which any may die."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Future, KilledWorker

from medseg.cohort.dask.cluster import Cluster, Crew, Seat
from medseg.cohort.dask.worker import CaseAnswer, Job, tombstone_path, work_on
from medseg.cohort.stages import Begun, GivenUp, Notice, Refused
from medseg.cohort.workers.local import CaseOutcome
from medseg.cohort.workers.troubles import died, not_even_begun, timed_out
from medseg.cohort.workers.worker import Unready
from medseg.core.cohort import CohortCase
from medseg.core.errors import MedSegError

_AT_ONCE = 2
_TRIES = 3
_LOOK_S = 0.5
_FETCH_S = 10.0


@dataclass(frozen=True, eq=False)
class _Flight:
    """A case that is with a worker; alone there if a worker has died with it before."""

    case: CohortCase
    job: Job
    address: str
    is_alone: bool


class Handing:
    """Who has which case, who waits, and who is suspected of killing workers.

    Each case goes to one worker by its address, and not wherever the scheduler likes:
    so it is known who was there when a worker dies. Those that were are begun anew,
    each alone in a worker, so that the innocent are not refused with the guilty.

    Args:
        cluster: Whose workers do the work.
        job_for: What is to be done, by a worker with so many threads.
        cases: All of them.
        patience_s: How long workers may be there of which none can be used.
    """

    def __init__(
        self,
        cluster: Cluster,
        job_for: Callable[[int], Job],
        cases: Sequence[CohortCase],
        patience_s: float,
    ) -> None:
        self._cluster = cluster
        self._job_for = job_for
        self._patience_s = patience_s
        self._waiting = deque(cases)
        self._suspects: deque[CohortCase] = deque()
        self._deaths: Counter[str] = Counter()
        self._flights: dict[Future[Any], _Flight] = {}
        self._change = threading.Event()
        self._helpless_since_s: float | None = None
        self._notice = ""
        self._is_closing = False

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do, or to wait for."""
        left = not self._is_closing and (self._waiting or self._suspects)
        return not (left or self._flights)

    @property
    def is_cut_off(self) -> bool:
        """Whether the scheduler has forgotten what it was given."""
        return any(future.cancelled() for future in self._flights)

    def step(self) -> Iterator[CaseOutcome]:
        """Hear what has become of cases, then hand out others.

        Raises:
            MedSegError: When there is nobody who could do the work.
        """
        yield from self._collect()
        crew = self._cluster.crew()
        yield from self._bury(crew)
        if not self._is_closing:
            for seat in crew.usable:
                yield from self._hand_out(seat)
            yield from self._tell_about(crew)
        self._change.wait(_LOOK_S)
        self._change.clear()

    def begin_no_more(self) -> None:
        """Only what is with a worker is still waited for."""
        self._is_closing = True

    def give_up(self) -> Iterator[CaseOutcome]:
        """Say which cases are still with a worker: they will be begun anew."""
        for flight in self._flights.values():
            yield GivenUp(task=flight.case)

    def end(self) -> None:
        """Leave nothing running."""
        for future in self._flights:
            future.cancel()
        self._cluster.end({flight.address for flight in self._flights.values()})
        self._flights.clear()

    def _hand_out(self, seat: Seat) -> Iterator[CaseOutcome]:
        """Give a worker as many cases as it may have; a suspect only alone."""
        there = [
            each for each in self._flights.values() if each.address == seat.address
        ]
        if any(flight.is_alone for flight in there):
            return
        if self._suspects:
            if not there:  # else it runs empty first: it is needed for them
                yield self._send(self._suspects.popleft(), seat, is_alone=True)
            return
        for _ in range(min(_AT_ONCE, seat.threads) - len(there)):
            if self._waiting:
                yield self._send(self._waiting.popleft(), seat, is_alone=False)

    def _send(self, case: CohortCase, seat: Seat, *, is_alone: bool) -> CaseOutcome:
        job = self._job_for(seat.threads)
        future: Future[Any] = self._cluster.client.submit(
            work_on,
            job,
            case,
            pure=False,
            workers=[seat.address],
            resources=dict(self._cluster.resources) or None,
        )
        future.add_done_callback(lambda _: self._change.set())
        self._flights[future] = _Flight(case, job, seat.address, is_alone)
        return Begun(task=case)

    def _collect(self) -> Iterator[CaseOutcome]:
        for future in [each for each in self._flights if each.done()]:
            if future.status == "finished":
                try:
                    answer: CaseAnswer | Unready = future.result(timeout=_FETCH_S)
                except (OSError, CancelledError):  # its worker is gone: see `_bury`
                    continue
                yield from self._heard(self._flights.pop(future), answer)
            elif future.status == "error":
                yield from self._failed(self._flights.pop(future), future.exception())

    def _heard(
        self, flight: _Flight, answer: CaseAnswer | Unready
    ) -> Iterator[CaseOutcome]:
        if not isinstance(answer, Unready):
            yield answer
            return
        self._cluster.leave_out(flight.address, answer.error)
        self._waiting.appendleft(flight.case)
        yield GivenUp(task=flight.case)

    def _failed(self, flight: _Flight, error: object) -> Iterator[CaseOutcome]:
        """What dask itself says: a worker died, or could not even begin."""
        if isinstance(error, KilledWorker):
            yield from self._after_death(flight)
            return
        trouble = not_even_begun(error, flight.address)
        self._cluster.leave_out(flight.address, trouble)
        yield from self._tried_in_vain(flight, trouble)

    def _bury(self, crew: Crew) -> Iterator[CaseOutcome]:
        """Take back the cases of workers that are no more."""
        for future, flight in list(self._flights.items()):
            if flight.address not in crew.addresses:
                future.cancel()
                del self._flights[future]
                yield from self._after_death(flight)

    def _after_death(self, flight: _Flight) -> Iterator[CaseOutcome]:
        stacks = _taken_tombstone(flight.job.folder, flight.case)
        if stacks:
            error = timed_out(flight.job.time_limit_s)
            yield Refused(task=flight.case, error=error, traceback=stacks)
        else:
            yield from self._tried_in_vain(flight, died())

    def _tried_in_vain(
        self, flight: _Flight, error: MedSegError
    ) -> Iterator[CaseOutcome]:
        case = flight.case
        self._deaths[case.case_id] += 1
        if self._deaths[case.case_id] >= _TRIES:
            yield Refused(task=case, error=error)
        else:
            self._suspects.append(case)
            yield GivenUp(task=case)

    def _tell_about(self, crew: Crew) -> Iterator[CaseOutcome]:
        """Say why nothing, or less than could be, is done."""
        unused = next(iter(crew.others.values()), None)
        notice = ""
        if not crew.addresses:
            notice = "waits for workers: the cluster has none"
        elif unused is not None:
            notice = (
                f"{len(crew.others)} of {len(crew.addresses)} workers idle: {unused}"
            )
        if notice != self._notice:
            self._notice = notice
            yield Notice(notice)
        if crew.usable or self._flights or unused is None:
            self._helpless_since_s = None
            return
        now_s = time.monotonic()
        self._helpless_since_s = self._helpless_since_s or now_s
        refusal = self._cluster.refusal
        if refusal or now_s - self._helpless_since_s > self._patience_s:
            raise refusal or unused


def _taken_tombstone(folder: Path, case: CohortCase) -> str:
    """What a worker that ended because of a case has left, if it did."""
    path = tombstone_path(folder, case)
    try:
        stacks = path.read_text(encoding="utf-8", errors="replace")
        path.unlink()
    except OSError:
        return ""
    return stacks
