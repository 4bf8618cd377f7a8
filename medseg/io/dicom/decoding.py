"""Decode compressed pixels in a process of its own, with limits on memory and time."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import assert_never

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.checks import not_readable
from medseg.io.dicom.decoding_child import LENGTH, PICTURE_HEADER, Answer
from medseg.io.dicom.encoding import PixelLayout, damaged_pixels

_START = (  # with the modules that are found here
    "import sys; sys.path[:] = sys.argv[3:]; "
    "from medseg.io.dicom import decoding_child; decoding_child.main()"
)

_COPIES = 4  # of a picture: encoded, decoded, reshaped, shifted


@dataclass(frozen=True, kw_only=True)
class DecodingLimits:
    """What decoding may take.

    Attributes:
        memory_bytes: Most memory, besides what the process needs to start. Kept on
            Linux only.
        seconds: Longest time for one picture.
    """

    memory_bytes: int = 2 * 2**30
    seconds: float = 60.0


DEFAULT_LIMITS = DecodingLimits()


class Decoder:
    """A process that decodes the files of one series.

    It starts with the first of them. A file that makes it crash or go beyond its
    limits costs that process, not this one. It must be closed.
    """

    def __init__(self, limits: DecodingLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = Event()
        self._deadline = math.inf

    @property
    def process_id(self) -> int | None:
        """Of the process that decodes; None while there is none."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()  # closes its pipes and waits for its end
            self._closed.set()
            self._process = None

    def frames(
        self, path: Path, numbers: Sequence[int], layout: PixelLayout
    ) -> Iterator[np.ndarray]:
        """Stored pixels (rows, columns) of frames of a file, in the order given.

        Raises:
            UnusableInput: TRUNCATED_FILE, NOT_READABLE, or DECODER_FAILED for a
                crash, or too much time or memory.
        """
        picture_bytes = layout.rows * layout.columns * max(layout.bits // 8, 1)
        if picture_bytes > self._limits.memory_bytes // _COPIES:
            raise _too_large(layout, path)
        is_whole = False
        try:
            self._request(path, numbers)
            for _ in numbers:
                with self._limited(path):
                    picture = self._picture(path)
                yield picture
            is_whole = True
        finally:
            if not is_whole:
                self.close()

    def _request(self, path: Path, numbers: Sequence[int]) -> None:
        text = json.dumps([str(path.absolute()), [int(n) for n in numbers]]).encode()
        with self._limited(path):
            if self._process is None:
                self._start(path)
                self._read(1)  # the answer READY
            if self._process is None or self._process.stdin is None:
                raise EOFError
            self._process.stdin.write(LENGTH.pack(len(text)) + text)
            self._process.stdin.flush()

    def _start(self, path: Path) -> None:
        self._process, self._closed = _started(self._limits, path), Event()
        watcher = (self._process, self._closed)
        Thread(target=self._watch, args=watcher, daemon=True).start()

    def _picture(self, path: Path) -> np.ndarray:
        answer = Answer(self._read(1))
        match answer:
            case Answer.PICTURE:
                kind, rows, columns = PICTURE_HEADER.unpack(
                    self._read(PICTURE_HEADER.size)
                )
                dtype = np.dtype(kind.rstrip(b"\0").decode())
                pixels = self._read(rows * columns * dtype.itemsize)
                return np.frombuffer(pixels, dtype).reshape(rows, columns)
            case Answer.REFUSED:
                (number,) = LENGTH.unpack(self._read(LENGTH.size))
                raise not_readable(OSError(number, os.strerror(number)), path)
            case Answer.NO_MEMORY:
                raise _failed(f"takes more than {_size(self._limits)} of memory", path)
            case Answer.DAMAGED | Answer.READY:
                raise damaged_pixels(path)
            case _:
                assert_never(answer)

    def _read(self, count: int) -> bytes:
        if self._process is None or self._process.stdout is None:
            raise EOFError
        content = self._process.stdout.read(count)
        if len(content) < count:
            raise EOFError
        return content

    @contextmanager
    def _limited(self, path: Path) -> Iterator[None]:
        """Let it end the process when it takes too long, and tell how that ended."""
        self._deadline = time.monotonic() + self._limits.seconds
        try:
            yield
        except (EOFError, OSError) as error:
            how = "crashed"
            if time.monotonic() > self._deadline:
                how = f"took longer than {self._limits.seconds:g} seconds"
            raise _failed(how, path) from error
        finally:
            self._deadline = math.inf

    def _watch(self, process: subprocess.Popen[bytes], closed: Event) -> None:
        """Kill the process at the deadline; one thread does it for every picture."""
        while not closed.wait(self._limits.seconds / 20):
            if time.monotonic() > self._deadline:
                process.kill()


def _started(limits: DecodingLimits, path: Path) -> subprocess.Popen[bytes]:
    words = [str(limits.memory_bytes), str(limits.seconds), *sys.path]
    if getattr(sys, "frozen", False) or not sys.executable:
        raise _failed("cannot be started without a Python interpreter", path)
    try:
        return subprocess.Popen(  # noqa: S603 - this interpreter, our own words
            [sys.executable, "-P", "-c", _START, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise _failed(f"cannot be started: {error.strerror or error}", path) from error


def _failed(how: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.DECODER_FAILED,
        f"the process that decodes its pixels {how}",
        where=path,
        remedy="Copy or export the series again, uncompressed if that does not help.",
    )


def _too_large(layout: PixelLayout, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.TOO_LARGE,
        f"the header claims pictures of {layout.rows} x {layout.columns} pixels",
        where=path,
        remedy="Have it exported uncompressed.",
    )


def _size(limits: DecodingLimits) -> str:
    return f"{limits.memory_bytes / 2**20:.0f} MiB"
