"""Engines for tests: tasks that go well, raise, crash, hang or eat memory."""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NoReturn

from medseg.cohort.stages import Engine, Stage
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse

HOURS_S = 36000.0
LOOK_S = 0.02
OPEN = "open"

_spoilt: list[str] = []


class Fate(Enum):
    """What happens to a task."""

    GOOD = "good"
    REFUSED = "refused"
    BUG = "bug"
    SPOILS = "spoils"
    CRASH = "crash"
    HANG = "hang"
    FREEZE = "freeze"
    GREEDY = "greedy"
    TOO_LARGE = "too large"
    WAITS = "waits"


_CODES = {
    Fate.REFUSED: ErrorCode.TRUNCATED_FILE,
    Fate.TOO_LARGE: ErrorCode.OUT_OF_MEMORY,
}


@dataclass(frozen=True)
class Task:
    """A piece of work with a fate.

    Attributes:
        name: Of the file that is left when it is done.
        fate: What happens to it.
        stage: When.
        times: How often, before it goes well.
    """

    name: str
    fate: Fate = Fate.GOOD
    stage: Stage = Stage.READING
    times: int = 1000


@dataclass(frozen=True)
class WorkshopRecipe:
    """An engine that leaves a file for every task it has done."""

    folder: Path

    def start(self) -> Engine[Task, str]:
        return Engine(read=self._read, compute=self._compute, write=self._write)

    def _read(self, task: Task) -> Task:
        self._meet(task, Stage.READING)
        return task

    def _compute(self, task: Task, read: Task) -> Task:
        assert task == read
        self._meet(task, Stage.COMPUTING)
        if _spoilt:
            raise RuntimeError(f"spoilt by {_spoilt[0]}")
        return read

    def _write(self, task: Task, _made: Task) -> str:
        self._meet(task, Stage.WRITING)
        with (self.folder / task.name).open("a") as file:
            file.write("done\n")
        return task.name.upper()

    def _meet(self, task: Task, stage: Stage) -> None:
        if task.fate is Fate.GOOD or task.stage is not stage:
            return
        tries = _count(self.folder / f"{task.name}.tries")
        if tries <= task.times:
            _bring(task, tries, self.folder)


@dataclass(frozen=True)
class BrokenRecipe:
    """An engine that cannot be loaded."""

    def start(self) -> Engine[Task, str]:
        raise WrongUse(
            ErrorCode.UNKNOWN_MODEL, "no such model", where="x", remedy="Give another."
        )


@dataclass(frozen=True)
class FaultyRecipe:
    """An engine that loads, and then fails with every task, as on a broken GPU."""

    def start(self) -> Engine[Task, str]:
        return Engine(read=self._read, compute=self._compute, write=self._write)

    def _read(self, task: Task) -> Task:
        return task

    def _compute(self, task: Task, read: Task) -> NoReturn:
        raise RuntimeError(f"no {task.name} on this device, nor {read.name}")

    def _write(self, task: Task, _made: Task) -> str:
        raise AssertionError(task)


@dataclass(frozen=True)
class DeadRecipe:
    """An engine whose process is gone before it is loaded."""

    def start(self) -> Engine[Task, str]:
        os._exit(3)


@dataclass(frozen=True)
class FickleRecipe:
    """An engine each start of which goes differently, and well after the last one."""

    folder: Path
    starts: tuple[Callable[[Path], "WorkshopRecipe | BrokenRecipe | DeadRecipe"], ...]

    def start(self) -> Engine[Task, str]:
        number = _count(self.folder / "starts")
        chosen = self.starts[number - 1] if number <= len(self.starts) else well
        return chosen(self.folder).start()


def well(folder: Path) -> WorkshopRecipe:
    return WorkshopRecipe(folder)


def broken(_folder: Path) -> BrokenRecipe:
    return BrokenRecipe()


def dead(_folder: Path) -> DeadRecipe:
    return DeadRecipe()


def _count(file: Path) -> int:
    """How often this was asked of a file, whatever process asked."""
    with file.open("a") as counted:
        counted.write("1")
    return file.stat().st_size


def _bring(task: Task, tries: int, folder: Path) -> None:
    match task.fate:
        case Fate.REFUSED | Fate.TOO_LARGE:
            code = _CODES[task.fate]
            raise UnusableInput(code, "it ends", where="y", remedy="Copy it.")
        case Fate.BUG:
            raise ZeroDivisionError(f"a bug, at try {tries}")
        case Fate.SPOILS:
            _spoilt.append(task.name)
        case Fate.CRASH:
            signal.raise_signal(signal.SIGSEGV)
        case Fate.HANG:
            time.sleep(HOURS_S)
        case Fate.FREEZE:
            _freeze(folder / f"{task.name}.pid")
        case Fate.GREEDY:
            bytearray(64 * 2**30)
        case Fate.WAITS:
            while not (folder / OPEN).exists():
                time.sleep(LOOK_S)


def _freeze(pid_file: Path) -> NoReturn:
    """As a library that never ends, and holds Python's own lock."""
    pid_file.write_text(f"{os.getpid()}\n")
    ctypes.PyDLL(None).sleep(int(HOURS_S))
    raise AssertionError
