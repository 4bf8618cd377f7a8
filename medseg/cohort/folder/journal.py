"""What was done in a cohort, as a list of events that only ever grows.

A journal is a text file of JSON lines, one an event, each on the disk before the next
begins. A line that the end of the power cut short counts as not written. Of a cohort
that several machines share each has a journal of its own, and all of them are read.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from medseg.cohort.stages import StageSeconds
from medseg.core.acceptance import Accepted
from medseg.core.cohort import CaseFailure
from medseg.core.errors import ErrorCode
from medseg.io.checks import reading_errors
from medseg.io.safe_writing import writing_errors


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A run was started, or gone on with.

    Attributes:
        time_s: Seconds since 1970.
        host: Name of the machine.
        pid: Its process.
        cases: Cases of this run, done ones included.
        version: Of MedSeg.
    """

    event: Literal["begun"] = "begun"
    time_s: float
    host: str
    pid: int
    cases: int
    version: str


@dataclass(frozen=True, kw_only=True)
class Started:
    """A case is being worked on."""

    event: Literal["started"] = "started"
    time_s: float
    case_id: str


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """A file of a case, below the folder of the cohort.

    Attributes:
        name: Path below the folder, with "/".
        size_bytes: Its size.
        sha256: Hash of its bytes.
    """

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Written:
    """What work on a case has left.

    Attributes:
        files: All of them.
        unscored: Why the result could not be compared with its reference; None where it
            was, or where there is none.
    """

    files: tuple[WrittenFile, ...]
    unscored: CaseFailure | None = None


@dataclass(frozen=True, kw_only=True)
class Done:
    """The files of a case are whole and on the disk.

    Attributes:
        time_s: Seconds since 1970.
        case_id: The case.
        key: What it was made of; see `medseg.cohort.keys`.
        made_with: What was asked for, as `Description.made_with`.
        files: What was written.
        seconds: How long it took.
        accept: Problems that were to be mended if the scan had them.
        unscored: As in `Written`.
    """

    event: Literal["done"] = "done"
    time_s: float
    case_id: str
    key: str
    made_with: str
    files: tuple[WrittenFile, ...]
    seconds: StageSeconds
    accept: tuple[Accepted, ...] = ()
    unscored: CaseFailure | None = None


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A case could not be done; the next run tries it again.

    Attributes:
        time_s: Seconds since 1970.
        case_id: The case.
        key: As in `Done`.
        code: Stable name of the problem.
        what: In words; names no folder.
        remedy: What can be done about it.
    """

    event: Literal["failed"] = "failed"
    time_s: float
    case_id: str
    key: str
    code: ErrorCode
    what: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Requeued:
    """A case was given up to be begun anew, and is not to blame for it."""

    event: Literal["requeued"] = "requeued"
    time_s: float
    case_id: str


Event = Begun | Started | Done | Failed | Requeued

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


class Journal:
    """An open journal, to which events are added."""

    def __init__(self, path: Path, stream: FileIO) -> None:
        self.path = path
        self._stream = stream

    def add(self, *events: Event) -> None:
        """Write events down; they are on the disk when this returns.

        Raises:
            UnusableInput: DISK_FULL or NOT_WRITABLE; no part of them counts then.
        """
        lines = b"".join(_EVENT.dump_json(event) + b"\n" for event in events)
        whole = self._stream.tell()
        try:
            with writing_errors(self.path):
                while lines:
                    lines = lines[self._stream.write(lines) :]
                os.fsync(self._stream.fileno())
        except BaseException:
            self._stream.truncate(whole)
            self._stream.seek(whole)
            raise


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """Go on with a journal, behind its last whole line, or begin one.

    Only one process may have it open.

    Raises:
        UnusableInput: NOT_READABLE, DISK_FULL or NOT_WRITABLE.
    """
    with writing_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        stream = FileIO(path, "r+")
    with stream:
        with reading_errors(path):
            whole = sum(len(line) for line in _whole_lines(stream))
        with writing_errors(path):
            stream.seek(whole)
            stream.truncate()
        yield Journal(path, stream)


def read_events(paths: Iterable[Path]) -> list[Event]:
    """The events of journals, journal after journal; a line cut short is left out.

    A clock that was set back does not change the order within a journal: an event is
    never earlier than the one before it.

    Raises:
        UnusableInput: NOT_READABLE.
    """
    events: list[Event] = []
    for path in paths:
        with reading_errors(path), path.open("rb") as stream:
            found = [event for line in _whole_lines(stream) for event in _event(line)]
        events += _in_order(found)
    return events


def latest_of(events: Sequence[Event]) -> dict[str, Started | Done | Failed | Requeued]:
    """The last event of each case; of several journals the latest by the clock."""
    latest: dict[str, Started | Done | Failed | Requeued] = {}
    for event in events:
        if isinstance(event, Begun):
            continue
        before = latest.get(event.case_id)
        if before is None or before.time_s <= event.time_s:
            latest[event.case_id] = event
    return latest


def _in_order(events: Iterable[Event]) -> Iterator[Event]:
    latest_s = 0.0
    for event in events:
        latest_s = max(latest_s, event.time_s)
        yield event if event.time_s == latest_s else replace(event, time_s=latest_s)


def _whole_lines(stream: Iterable[bytes]) -> Iterator[bytes]:
    return (line for line in stream if line.endswith(b"\n"))


def _event(line: bytes) -> Iterator[Event]:
    """The event in a line; none in a line that is damaged."""
    try:
        yield _EVENT.validate_json(line)
    except ValidationError:
        return
