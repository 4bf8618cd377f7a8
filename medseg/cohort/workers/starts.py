"""Which processes are of use, and which are not tried any more."""

from collections import Counter

from medseg.cohort.stages import Notice
from medseg.core.errors import ErrorCode, MedSegError, UnusableInput

_TRIES = 3


class Starts:
    """How each lane does.

    A lane that has failed to start three times in a row is given up, one that says why
    it cannot start at once unless it has started before: a GPU that is broken stops no
    other. So is one that has failed with three tasks, and done none between, that
    another lane then did: a broken GPU may well start.

    Args:
        count: Lanes there are, numbered from 0.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._failures: Counter[int] = Counter()
        self._blamed: Counter[int] = Counter()
        self._given_up: set[int] = set()
        self._has_started: set[int] = set()
        self._error: MedSegError | None = None

    def usable(self) -> list[int]:
        """The lanes that may be started.

        Raises:
            MedSegError: When there is none, with what the last one said.
        """
        left = [at for at in range(self._count) if at not in self._given_up]
        if not left:
            raise self._error or _no_worker()
        return left

    def succeeded(self, at: int) -> None:
        """A lane is ready."""
        self._has_started.add(at)
        self._failures[at] = 0

    def worked(self, at: int) -> None:
        """A lane has done a task."""
        self._blamed[at] = 0

    def blamed(self, at: int) -> Notice | None:
        """A task with which a lane had failed was done by another one.

        Returns:
            What to tell when the lane is given up.
        """
        self._blamed[at] += 1
        if self._blamed[at] < _TRIES or at in self._given_up:
            return None
        return self._give_up(at, f"{_TRIES} scans it failed with others then did")

    def failed(self, at: int, error: MedSegError | None = None) -> Notice | None:
        """A lane's process has ended before it was ready.

        Args:
            at: Of the lane.
            error: Why, where it could say so.

        Returns:
            What to tell when it is given up.
        """
        self._error = error or self._error
        self._failures[at] += 1
        is_hopeless = error is not None and at not in self._has_started
        if not is_hopeless and self._failures[at] < _TRIES:
            return None
        return self._give_up(at, (error or _no_worker()).what)

    def _give_up(self, at: int, why: str) -> Notice:
        self._given_up.add(at)
        left = self._count - len(self._given_up)
        return Notice(f"a process is given up ({why}); {left} of {self._count} go on")


def _no_worker() -> MedSegError:
    return UnusableInput(
        ErrorCode.WORKER_DIED,
        f"the process that should do the work ended {_TRIES} times before it began",
        where="this machine",
        remedy="Is there enough memory for the model? Try medseg segment on one scan.",
    )
