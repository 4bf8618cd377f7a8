"""Runs of whole cohorts in processes of their own, which are watched and killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from medseg.cohort.folder.journal import Done, Event, read_events
from tests.core.cohort.hazards import Cohort

REPOSITORY = Path(__file__).parents[3]
LOOK_S = 0.05
_ENDS = (b'{"event":"done"', b'{"event":"failed"')
PATIENCE_S = 3600.0


@dataclass(frozen=True)
class LongRun:
    """`medseg cohort run` of a cohort with hazards, or of one part of it.

    Attributes:
        cohort: The scans.
        model: Its folder.
        out: Folder of the results.
        limit_s: What a case may take.
        workers: Processes.
        shard: I/N, or nothing for the whole.
        before: Words before the command, such as those of `unshare`.
    """

    cohort: Cohort
    model: Path
    out: Path
    limit_s: float
    workers: int = 2
    shard: str = ""
    before: tuple[str, ...] = ()

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Begin, in a process group that can be killed as one."""
        words = ["hazardous", str(self.cohort.listed), "-o", str(self.out)]
        words += ["-m", str(self.model), "--workers", str(self.workers)]
        words += ["--time-limit-s", str(self.limit_s), *more]
        words += ["--shard", self.shard] if self.shard else []
        module = "tests.core.cohort.hazardous_run"
        return started([*self.before, sys.executable, "-m", module, *words])

    @property
    def command(self) -> list[str]:
        """The same as users give it, with no hazards but those of the files."""
        words = ["cohort", "run", str(self.cohort.listed), "-o", str(self.out)]
        words += ["-m", str(self.model), "--workers", str(self.workers)]
        words += ["--device", "cpu", "--instances"]
        return [*self.before, sys.executable, "-m", "medseg", *words]

    def finish_command(self) -> int:
        """Run that to the end; the exit code."""
        with started(self.command) as process:
            return process.wait(PATIENCE_S)

    def finish(self) -> int:
        """Run to the end; the exit code."""
        with self.start() as process:
            return process.wait(PATIENCE_S)

    @property
    def journals(self) -> list[Path]:
        part = self.shard.replace("/", "-of-")
        name = f"journal-{part}.jsonl" if part else "journal*.jsonl"
        return sorted(self.out.glob(name))

    def events(self) -> list[Event]:
        return read_events(self.journals)


def started(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words, cwd=REPOSITORY, stderr=subprocess.DEVNULL, start_new_session=True
    )


def medseg_command(*words: object) -> int:
    """Run the command as users do; its exit code."""
    command = [sys.executable, "-m", "medseg", *map(str, words)]
    with started(command) as process:
        return process.wait(PATIENCE_S)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """The whole group with -9, and wait until nothing of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait_until_gone(process)


def kill_parent(process: subprocess.Popen[bytes]) -> None:
    """Only the process that leads, with -9; its workers have to end by themselves."""
    process.kill()
    process.wait()
    wait_until_gone(process)


def wait_until_gone(process: subprocess.Popen[bytes]) -> None:
    patience = time.monotonic() + PATIENCE_S
    while members(process.pid):
        assert time.monotonic() < patience, "processes are left behind"
        time.sleep(LOOK_S)


def members(group: int) -> list[int]:
    """Living processes of a group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "stat").read_text().rpartition(")")[2].split()
            if words[0] != "Z" and int(words[2]) == group:
                found.append(int(folder.name))
    return found


def wait_for_events(run: LongRun, process: subprocess.Popen[bytes], count: int) -> bool:
    """Until the journal has grown by so many lines; False when the run ended first."""
    before = _lines(run)
    while process.poll() is None:
        if _lines(run) - before >= count:
            return True
        time.sleep(LOOK_S)
    return False


def wait_for_tables(run: LongRun, process: subprocess.Popen[bytes]) -> bool:
    """Until the first table is written anew; False when the run ended first."""
    table = run.out / "volumes.csv"
    before = _changed(table)
    while process.poll() is None:
        if _changed(table) != before:
            return True
        time.sleep(LOOK_S / 50)
    return False


def _lines(run: LongRun) -> int:
    return sum(path.read_bytes().count(b"\n") for path in run.journals)


def _changed(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return 0


def contents(out: Path) -> dict[str, bytes]:
    """Every file of a cohort but journals and locks, which tell when and by whom."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.suffix not in (".jsonl", ".lock")
    }


def times_done(events: list[Event]) -> Counter[str]:
    return Counter(event.case_id for event in events if isinstance(event, Done))


@dataclass
class MemoryWatch:
    """Resident memory of a run's processes, as the cases go by.

    Attributes:
        samples: Of each process: ended cases and MiB. A process that was replaced,
            since a case crashed or blocked it, keeps a series of its own.
    """

    run: LongRun
    process: subprocess.Popen[bytes]
    samples: dict[int, list[tuple[int, float]]] = field(default_factory=dict)

    def __enter__(self) -> "MemoryWatch":
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def leader(self) -> int:
        return self.process.pid

    def lasting(self, step: int, last: int) -> dict[int, dict[int, float]]:
        """Of each process that was there at the end: ended cases and MiB, by steps.

        Each value is the median over one step; that in which the process was started
        is left out.
        """
        series = {}
        for pid, found in self.samples.items():
            by_step: dict[int, list[float]] = {}
            for ended, mib in found:
                by_step.setdefault(ended // step * step, []).append(mib)
            del by_step[min(by_step)]
            if by_step and max(by_step) + step >= last:
                series[pid] = {at: median(values) for at, values in by_step.items()}
        return series

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S * 4):
            ended = self._ended()
            for pid in members(self.process.pid):
                mib = _resident_mib(pid)
                if mib is not None:
                    self.samples.setdefault(pid, []).append((ended, mib))

    def _ended(self) -> int:
        texts = [path.read_bytes() for path in self.run.journals]
        return sum(text.count(word) for text in texts for word in _ENDS)


def _resident_mib(pid: int) -> float | None:
    """Of a process that works; None for Python's own helper and what is gone."""
    with suppress(OSError, StopIteration):
        if b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return None
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        size = next(line for line in lines if line.startswith("VmRSS:"))
        return int(size.split()[1]) / 1024
    return None
