"""What is done to each scan of a cohort, in three stages that overlap."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from medseg.core.errors import MedSegError

Task = TypeVar("Task")
Result = TypeVar("Result")


class Stage(StrEnum):
    """A part of the work on one scan."""

    READING = "reading"
    COMPUTING = "computing"
    WRITING = "writing"


@dataclass(frozen=True)
class Engine(Generic[Task, Result]):
    """What does the work, with all that it needs loaded.

    Each stage has a thread of its own, so that the next scan is read and the last one
    written while one is computed.

    Attributes:
        read: Gets what computing needs.
        compute: Makes something of what was read.
        write: Puts what was made where it belongs; what it returns is handed on.
    """

    read: Callable[[Task], Any]
    compute: Callable[[Task, Any], Any]
    write: Callable[[Task, Any], Result]


@runtime_checkable
class Recipe(Protocol[Task, Result]):
    """How a process that was just started gets its engine; can be pickled."""

    def start(self) -> Engine[Task, Result]:
        """Load what the work needs.

        Raises:
            MedSegError: Then nothing can be done at all.
        """


@dataclass(frozen=True, kw_only=True)
class StageSeconds:
    """How long each stage of one task took."""

    reading: float = 0.0
    computing: float = 0.0
    writing: float = 0.0


NO_SECONDS = StageSeconds()


@dataclass(frozen=True, kw_only=True)
class Finished(Generic[Task, Result]):
    """A task that was done."""

    task: Task
    result: Result
    seconds: StageSeconds


@dataclass(frozen=True, kw_only=True)
class Refused(Generic[Task]):
    """A task that could not be done.

    Attributes:
        task: Which.
        error: Why.
        traceback: For whoever mends MedSeg, where the error was not foreseen.
    """

    task: Task
    error: MedSegError
    traceback: str = ""


@dataclass(frozen=True, kw_only=True)
class Begun(Generic[Task]):
    """A task that a process has begun with."""

    task: Task


@dataclass(frozen=True, kw_only=True)
class GivenUp(Generic[Task]):
    """A task that was under way and will be, or would have to be, begun anew."""

    task: Task


@dataclass(frozen=True)
class Notice:
    """What to tell whoever waits, of no task in particular."""

    text: str
