"""One function over many tasks in several processes, of which any may die."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from typing import Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_IN_FLIGHT_A_WORKER = 2


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
    has a process, and no more than twice as many tasks as workers are under way at a
    time. When a process dies, the tasks under way run again, each alone in a process of
    its own, so that the one that kills its process is found and costs no other.

    Args:
        function: Importable by name, as are its tasks and results.
        tasks: What it is called with.
        workers: Processes.
    """
    if workers == 1:
        yield from map(function, tasks)
        return
    waiting = list(reversed(tasks))
    while waiting:
        lost: list[Task] = []
        yield from _until_one_dies(function, waiting, lost, workers)
        for task in lost:
            yield _alone(function, task)


def _until_one_dies(
    function: Callable[[Task], Result],
    waiting: list[Task],
    lost: list[Task],
    workers: int,
) -> Iterator[Result]:
    """Work off `waiting` from its end; the tasks under way at a death go to `lost`."""
    under_way: dict[Future[Result], Task] = {}
    with _processes(min(workers, len(waiting))) as pool:
        while under_way or (waiting and not lost):
            if not lost:
                _keep_busy(pool, function, waiting, under_way, workers)
            if not under_way:  # it died with nothing to do
                return
            wait(under_way, return_when=FIRST_COMPLETED)
            for future in [future for future in under_way if future.done()]:
                task = under_way.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    lost.append(task)
                else:
                    yield future.result()


def _keep_busy(
    pool: ProcessPoolExecutor,
    function: Callable[[Task], Result],
    waiting: list[Task],
    under_way: dict[Future[Result], Task],
    workers: int,
) -> None:
    """Hand out tasks, few at a time so that neither they nor their results pile up."""
    try:
        while waiting and len(under_way) < _IN_FLIGHT_A_WORKER * workers:
            under_way[pool.submit(function, waiting[-1])] = waiting[-1]
            waiting.pop()
    except BrokenProcessPool:
        return  # the tasks under way will tell
    except OSError as error:
        if error.errno is not None:
            raise
        # closed pipes, no word of the system's: it broke while a process was started


def _alone(function: Callable[[Task], Result], task: Task) -> Result | Died[Task]:
    with _processes(1) as pool:
        try:
            return pool.submit(function, task).result()
        except BrokenProcessPool:
            return Died(task)


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """New processes, without this one's threads and locks; what waits is dropped."""
    pool = ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_follow_parent,
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it has ended, even by a kill."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
