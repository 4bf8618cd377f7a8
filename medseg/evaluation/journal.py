"""What is already scored, kept beside the table until that is written.

A journal is a text file of JSON lines. The first says what was asked for. Each other
is one finished case: its files as they were (size and time of change) and its scores.
A line that the end of the power cut short is one case to score again.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from medseg.core.errors import ErrorCode, WrongUse
from medseg.evaluation.pairing import CaseFiles
from medseg.evaluation.scoring import ScoredCase
from medseg.io.checks import reading_errors
from medseg.io.label_maps.named_voxels import names_path
from medseg.io.safe_writing import writing_errors

JOURNAL_SUFFIX = ".journal.jsonl"
_FORMAT = "medseg-evaluation-journal"
_VERSION = 1
_BEGINNING = json.dumps({"format": _FORMAT})[:-1].encode()


@dataclass(frozen=True)
class _Entry:
    """One line: a case that is done."""

    files: str
    scored: ScoredCase


_ENTRY = TypeAdapter(_Entry)


def journal_path(table: Path | str) -> Path:
    """Where the journal of a table lies: `scores.csv.journal.jsonl`."""
    table = Path(table)
    return table.with_name(table.name + JOURNAL_SUFFIX)


def remove_journal(table: Path | str) -> None:
    """Remove the journal of a table that is written, if there is one.

    Raises:
        UnusableInput: NOT_WRITABLE.
    """
    path = journal_path(table)
    with writing_errors(path):
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Journal:
    """An open journal.

    Attributes:
        taken: What an earlier run has done, by the state of its files.
        is_restarted: Whether an earlier run had asked for something else.
    """

    path: Path
    stream: BufferedRandom
    taken: Mapping[str, ScoredCase]
    is_restarted: bool

    def earlier(self, files: CaseFiles) -> ScoredCase | None:
        """What an earlier run made of these files, unless one was changed since."""
        return self.taken.get(state_of(files))

    def add(self, files: CaseFiles, scored: ScoredCase) -> None:
        """Write down a finished case; it is on the disk when this returns.

        Raises:
            UnusableInput: DISK_FULL or NOT_WRITABLE.
        """
        entry = _Entry(files=state_of(files), scored=scored)
        with writing_errors(self.path):
            self.stream.write(_ENTRY.dump_json(entry) + b"\n")
            self.stream.flush()
            os.fsync(self.stream.fileno())


@contextmanager
def open_journal(path: Path, asked: Mapping[str, object]) -> Iterator[Journal]:
    """Go on with the journal of the same request, or begin a new one.

    Args:
        path: The journal.
        asked: All that the scores depend on besides the files, as JSON takes it.

    Raises:
        WrongUse: OUTPUT_EXISTS when another file has that name.
        UnusableInput: NOT_READABLE, DISK_FULL or NOT_WRITABLE.
    """
    header = {"format": _FORMAT, "version": _VERSION, "asked": asked}
    first = json.dumps(header).encode()
    lines = _whole_lines(path)
    is_same = bool(lines) and lines[0] == first
    whole = lines if is_same else [first]
    with writing_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        stream = path.open("r+b")
    with stream:
        with writing_errors(path):
            if is_same:
                stream.seek(sum(len(line) + 1 for line in whole))
            else:
                stream.write(first + b"\n")
            stream.truncate()
            stream.flush()
        yield Journal(
            path=path,
            stream=stream,
            taken=_entries(whole[1:]),
            is_restarted=bool(lines) and not is_same,
        )


def state_of(files: CaseFiles) -> str:
    """Hash over where the files of a case lie, how large and how old they are.

    The JSON beside a label map is one of them: it names the labels.
    """
    paths = [files.prediction, files.reference]
    paths += [names_path(path) for path in paths]
    paths += [] if files.image is None else [files.image]
    text = json.dumps([files.case_id, *(_stamp(path) for path in paths)])
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(path: Path) -> tuple[str, int, int]:
    with reading_errors(path):
        try:
            status = path.stat()
        except FileNotFoundError:
            return str(path.resolve()), -1, -1
        return str(path.resolve()), status.st_size, status.st_mtime_ns


def _whole_lines(path: Path) -> list[bytes]:
    """Lines of a journal that end as lines do; none where there is no journal.

    Raises:
        WrongUse: OUTPUT_EXISTS for a file that is something else.
    """
    with reading_errors(path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return []
    if content[: len(_BEGINNING)] != _BEGINNING[: len(content)]:
        raise WrongUse(
            ErrorCode.OUTPUT_EXISTS,
            "this file has the name of a journal and is none",
            where=path,
            remedy="Move it away, or write the table somewhere else.",
        )
    return content.split(b"\n")[:-1]


def _entries(lines: list[bytes]) -> dict[str, ScoredCase]:
    """The cases that are done; a damaged line is one to score again."""
    taken: dict[str, ScoredCase] = {}
    for line in lines:
        try:
            entry = _ENTRY.validate_json(line)
        except ValidationError:
            continue
        taken[entry.files] = entry.scored
    return taken
