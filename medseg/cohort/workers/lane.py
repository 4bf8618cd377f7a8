"""One worker process as its parent sees it."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from medseg.cohort.stages import Recipe
from medseg.cohort.workers.worker import (
    Message,
    Order,
    Ready,
    StageBegun,
    Waits,
    serve,
)

_END_S = 10.0


@dataclass
class Flight:
    """A task that is with the process.

    Attributes:
        is_alone: Whether it is there on its own, for it may have spoilt a process.
        used_s: What its stages have taken so far, waiting between them left out.
        since_s: When the stage that is running began, by the monotonic clock.
    """

    is_alone: bool = False
    used_s: float = 0.0
    since_s: float | None = None

    def hear(self, message: StageBegun | Waits, now_s: float) -> None:
        """Take the time of its stages."""
        if self.since_s is not None:
            self.used_s += now_s - self.since_s
        self.since_s = now_s if isinstance(message, StageBegun) else None

    def seconds(self, now_s: float) -> float:
        """What its stages have taken until now."""
        running = 0.0 if self.since_s is None else now_s - self.since_s
        return self.used_s + running


class Lane:
    """A process with an engine, and the tasks that are with it.

    Args:
        recipe: What loads its engine.
        memory_limit_bytes: As `serve` takes it.

    Attributes:
        flights: By number of the task, in the order they were sent.
        is_ready: Whether its engine is loaded.
    """

    def __init__(
        self, recipe: Recipe[Any, Any], memory_limit_bytes: int | None
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=serve, args=(other, recipe, memory_limit_bytes), daemon=False
        )
        self._process.start()
        other.close()
        self.flights: dict[int, Flight] = {}
        self.is_ready = False
        self._started_s = time.monotonic()

    def send(self, number: int, task: object, *, is_alone: bool) -> bool:
        """Hand a task over; False where the process has died."""
        try:
            self.connection.send(Order(number, task))
        except (BrokenPipeError, ConnectionResetError):
            return False
        self.flights[number] = Flight(is_alone=is_alone)
        return True

    def messages(self) -> Iterator[Message | None]:
        """What has come from the process; None when it has died."""
        try:
            while self.connection.poll():
                message: Message = self.connection.recv()
                if isinstance(message, Ready):
                    self.is_ready = True
                if isinstance(message, StageBegun | Waits):
                    flight = self.flights.get(message.number)
                    if flight is not None:
                        flight.hear(message, time.monotonic())
                yield message
        except (EOFError, ConnectionResetError):
            yield None

    def overdue(self, limit_s: float) -> list[int]:
        """Tasks whose stages have taken longer than they may."""
        now_s = time.monotonic()
        return [
            number
            for number, flight in self.flights.items()
            if flight.seconds(now_s) > limit_s
        ]

    def is_stuck(self, limit_s: float) -> bool:
        """Whether its engine takes longer to load than it may."""
        return not self.is_ready and time.monotonic() - self._started_s > limit_s

    def end(self) -> None:
        """Let it finish what it has and end; kill it if it does not."""
        if not self.flights:
            with suppress(BrokenPipeError, ConnectionResetError):
                self.connection.send(None)
            self._process.join(_END_S)
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.join()
        self.connection.close()
