"""Reading the next scan and writing the last one while this one is computed."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from medseg.core.errors import MedSegError

Item = TypeVar("Item")
Read = TypeVar("Read")
Computed = TypeVar("Computed")
Written = TypeVar("Written")


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome(Generic[Item, Written]):
    """What became of one item.

    Attributes:
        item: The item.
        written: What writing it returned; None where it failed.
        error: Why it failed.
    """

    item: Item
    written: Written | None = None
    error: MedSegError | None = None


def overlapped(
    items: Sequence[Item],
    read: Callable[[Item], Read],
    compute: Callable[[Item, Read], Computed],
    write: Callable[[Item, Computed], Written],
) -> Iterator[Outcome[Item, Written]]:
    """Read, compute and write every item; one that fails does not stop the others.

    Reading is one item ahead and writing one behind, each in a thread of its own, so no
    more than three items are in memory. An error other than `MedSegError`, and
    `Cancelled`, ends it; what is being written then is written whole.

    Args:
        items: What to work on.
        read: Called in the reader's thread.
        compute: Called in the caller's thread.
        write: Called in the writer's thread.

    Returns:
        Outcomes in the order of the items, each when it is written.
    """
    with _thread("reading") as reader, _thread("writing") as writer:
        reading = [reader.submit(read, item) for item in items[:1]]
        writing: list[tuple[Item, Future[Written]]] = []
        for number, item in enumerate(items):
            current = reading.pop()
            reading += [reader.submit(read, each) for each in items[number + 1 :][:1]]
            try:
                computed = compute(item, current.result())
            except MedSegError as error:
                yield from _outcomes(writing)
                yield Outcome(item=item, error=error)
                continue
            except BaseException:
                yield from _outcomes(writing)  # which is done all the same
                raise
            finally:
                del current  # and with it the scan
            yield from _outcomes(writing)
            writing.append((item, writer.submit(write, item, computed)))
            del computed
        yield from _outcomes(writing)


def _outcomes(
    writing: list[tuple[Item, Future[Written]]],
) -> Iterator[Outcome[Item, Written]]:
    """Wait for what is being written."""
    while writing:
        item, future = writing.pop()
        try:
            yield Outcome(item=item, written=future.result())
        except MedSegError as error:
            yield Outcome(item=item, error=error)


@contextmanager
def _thread(name: str) -> Iterator[ThreadPoolExecutor]:
    """One thread; what it has begun it ends, what it has not is dropped."""
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
