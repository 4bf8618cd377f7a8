"""The process that works on one scan after the other: what runs in it."""

import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from medseg.cohort.stages import NO_SECONDS, Engine, Recipe, Stage, StageSeconds
from medseg.cohort.workers.room import Room
from medseg.cohort.workers.troubles import out_of_memory, unforeseen
from medseg.core.errors import ErrorCode, MedSegError
from medseg.core.parent import end_with_parent
from medseg.core.threads import let_threads_sleep
from medseg.io.child_memory import leave_no_memory_on_disk, limit_memory


@dataclass(frozen=True)
class Order:
    """A task, and the number that what is said of it goes by."""

    number: int
    task: object


@dataclass(frozen=True)
class Ready:
    """The engine is loaded."""


@dataclass(frozen=True)
class Unready:
    """The engine cannot be loaded, on any task."""

    error: MedSegError


@dataclass(frozen=True)
class StageBegun:
    """A stage of a task begins now; the one before, if any, has ended."""

    number: int
    stage: Stage


@dataclass(frozen=True)
class Waits:
    """A task has ended one stage and waits for the next."""

    number: int


@dataclass(frozen=True)
class Answer:
    """A task is done."""

    number: int
    result: object
    seconds: StageSeconds


@dataclass(frozen=True)
class Problem:
    """A task cannot be done.

    Attributes:
        number: Of the task.
        error: Why.
        traceback: Where the error was not foreseen.
        is_spoilt: Whether the process is not to be trusted from now on: a GPU's error
            comes back with every later task, and memory may be in pieces.
    """

    number: int
    error: MedSegError
    traceback: str = ""
    is_spoilt: bool = False


Message = Ready | Unready | StageBegun | Waits | Answer | Problem


@dataclass(frozen=True)
class _Flight:
    """A task on its way through the stages."""

    order: Order
    made: Any = None
    seconds: StageSeconds = NO_SECONDS


def serve(
    orders: Connection, recipe: Recipe[Any, Any], memory_limit_bytes: int | None
) -> None:
    """Work off orders until None comes, or the parent has ended.

    Args:
        orders: `Order` come in, `Message` go out.
        recipe: What loads the engine.
        memory_limit_bytes: What may be taken beside the engine; None for any amount.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent decides
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()
    leave_no_memory_on_disk()
    let_threads_sleep()
    mail = _Mail(orders)
    try:
        engine = recipe.start()
    except MedSegError as error:
        mail.send(Unready(error))
        return
    if memory_limit_bytes is not None:
        limit_memory(memory_limit_bytes)
    mail.send(Ready())
    _Line(engine, mail).run()


class _Mail:
    """The connection, of which several threads write to one end."""

    def __init__(self, orders: Connection) -> None:
        self._connection = orders
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        with self._lock:
            self._connection.send(message)

    def next_order(self) -> Order | None:
        try:
            order: Order | None = self._connection.recv()
        except EOFError:
            return None
        return order


class _Line:
    """Three stages, a thread each, with room for one task between them."""

    def __init__(self, engine: Engine[Any, Any], mail: _Mail) -> None:
        self._engine = engine
        self._mail = mail
        self._read: queue.Queue[_Flight | None] = queue.Queue(1)
        self._made: queue.Queue[_Flight | None] = queue.Queue(1)
        self._room = Room()

    def run(self) -> None:
        """Until there are no more orders and the last one is written."""
        others = [
            threading.Thread(target=run, daemon=True)
            for run in (self._reading, self._writing)
        ]
        for thread in others:
            thread.start()
        while flight := self._read.get():
            work = partial(self._engine.compute, flight.order.task, flight.made)
            done = self._passed(Stage.COMPUTING, flight, work)
            del flight, work  # and with it the scan
            if done is not None:
                self._mail.send(Waits(done.order.number))
                self._made.put(done)
            del done
        self._made.put(None)
        for thread in others:
            thread.join()

    def _reading(self) -> None:
        while order := self._mail.next_order():
            self._room.enter()
            work = partial(self._engine.read, order.task)
            done = self._passed(Stage.READING, _Flight(order), work)
            if done is not None:
                self._mail.send(Waits(order.number))
                self._read.put(done)
            del done
        self._read.put(None)

    def _writing(self) -> None:
        while flight := self._made.get():
            work = partial(self._engine.write, flight.order.task, flight.made)
            done = self._passed(Stage.WRITING, flight, work)
            if done is not None:
                number = done.order.number
                self._mail.send(Answer(number, done.made, done.seconds))
                self._room.leave()
            del flight, work, done

    def _passed(
        self, stage: Stage, flight: _Flight, work: Callable[[], object]
    ) -> _Flight | None:
        """The flight behind a stage; None when that failed, which is told."""
        number = flight.order.number
        self._mail.send(StageBegun(number, stage))
        began = time.monotonic()
        try:
            made = work()
        except MedSegError as error:
            is_spoilt = error.code is ErrorCode.OUT_OF_MEMORY
            self._mail.send(Problem(number, error, is_spoilt=is_spoilt))
        except MemoryError:
            self._mail.send(Problem(number, out_of_memory(), is_spoilt=True))
        except Exception as error:  # noqa: BLE001 - one case must not end the others
            text = traceback.format_exc()
            is_spoilt = stage is Stage.COMPUTING
            problem = Problem(number, unforeseen(error, stage), text, is_spoilt)
            self._mail.send(problem)
        else:
            took = time.monotonic() - began
            seconds = replace(flight.seconds, **{stage.value: took})
            return _Flight(flight.order, made, seconds)
        self._room.leave()
        return None
