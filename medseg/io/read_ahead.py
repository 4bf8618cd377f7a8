"""First bytes of many files, read by threads ahead of their use.

A disk or a network that takes long to answer is asked for many files at once.
"""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from medseg.io.file_kinds import (
    MARKED_BYTES,
    FileKind,
    kind_of_bytes,
    kind_of_name,
)

START_BYTES = 2**15
"""More than most DICOM headers take."""

_THREADS = 8
_FILES_A_TASK = 16


@dataclass(frozen=True, kw_only=True)
class FileStart:
    """How a file begins.

    Attributes:
        path: The file.
        content: Its first bytes; empty where they cannot be read.
        error: Why they cannot be read.
    """

    path: Path
    content: bytes = b""
    error: OSError | None = None


def read_ahead(
    files: Sequence[Path], byte_count: int = START_BYTES
) -> Generator[FileStart, None, None]:
    """The first bytes of each file, in the order given."""
    if len(files) == 1:
        yield _start_of(files[0], byte_count)
        return
    waiting: deque[Future[list[FileStart]]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="read-ahead")
    try:
        for first in range(0, len(files), _FILES_A_TASK):
            some = files[first : first + _FILES_A_TASK]
            waiting.append(pool.submit(_starts_of, some, byte_count))
            if len(waiting) > 2 * _THREADS:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def kinds_of_files(files: Sequence[Path]) -> dict[Path, FileKind | None]:
    """Format of each file: by its suffix, else by the marks in its first bytes.

    Raises:
        OSError: A file cannot be read.
    """
    kinds = {file: kind_of_name(file) for file in files}
    unnamed = [file for file, kind in kinds.items() if kind is None]
    for start in read_ahead(unnamed, MARKED_BYTES):
        if start.error is not None:
            raise start.error
        kinds[start.path] = kind_of_bytes(start.content)
    return kinds


def _starts_of(files: Sequence[Path], byte_count: int) -> list[FileStart]:
    return [_start_of(file, byte_count) for file in files]


def _start_of(file: Path, byte_count: int) -> FileStart:
    try:
        with file.open("rb") as stream:
            return FileStart(path=file, content=stream.read(byte_count))
    except OSError as error:
        return FileStart(path=file, error=error)
