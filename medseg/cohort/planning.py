"""What a run has to do: which cases are done, which are not."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medseg.cohort.description import require_cohort_folder
from medseg.cohort.feasible import require_feasible
from medseg.cohort.journal import Done, WrittenFile, latest_of, read_events
from medseg.cohort.keys import asked_for, key_of, made_with
from medseg.cohort.manifest import require_faultless
from medseg.cohort.places import Places, Shard
from medseg.cohort.settings import WhatToMake
from medseg.core.acceptance import Accepted
from medseg.core.cohort import CohortCase, Manifest
from medseg.core.errors import MedSegError


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run has to do.

    Attributes:
        cases: Of this run, by ascending name.
        keys: What each case's result depends on; absent where its files cannot be read.
        waiting: Those that are not done yet, or were changed since.
        unreadable: Why the files of a case cannot be read.
        earlier: What was written for a case before.
        accept: Problems of scans that are to be mended.
        made_with: Stands for all that is asked for; see `Description`.
        newest_s: Time of the newest event there is.
    """

    cases: tuple[CohortCase, ...]
    keys: Mapping[str, str]
    waiting: tuple[CohortCase, ...]
    unreadable: Mapping[str, MedSegError]
    earlier: Mapping[str, tuple[WrittenFile, ...]]
    accept: tuple[Accepted, ...]
    made_with: str
    newest_s: float


def plan_run(
    manifest: Manifest, folder: Path, make: WhatToMake, shard: Shard | None = None
) -> Plan:
    """What `run_cohort` would do; writes nothing.

    Raises:
        UnusableInput: INVALID_MANIFEST; DAMAGED_MODEL.
        WrongUse: UNKNOWN_MODEL; CHANNEL_MISMATCH for models of other channels.
    """
    cases = require_faultless(manifest).cases
    places = Places(folder)
    require_feasible(cases, places, make)
    require_cohort_folder(places)
    if shard is not None:
        cases = cases[shard.number - 1 :: shard.of]
    asked = asked_for(make)
    keys: dict[str, str] = {}
    unreadable: dict[str, MedSegError] = {}
    for case in cases:
        try:
            keys[case.case_id] = key_of(case, asked)
        except MedSegError as error:
            unreadable[case.case_id] = error
    events = read_events(places.journals)
    latest = latest_of(events)
    done = {
        case_id
        for case_id, event in latest.items()
        if isinstance(event, Done)
        and event.key == keys.get(case_id)
        and set(event.accept) <= set(make.accept)
        and _is_whole(event, folder)
    }
    return Plan(
        cases=cases,
        keys=keys,
        waiting=tuple(case for case in cases if case.case_id not in done),
        unreadable=unreadable,
        accept=make.accept,
        made_with=made_with(asked),
        newest_s=max((each.time_s for each in events), default=0.0),
        earlier={each.case_id: each.files for each in events if isinstance(each, Done)},
    )


def _is_whole(event: Done, folder: Path) -> bool:
    """Whether the files of a case are as they were written, by their sizes."""
    return all(_size(folder / file.name) == file.size_bytes for file in event.files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
