"""One run at a time in a folder, or in each part of it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from medseg.cohort.folder.places import Places, Shard
from medseg.cohort.folder.records import Records, settle
from medseg.core.errors import ErrorCode, WrongUse
from medseg.io.safe_writing import writing_errors

_NO_RECORDS: Records = {}
_WAIT_S = 10.0  # for other parts that begin at the same moment
_GLANCE_S = 2.0  # for whoever looks whether the lock is held


@contextmanager
def sole_run(
    places: Places, shard: Shard | None, records: Records = _NO_RECORDS
) -> Iterator[None]:
    """Hold the folder, or one part of it, until the block ends.

    The operating system gives the lock back when the process ends, however it does, so
    that no lock is ever stale; on network file systems too, where they know locks.
    A run of the whole and runs of parts exclude each other, and so do runs of parts
    that were cut differently. What the folder says of itself is settled before any of
    them begins.

    Args:
        places: Of the cohort.
        shard: The part; None for the whole.
        records: From `records_of`.

    Raises:
        WrongUse: IN_USE.
        UnusableInput: NOT_WRITABLE.
    """
    with writing_errors(places.folder):
        places.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        with ExitStack() as whole:
            _take(
                places.lock(None), whole, wait_s=_GLANCE_S if shard is None else _WAIT_S
            )
            for path in places.locks_beside(shard):
                with ExitStack() as only_to_see:
                    _take(path, only_to_see)
            if shard is not None:
                _take(places.lock(shard), held, _GLANCE_S)
            settle(records, is_alone=shard is None or _is_alone(places, shard))
            if shard is None:
                held.push(whole.pop_all())
        yield


def is_held(path: Path) -> bool:
    """Whether a run holds a lock; also where that cannot be told."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def _is_alone(places: Places, shard: Shard) -> bool:
    """Whether no other part runs."""
    others = [lock for lock in places.shard_locks if lock != places.lock(shard)]
    try:
        for path in others:
            with ExitStack() as only_to_see:
                _take(path, only_to_see)
    except WrongUse:
        return False
    return True


def _take(path: Path, held: ExitStack, wait_s: float = 0.0) -> None:
    lock = FileLock(path, timeout=wait_s)
    with writing_errors(path):
        try:
            held.enter_context(lock)
        except Timeout as error:
            raise WrongUse(
                ErrorCode.IN_USE,
                "another run works here",
                where=path.parent,
                remedy="Wait until it ends, or stop it; cohort status tells how far "
                "it is.",
            ) from error
