"""How far a cohort is, in words."""

from collections.abc import Iterator

import medseg
from medseg.core.cohort import CaseState
from medseg.core.text_table import aligned, counted

_SHOWN = 20


def status_lines(status: "medseg.CohortStatus") -> Iterator[str]:
    """Counts, speed, time left, and why cases could not be done."""
    counts = [f"{status.count(state)} {state}" for state in CaseState]
    if status.unscored:
        done = list(CaseState).index(CaseState.DONE)
        counts[done] += f" ({len(status.unscored)} without scores)"
    yield f"{counted(len(status.states), 'case')}: {', '.join(counts)}"
    if speed := status.cases_per_hour:
        left = status.seconds_left
        yield f"{speed:.{0 if speed >= 10 else 1}f} cases an hour" + (
            f", {_duration(left)} left" if left else ""
        )
    if status.count(CaseState.WAITING) and not status.is_worked_on:
        yield "nobody works on it now"
    if not status.problems:
        return
    codes = [f"{code} {count}" for code, count in status.failures_by_code]
    yield f"not done, or not scored: {', '.join(codes)}"
    rows = [[each.case_id, each.code, each.what] for each in status.problems[:_SHOWN]]
    yield aligned(["case", "code", "what"], rows, left=3)
    if len(status.problems) > _SHOWN:
        yield f"and {len(status.problems) - _SHOWN} more, see failures.csv"


def _duration(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    if hours:
        return f"about {hours} h {minutes} min"
    return f"about {minutes} min" if minutes else "under 1 min"
