"""How far a cohort is, from its journals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg.cohort.folder.description import read_description
from medseg.cohort.folder.journal import (
    Begun,
    Done,
    Event,
    Failed,
    Requeued,
    Started,
    latest_of,
    read_events,
)
from medseg.cohort.folder.locking import is_held
from medseg.cohort.folder.places import Places
from medseg.cohort.listing.manifest import read_written_manifest
from medseg.core.cohort import CaseFailure, CaseState, CohortCase
from medseg.core.errors import ErrorCode

_LOOKED_BACK_S = 600.0


@dataclass(frozen=True, kw_only=True)
class CohortStatus:
    """How far a cohort is.

    Attributes:
        states: Of each case, by ascending name.
        failures: Why cases could not be done.
        unscored: Why results could not be compared with their references.
        cases_per_hour: Over the last ten minutes of work; None when nothing was done.
        seconds_left: At that speed; None where it is not known.
        is_worked_on: Whether a run or a part of one works here now.
    """

    states: tuple[tuple[str, CaseState], ...]
    failures: tuple[CaseFailure, ...]
    cases_per_hour: float | None
    seconds_left: float | None
    is_worked_on: bool
    unscored: tuple[CaseFailure, ...] = ()

    def count(self, state: CaseState) -> int:
        """Cases in a state."""
        return sum(each is state for _, each in self.states)

    @property
    def failures_by_code(self) -> tuple[tuple[ErrorCode, int], ...]:
        """How often each kind of problem was met, the commonest first."""
        return tuple(Counter(each.code for each in self.problems).most_common())

    @property
    def problems(self) -> tuple[CaseFailure, ...]:
        """All that went wrong, by case."""
        return tuple(sorted((*self.failures, *self.unscored), key=_case_id_of))

    @property
    def is_complete(self) -> bool:
        """Whether every case is done, and scored where it has a reference."""
        is_done = all(state is CaseState.DONE for _, state in self.states)
        return is_done and not self.unscored


def cohort_status(folder: Path | str) -> CohortStatus:
    """How far a cohort is, while it runs or later.

    Args:
        folder: Of the cohort.

    Raises:
        UnusableInput: NOT_FOUND in a folder that is no cohort's; NOT_READABLE.
    """
    places = Places(Path(folder))
    read_description(places)
    return status_of(places, read_written_manifest(places.manifest).cases)


def status_of(places: Places, cases: Sequence[CohortCase]) -> CohortStatus:
    """The same for some of the cases; results of other settings are none.

    A case that was begun by a run that is gone, killed perhaps, waits.
    """
    held = {path: is_held(places.lock_of(path)) for path in places.journals}
    events = [
        event
        for path, is_alive in held.items()
        for event in _as_left(read_events([path]), is_alive=is_alive)
    ]
    made_with = read_description(places).made_with
    latest = {
        case_id: event
        for case_id, event in latest_of(events).items()
        if not isinstance(event, Done) or event.made_with == made_with
    }
    states = tuple((case.case_id, _state(latest.get(case.case_id))) for case in cases)
    names = {case.case_id for case in cases}
    failures = tuple(
        CaseFailure(
            case_id=event.case_id,
            code=event.code,
            what=event.what,
            remedy=event.remedy,
        )
        for _, event in sorted(latest.items())
        if isinstance(event, Failed) and event.case_id in names
    )
    unscored = tuple(
        event.unscored
        for _, event in sorted(latest.items())
        if isinstance(event, Done) and event.unscored and event.case_id in names
    )
    left = sum(state in (CaseState.WAITING, CaseState.RUNNING) for _, state in states)
    speed = _cases_per_hour(events)
    return CohortStatus(
        states=states,
        failures=failures,
        unscored=unscored,
        cases_per_hour=speed,
        seconds_left=3600 * left / speed if speed else None,
        is_worked_on=any(held.values()),
    )


def _as_left(events: Sequence[Event], *, is_alive: bool) -> Sequence[Event]:
    """The events of a journal; where nobody writes it, none has only begun."""
    if is_alive:
        return events
    return [
        Requeued(time_s=event.time_s, case_id=event.case_id)
        if isinstance(event, Started)
        else event
        for event in events
    ]


def _case_id_of(problem: CaseFailure) -> str:
    return problem.case_id


def _state(event: Started | Done | Failed | Requeued | None) -> CaseState:
    if event is None or isinstance(event, Requeued):
        return CaseState.WAITING
    if isinstance(event, Started):
        return CaseState.RUNNING
    return CaseState.DONE if isinstance(event, Done) else CaseState.FAILED


def _cases_per_hour(events: Sequence[Event]) -> float | None:
    """Of what was done in the last minutes of which something is known."""
    ended = sorted(e.time_s for e in events if isinstance(e, Done | Failed))
    if not ended:
        return None
    begun = [e.time_s for e in events if isinstance(e, Begun)]
    start = max([*begun, ended[-1] - _LOOKED_BACK_S])
    recent = [time_s for time_s in ended if time_s > start]
    seconds = ended[-1] - start
    return 3600 * len(recent) / seconds if recent and seconds > 0 else None
