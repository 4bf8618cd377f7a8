"""How long work reports on itself, and how it is stopped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

Item = TypeVar("Item")

_REPORTS = 100


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One step of a long piece of work.

    Attributes:
        stage: What is being done, in a word or two ("segmenting", "training").
        done: Steps finished.
        total: Steps in all.
        note: What there is to say about the step (a loss, a file name).
    """

    stage: str
    done: int
    total: int
    note: str = ""

    @property
    def fraction(self) -> float:
        """Share of the work that is finished, 0 to 1."""
        return self.done / self.total if self.total else 1.0

    def __str__(self) -> str:
        text = f"{self.stage} {self.done}/{self.total}"
        return f"{text}  {self.note}" if self.note else text


ProgressCallback = Callable[[Progress], object]


class Cancelled(Exception):
    """Raised in a progress callback to stop the work; passes through to the caller."""


def ignore_progress(progress: Progress) -> None:
    """Progress callback for callers who do not want to hear of it."""


def reported(
    items: Sequence[Item], stage: str, on_progress: ProgressCallback
) -> Iterator[Item]:
    """The items in turn, while it is told how many are done.

    Args:
        items: What is worked on; of many not each is reported on, but each hundredth
            part.
        stage: What is being done.
        on_progress: Is told; what it raises stops the work.
    """
    step = max(1, len(items) // _REPORTS)
    for done, item in enumerate(items):
        if done % step == 0:
            on_progress(Progress(stage=stage, done=done, total=len(items)))
        yield item
    on_progress(Progress(stage=stage, done=len(items), total=len(items)))


def in_stage(on_progress: ProgressCallback, name: str) -> ProgressCallback:
    """A progress callback that says which of several stages is reported on."""

    def report(progress: Progress) -> None:
        on_progress(replace(progress, stage=f"{progress.stage} ({name})"))

    return report
