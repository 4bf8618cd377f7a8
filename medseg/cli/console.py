"""What the commands have in common: progress, errors, interruption."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from medseg.core.progress import Cancelled, Progress, ProgressCallback

_PLAIN_LINES_A_STAGE = 20
_STANDARD_ERROR = 2


@contextmanager
def shown_progress(*, is_quiet: bool = False) -> Iterator[ProgressCallback]:
    """Progress on standard error: a bar on a terminal, plain lines elsewhere.

    Ctrl-C and termination turn into `Cancelled` at the next step, so that work stops
    where its state is whole.

    Args:
        is_quiet: Show nothing: another process does.
    """
    console = Console(stderr=True)
    with _interruptible() as check:
        if is_quiet:
            yield check
        elif console.is_terminal:
            with _bar(console) as bar:
                yield _then(check, _BarStages(bar))
        else:
            yield _then(check, _PlainStages())


class _BarStages:
    """One line a stage, with a bar and the time left."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._tasks: dict[str, int] = {}

    def __call__(self, progress: Progress) -> None:
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = int(
                self._bar.add_task(progress.stage, total=progress.total, note="")
            )
        task = self._bar.tasks[self._tasks[progress.stage]]
        if progress.done < task.completed:  # the stage of another scan
            self._bar.reset(task.id)
        self._bar.update(
            task.id, completed=progress.done, total=progress.total, note=progress.note
        )


class _PlainStages:
    """At most about twenty lines a stage, the first and the last among them.

    Between those two they say how much time is left, as the bar does: by the steps
    after the first, which may have been waited for.
    """

    def __init__(self) -> None:
        self._last: Progress | None = None
        self._since: Progress | None = None  # the first step: from it time is taken
        self._began = 0.0

    def __call__(self, progress: Progress) -> None:
        last, self._last = self._last, progress
        if progress == last:  # nothing happened; who reports asks to go on
            return
        every = max(1, progress.total // _PLAIN_LINES_A_STAGE)
        if last is None or last.stage != progress.stage or progress.done < last.done:
            self._since = None
            print(progress, file=sys.stderr, flush=True)
            return
        if progress.done == progress.total:
            print(progress, file=sys.stderr, flush=True)
        elif progress.done % every == 0:
            print(f"{progress}{self._left(progress)}", file=sys.stderr, flush=True)
        if self._since is None and progress.done > last.done:
            self._since, self._began = progress, time.monotonic()

    def _left(self, progress: Progress) -> str:
        if self._since is None or progress.done == self._since.done:
            return ""
        seconds = time.monotonic() - self._began
        return f"  {time_left(seconds, progress.done - self._since.done, progress)}"


def time_left(seconds: float, steps: int, progress: Progress) -> str:
    """What is left of a stage, in words, from how long so many of its steps took."""
    left = round(seconds / max(steps, 1) * (progress.total - progress.done))
    hours, minutes = left // 3600, left // 60 % 60
    if hours:
        return f"{hours} h {minutes} min left"
    return f"{minutes} min left" if minutes else f"{left} s left"


def _bar(console: Console) -> Bar:
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    )


def _then(check: ProgressCallback, show: ProgressCallback) -> ProgressCallback:
    def report(progress: Progress) -> None:
        show(progress)
        check(progress)

    return report


@contextmanager
def _interruptible() -> Iterator[ProgressCallback]:
    """Turn the first interrupt into `Cancelled`; a second one ends the process."""
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        with suppress(OSError):  # not by print, which the signal may have interrupted
            os.write(_STANDARD_ERROR, b"stopping at the next step ...\n")

    def check(_progress: Progress) -> None:
        if caught:
            raise Cancelled

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
