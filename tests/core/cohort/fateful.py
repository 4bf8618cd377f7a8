"""An executor on a cluster whose engines do little, and with some cases go wrong."""

import ctypes
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import medseg
from medseg.cohort.folder.journal import Written
from medseg.cohort.recipe import CohortWork
from medseg.cohort.stages import Engine
from medseg.core.cohort import CohortCase
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse

HOURS_S = 36000
NO_MODEL = "no-model-here"


@dataclass(frozen=True)
class FatefulRecipe:
    """An engine that keeps a diary; what a case's name begins with is its fate."""

    folder: Path
    threads: int

    def start(self) -> Engine[CohortCase, Written]:
        self.note("loads")
        if (self.folder / NO_MODEL).exists():
            raise WrongUse(
                ErrorCode.UNKNOWN_MODEL, "no model", where="x", remedy="Give another."
            )
        return Engine(read=self.read, compute=self.compute, write=self.write)

    def read(self, case: CohortCase) -> None:
        self.note(f"reads {case.case_id}")

    def compute(self, case: CohortCase, _: None) -> None:
        self.note(f"computes {case.case_id}")
        fate = FATES.get(case.case_id.partition("_")[0])
        if fate is not None:
            fate()
        time.sleep(0.05)
        self.note(f"computed {case.case_id}")

    def write(self, case: CohortCase, _: None) -> Written:
        self.note(f"writes {case.case_id}")
        return Written(files=())

    def note(self, text: str) -> None:
        with (self.folder / "diary").open("a") as diary:
            diary.write(f"{os.getpid()} {text}\n")


@dataclass(frozen=True, kw_only=True)
class FatefulExecutor(medseg.DaskExecutor):
    def recipe(self, work: CohortWork, threads: int) -> FatefulRecipe:
        return FatefulRecipe(work.folder.absolute(), threads)


def read_diary(folder: Path) -> list[tuple[int, str]]:
    """Process and what it did, in the order of things."""
    lines = (folder / "diary").read_text().splitlines()
    pairs = [line.split(maxsplit=1) for line in lines]
    return [(int(pid), text) for pid, text in pairs]


def _crash() -> None:
    signal.raise_signal(signal.SIGSEGV)


def _hang() -> None:
    """As a decoder that never ends, and holds Python's own lock."""
    ctypes.PyDLL(None).sleep(HOURS_S)


def _refuse() -> NoReturn:
    raise UnusableInput(
        ErrorCode.TRUNCATED_FILE, "it ends", where="y", remedy="Copy it."
    )


def _fail() -> NoReturn:
    raise ZeroDivisionError("a bug")


def _want_memory() -> NoReturn:
    raise MemoryError


FATES = {
    "crash": _crash,
    "hang": _hang,
    "refused": _refuse,
    "bug": _fail,
    "greedy": _want_memory,
}
