"""Tasks over worker processes of which any may fail, crash or hang."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any, Generic, TypeVar

from medseg.cohort.stages import (
    Begun,
    Finished,
    GivenUp,
    Notice,
    Recipe,
    Refused,
    Stage,
)
from medseg.cohort.workers.lane import Lane
from medseg.cohort.workers.starts import Starts
from medseg.cohort.workers.troubles import died, timed_out
from medseg.cohort.workers.worker import (
    Answer,
    Message,
    Problem,
    Ready,
    StageBegun,
    Unready,
)
from medseg.core.errors import MedSegError

Task = TypeVar("Task")
Result = TypeVar("Result")

_LOOK_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a task and a process may take.

    Attributes:
        time_limit_s: The stages of one task together; waiting between them is free.
        start_limit_s: Loading the engine.
        memory_limit_bytes: A process beside its engine; None for any amount.
        at_once: Tasks in a process: one computed, one read, one written.
        grace_s: What running tasks have to end in, once all is to stop.
    """

    time_limit_s: float = 3600.0
    start_limit_s: float = 900.0
    memory_limit_bytes: int | None = None
    at_once: int = 3
    grace_s: float = 20.0


Outcome = Begun[Task] | Finished[Task, Result] | Refused[Task] | GivenUp[Task] | Notice


def each_outcome(
    recipes: Sequence[Recipe[Task, Result]],
    tasks: Sequence[Task],
    limits: Limits,
    should_stop: Callable[[], bool],
) -> Iterator[Outcome[Task, Result]]:
    """What becomes of every task, as it happens.

    A task that raises is refused, and costs no other. When a process dies, the tasks
    that were with it are given up and begun anew, each alone, so that the one that
    kills its process is found, refused as WORKER_DIED and costs no other. A task that
    takes too long is refused as TIMED_OUT and its process killed. After an error that
    may have spoilt its process that is replaced, and the task tried once more, alone.
    What is tried again is so elsewhere, where there are several processes.

    A process that cannot be started is left out, with a `Notice`, and so is one that
    fails time after time with tasks that another one then does; the others go on.
    All end with the thread that takes the outcomes: take them in one thread.

    Args:
        recipes: One for each process that works at the same time.
        tasks: What there is to do.
        limits: On each task and process.
        should_stop: Asked often; once it says yes, nothing new is begun, what is under
            way has `grace_s` to end, and the rest is given up.

    Returns:
        `Begun` and `GivenUp` any number of times for a task, then `Finished` or
        `Refused` once; neither where all was to stop.

    Raises:
        MedSegError: When no process can load its engine.
    """
    state = _Work(recipes=recipes, tasks=tasks, limits=limits)
    with _ended(state):
        while not state.is_over(stopping=should_stop()):
            yield from state.step()
        yield from state.give_up_all()


@dataclass(frozen=True, kw_only=True)
class _Suspect:
    """A task to be tried again, alone.

    Attributes:
        number: Of the task.
        lane: Where it was when something went wrong.
        is_sole: Whether that was with no other task than this one.
    """

    number: int
    lane: int
    is_sole: bool


@dataclass
class _Work(Generic[Task, Result]):
    """What is waiting, what is with which process, and who is suspected."""

    recipes: Sequence[Recipe[Task, Result]]
    tasks: Sequence[Task]
    limits: Limits
    waiting: deque[int] = field(default_factory=deque)
    suspects: deque[_Suspect] = field(default_factory=deque)
    tried_again: dict[int, _Suspect] = field(default_factory=dict)
    lanes: dict[int, Lane] = field(default_factory=dict)
    stopped_s: float | None = None

    def __post_init__(self) -> None:
        self.starts = Starts(len(self.recipes))
        self.waiting.extend(range(len(self.tasks)))

    def is_over(self, *, stopping: bool) -> bool:
        """Whether nothing is left to do, or to wait for."""
        if stopping and self.stopped_s is None:
            self.stopped_s = time.monotonic()
        under_way = any(lane.flights for lane in self.lanes.values())
        if self.stopped_s is not None:
            is_late = time.monotonic() - self.stopped_s > self.limits.grace_s
            return is_late or not under_way
        return not (under_way or self.waiting or self.suspects)

    def step(self) -> Iterator[Outcome[Task, Result]]:
        """Hand out what can be, then hear what has happened."""
        if self.stopped_s is None:
            self._hand_out()
        connections = {lane.connection: at for at, lane in self.lanes.items()}
        for ready in connection.wait(list(connections), _LOOK_S):
            at = connections[ready]  # type: ignore[index]
            if at in self.lanes:  # not just given up
                yield from self._hear(at)
        for at, lane in list(self.lanes.items()):
            if lane.is_stuck(self.limits.start_limit_s):
                yield from self._died(at)
            elif late := lane.overdue(self.limits.time_limit_s):
                yield from self._kill_late(at, late)

    def give_up_all(self) -> Iterator[GivenUp[Task]]:
        """Kill what still runs."""
        for at in list(self.lanes):
            if self.lanes[at].flights:
                yield from self._lost(at)

    def end(self) -> None:
        """Leave no process behind."""
        for lane in self.lanes.values():
            lane.end()
        self.lanes.clear()

    def _hand_out(self) -> None:
        for at in self.starts.usable():
            wanted = len(self.waiting) + len(self.suspects)
            if at not in self.lanes and wanted:
                recipe = self.recipes[at]
                self.lanes[at] = Lane(recipe, self.limits.memory_limit_bytes)
            lane = self.lanes.get(at)
            if lane is not None:
                self._fill(at, lane)

    def _fill(self, at: int, lane: Lane) -> None:
        """Give a process as many tasks as it may have; a suspect only alone."""
        if any(flight.is_alone for flight in lane.flights.values()):
            return
        suspect = self._suspect_for(at)
        if suspect is not None and not lane.flights:
            if lane.send(suspect.number, self.tasks[suspect.number], is_alone=True):
                self.suspects.remove(suspect)
                self.tried_again[suspect.number] = suspect
            return
        while self.waiting and len(lane.flights) < self.limits.at_once:
            if suspect is not None and lane.flights:
                return  # let it run empty: it is needed for that one
            number = self.waiting.popleft()
            if not lane.send(number, self.tasks[number], is_alone=False):
                self.waiting.appendleft(number)
                return

    def _suspect_for(self, at: int) -> _Suspect | None:
        """One that comes from elsewhere; where nobody else is, the first."""
        is_only_one = len(self.starts.usable()) == 1
        here = (each for each in self.suspects if is_only_one or each.lane != at)
        return next(here, None)

    def _hear(self, at: int) -> Iterator[Outcome[Task, Result]]:
        lane = self.lanes[at]
        for message in lane.messages():
            if message is None:
                yield from self._died(at)
                return
            if isinstance(message, Unready):
                yield from self._not_started(at, message.error)
                return
            if isinstance(message, Problem) and message.is_spoilt:
                yield from self._spoilt(at, message)
                return
            if isinstance(message, Ready):
                self.starts.succeeded(at)
            yield from self._outcome(at, message)

    def _outcome(self, at: int, message: Message) -> Iterator[Outcome[Task, Result]]:
        lane = self.lanes[at]
        if isinstance(message, StageBegun):
            if message.stage is Stage.READING:
                yield Begun(task=self.tasks[message.number])
        elif isinstance(message, Answer):
            del lane.flights[message.number]
            result: Any = message.result
            yield Finished(
                task=self.tasks[message.number], result=result, seconds=message.seconds
            )
            yield from self._judged(at, self.tried_again.pop(message.number, None))
        elif isinstance(message, Problem):
            del lane.flights[message.number]
            yield self._refused(message)

    def _judged(
        self, at: int, suspect: _Suspect | None
    ) -> Iterator[Outcome[Task, Result]]:
        """A task is done; if it failed elsewhere, it may be that lane that is bad."""
        self.starts.worked(at)
        if suspect is None or not suspect.is_sole or suspect.lane == at:
            return
        notice = self.starts.blamed(suspect.lane)
        if notice is not None:
            if suspect.lane in self.lanes:
                yield from self._replaced(suspect.lane)
            yield notice

    def _died(self, at: int) -> Iterator[Outcome[Task, Result]]:
        lane = self.lanes[at]
        if not lane.is_ready:
            yield from self._not_started(at, None)
            return
        alone = [number for number, flight in lane.flights.items() if flight.is_alone]
        if not alone:
            yield from self._lost(at)
            return
        del lane.flights[alone[0]]
        yield from self._lost(at)
        yield Refused(task=self.tasks[alone[0]], error=died())

    def _not_started(
        self, at: int, error: MedSegError | None
    ) -> Iterator[Outcome[Task, Result]]:
        """No task is to blame: none was begun."""
        yield from self._replaced(at)
        notice = self.starts.failed(at, error)
        if notice is not None:
            yield notice

    def _spoilt(self, at: int, problem: Problem) -> Iterator[Outcome[Task, Result]]:
        """Try a task once more, alone in another process, before it is refused."""
        flight = self.lanes[at].flights.pop(problem.number)
        yield from self._replaced(at)
        if flight.is_alone:
            yield self._refused(problem)
            return
        self.suspects.append(_Suspect(number=problem.number, lane=at, is_sole=True))
        yield GivenUp(task=self.tasks[problem.number])

    def _refused(self, problem: Problem) -> Refused[Task]:
        return Refused(
            task=self.tasks[problem.number],
            error=problem.error,
            traceback=problem.traceback,
        )

    def _kill_late(
        self, at: int, late: Sequence[int]
    ) -> Iterator[Outcome[Task, Result]]:
        """Refuse what takes too long; the others in its process are not to blame."""
        for number in late:
            del self.lanes[at].flights[number]
        yield from self._replaced(at)
        for number in late:
            error = timed_out(self.limits.time_limit_s)
            yield Refused(task=self.tasks[number], error=error)

    def _replaced(self, at: int) -> Iterator[GivenUp[Task]]:
        """End a process whose tasks are not to blame, and begin them anew."""
        lane = self.lanes.pop(at)
        lane.kill()
        for number, flight in reversed(lane.flights.items()):
            if flight.is_alone:
                self.suspects.appendleft(self.tried_again.pop(number))
            else:
                self.waiting.appendleft(number)
        for number in lane.flights:
            yield GivenUp(task=self.tasks[number])

    def _lost(self, at: int) -> Iterator[GivenUp[Task]]:
        """The tasks of a process that is no more: to be begun anew, each alone."""
        lane = self.lanes.pop(at)
        lane.kill()
        is_sole = len(lane.flights) == 1
        self.suspects.extend(
            _Suspect(number=number, lane=at, is_sole=is_sole) for number in lane.flights
        )
        for number in lane.flights:
            yield GivenUp(task=self.tasks[number])


@contextmanager
def _ended(work: _Work[Any, Any]) -> Iterator[None]:
    try:
        yield
    finally:
        work.end()
