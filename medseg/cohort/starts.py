"""Which processes could be started, and which are not tried any more."""

from collections import Counter

from medseg.cohort.stages import Notice
from medseg.core.errors import ErrorCode, MedSegError, UnusableInput

_TRIES = 3


class Starts:
    """How the starts of each lane went.

    A lane that has failed three times in a row is given up, one that says why it cannot
    start at once unless it has started before: a GPU that is broken stops no other.

    Args:
        count: Lanes there are, numbered from 0.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._failures: Counter[int] = Counter()
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
        self._given_up.add(at)
        why = error.what if error is not None else _no_worker().what
        left = self._count - len(self._given_up)
        return Notice(f"a process is given up ({why}); {left} of {self._count} go on")


def _no_worker() -> MedSegError:
    return UnusableInput(
        ErrorCode.WORKER_DIED,
        f"the process that should do the work ended {_TRIES} times before it began",
        where="this machine",
        remedy="Is there enough memory for the model? Try medseg segment on one scan.",
    )
