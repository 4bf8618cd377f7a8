"""Files fetched over HTTPS: resumed where they stopped, believed for their checksum.

A download that breaks off goes on at once while bytes keep coming, after a pause when
none do, and with the next run when the server stays away: what has arrived is kept.
"""

import hashlib
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.io.download.https_parts import (
    BrokenOff,
    failed,
    opened,
    read_chunk,
    require_https,
    shown_bytes,
    start_of,
    total_of,
)
from medseg.io.safe_writing import writing_errors

PAUSES_SECONDS = (1.0, 5.0, 20.0)
"""How long to wait before each further try when no byte came; then give up."""

_MEGABYTE = 1_000_000
_SPARE_BYTES = 50 * _MEGABYTE


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file on a server, and how to know that it arrived whole.

    Attributes:
        url: Of scheme https (http only to this machine).
        md5: Hexadecimal.
        bytes: Its size, where known beforehand.
    """

    url: str
    md5: str
    bytes: int | None = None


def fetch(
    remote: RemoteFile,
    to: Path,
    *,
    room_for_copies: int = 1,
    pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    on_progress: ProgressCallback = ignore_progress,
) -> None:
    """Fetch a file, going on from what a run before has left at `to`, and check it.

    Args:
        remote: What to fetch.
        to: Where it is written, part by part; its folder must exist.
        room_for_copies: How many times its size must fit on the disk: more than once
            when it is to be unpacked beside itself.
        pauses_seconds: How long to wait for a server that has stopped sending.
        on_progress: Called after every megabyte; may raise `Cancelled`.

    Raises:
        WrongUse: INVALID_OPTION for an address that is not https.
        UnusableInput: DOWNLOAD_FAILED (what arrived is kept), NOT_FOUND, DISK_FULL,
            NOT_WRITABLE, or WRONG_CHECKSUM (what arrived is removed).
    """
    require_https(remote.url)
    size = _size(to)
    if remote.bytes is None or size != remote.bytes:
        _fetch_patiently(remote, to, room_for_copies, pauses_seconds, on_progress)
    _require_checksum(remote, to, on_progress)


def _fetch_patiently(
    remote: RemoteFile,
    to: Path,
    room_for_copies: int,
    pauses_seconds: Sequence[float],
    on_progress: ProgressCallback,
) -> None:
    """Try again as long as bytes come; a server never reached is given up at once."""
    pauses = list(pauses_seconds)
    has_begun = False
    while True:
        size_before = _size(to)
        try:
            _append(remote, to, room_for_copies, on_progress)
        except BrokenOff as error:
            has_grown = _size(to) > size_before
            has_begun = has_begun or error.has_given
            if not has_begun or not (has_grown or pauses):
                raise failed(str(error), remote.url, _size(to)) from error
            if not has_grown:
                time.sleep(pauses.pop(0))
        else:
            return


def _append(
    remote: RemoteFile, to: Path, room_for_copies: int, on_progress: ProgressCallback
) -> None:
    """Fetch what is missing at `to`, or all of it when the server gives no parts."""
    response = opened(remote.url, _size(to))
    if response is None:  # nothing comes after what is there: whole, or another file
        if _size(to) == remote.bytes or remote.bytes is None:
            return
        to.unlink()
        response = opened(remote.url, 0)
        if response is None:
            raise BrokenOff("the server gives no part of the file")
    with response:
        start = start_of(response, _size(to))
        total = total_of(response, start)
        size = total or remote.bytes or 0
        _require_room(to, size * room_for_copies - start)
        _copy(response, to, start, _Meter(remote.url, total, on_progress))


class _Meter:
    """Tells of the megabytes that have arrived."""

    def __init__(
        self, url: str, total: int | None, on_progress: ProgressCallback
    ) -> None:
        self.total = total
        self._stage = f"downloading {urlsplit(url).path.rpartition('/')[2]} (MB)"
        self._on_progress = on_progress

    def show(self, arrived: int) -> None:
        """Report the size of the file so far."""
        done = math.ceil(arrived / _MEGABYTE)
        total = done if self.total is None else math.ceil(self.total / _MEGABYTE)
        self._on_progress(Progress(stage=self._stage, done=done, total=total))


def _copy(response: HTTPResponse, to: Path, start: int, meter: _Meter) -> None:
    """Write the answer after the first `start` bytes of the file.

    Raises:
        BrokenOff: When the connection ends before the file does.
    """
    arrived = start
    with writing_errors(to), to.open("ab" if start else "wb") as stream:
        while chunk := read_chunk(response, _MEGABYTE, has_given=arrived > start):
            stream.write(chunk)
            arrived += len(chunk)
            meter.show(arrived)
    if meter.total is not None and arrived < meter.total:
        what = "the connection ended before the file did"
        raise BrokenOff(what, has_given=arrived > start)


def _require_room(to: Path, missing_bytes: int) -> None:
    with writing_errors(to):
        free = shutil.disk_usage(to.parent).free
    if missing_bytes + _SPARE_BYTES > free:
        raise UnusableInput(
            ErrorCode.DISK_FULL,
            f"{shown_bytes(missing_bytes)} are needed and {shown_bytes(free)} are free",
            where=to.parent,
            remedy="Free some space or choose a folder on another disk.",
        )


def _require_checksum(
    remote: RemoteFile, file: Path, on_progress: ProgressCallback
) -> None:
    total = math.ceil(_size(file) / _MEGABYTE)
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as stream:
        for done, chunk in enumerate(iter(lambda: stream.read(_MEGABYTE), b""), 1):
            digest.update(chunk)
            on_progress(Progress(stage="checking (MB)", done=done, total=total))
    if digest.hexdigest() != remote.md5:
        file.unlink()
        raise UnusableInput(
            ErrorCode.WRONG_CHECKSUM,
            f"what arrived has MD5 {digest.hexdigest()}, the published file "
            f"{remote.md5}; it was removed",
            where=remote.url,
            remedy="Run it again; it starts from the beginning.",
        )


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
