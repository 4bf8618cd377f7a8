"""One function over many tasks in several processes, of which any may die."""

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from medseg.core.parent import end_with_parent

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Died(Generic[Task]):
    """A task whose process ended without an answer: killed, or crashed.

    Attributes:
        task: It was alone in its process.
    """

    task: Task


def processor_count() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each_result(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> Generator[Result | Died[Task], None, None]:
    """Results as they are done, in no particular order.

    With one worker, tasks run one after the other in this process. With several, each
    process has one task at a time. The task of a process that died runs again when the
    others are done, in a process of its own and with no other beside it: what was short
    of memory for a moment is not lost, and what kills its process costs no other.

    Args:
        function: Importable by name, as are its tasks and results.
        tasks: What it is called with.
        workers: Processes.

    Raises:
        Exception: What the function raises, with the traceback of the process as a
            note. The other processes end with the tasks that they have.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    lost: list[Task] = []
    yield from _shared_out(function, tasks, workers, lost)
    for task in lost:
        lost_again: list[Task] = []
        yield from _shared_out(function, [task], 1, lost_again)
        if lost_again:
            yield Died(task)


def _shared_out(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int,
    lost: list[Task],
) -> Iterator[Result]:
    """Results of the tasks; those whose process died go to `lost`."""
    waiting = list(reversed(tasks))
    team: list[_Worker[Task, Result]] = []
    busy: dict[object, _Worker[Task, Result]] = {}  # by connection
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                team.append(_Worker(function, waiting.pop()))
                busy[team[-1].connection] = team[-1]
            for ready in connection.wait(
                [worker.connection for worker in busy.values()]
            ):
                worker = busy.pop(ready)
                task, answer = worker.task, worker.answer()
                if answer is None:
                    lost.append(task)
                    team.remove(worker)
                    worker.end()
                    continue
                if waiting:
                    worker.take(waiting.pop())
                    busy[ready] = worker
                if isinstance(answer, _Raised):
                    raise answer.error
                yield answer.result
    finally:
        for worker in team:
            worker.end()


@dataclass(frozen=True)
class _Returned(Generic[Result]):
    result: Result


@dataclass(frozen=True)
class _Raised:
    error: Exception


class _Worker(Generic[Task, Result]):
    """A new process, without this one's threads and locks, and the task it has.

    Args:
        function: What it calls.
        task: Its first.
    """

    def __init__(self, function: Callable[[Task], Result], task: Task) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.connection, other = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(function, other))
        with suppress(BrokenPipeError):  # died at once: the connection will tell
            self._process.start()
        other.close()
        self.take(task)

    def take(self, task: Task) -> None:
        """Work on this next."""
        self.task = task
        with suppress(BrokenPipeError, ConnectionResetError):  # the same
            self.connection.send(task)

    def answer(self) -> _Returned[Result] | _Raised | None:
        """What became of the task; None where the process has died."""
        try:
            answer: _Returned[Result] | _Raised = self.connection.recv()
        except (EOFError, OSError):
            return None
        return answer

    def end(self) -> None:
        """Let it finish the task that it has, and wait for that."""
        self.connection.close()
        if self._process.pid is not None:
            self._process.join()


def _serve(function: Callable[[Task], Result], parent: Connection) -> None:
    """Answer tasks until the parent closes the connection."""
    _follow_parent()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            parent.send(_answer(function, parent.recv()))


def _answer(
    function: Callable[[Task], Result], task: Task
) -> _Returned[Result] | _Raised:
    try:
        return _Returned(function(task))
    except Exception as error:  # noqa: BLE001  # raised in the parent
        error.add_note(traceback.format_exc())
        return _Raised(error)


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it has ended, even by a kill."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
