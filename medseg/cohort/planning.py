"""What a run has to do: which cases are done, which are not."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medseg.cohort.feasible import require_feasible
from medseg.cohort.folder.description import require_cohort_folder
from medseg.cohort.folder.journal import Done, WrittenFile, latest_of, read_events
from medseg.cohort.folder.places import Places, Shard
from medseg.cohort.keys import asked_for, key_of, made_with
from medseg.cohort.listing.manifest import require_faultless
from medseg.cohort.settings import WhatToMake
from medseg.core.acceptance import Accepted
from medseg.core.cohort import CohortCase, Manifest
from medseg.core.errors import MedSegError


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a run is asked to do, with the state of all files.

    Attributes:
        cases: Of this run, by ascending name.
        keys: What each case's result depends on; absent where its files cannot be read.
        unreadable: Why the files of a case cannot be read.
        accept: Problems of scans that are to be mended.
        made_with: Stands for all that is asked for; see `Description`.
    """

    cases: tuple[CohortCase, ...]
    keys: Mapping[str, str]
    unreadable: Mapping[str, MedSegError]
    accept: tuple[Accepted, ...]
    made_with: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run has to do.

    Attributes:
        asked: All that is wanted.
        waiting: Cases that are not done yet, or were changed since.
        earlier: What was written for a case before.
        newest_s: Time of the newest event there is.
    """

    asked: Asked
    waiting: tuple[CohortCase, ...]
    earlier: Mapping[str, tuple[WrittenFile, ...]]
    newest_s: float

    @property
    def cases(self) -> tuple[CohortCase, ...]:
        """Of this run, by ascending name."""
        return self.asked.cases


def plan_run(
    manifest: Manifest, folder: Path, make: WhatToMake, shard: Shard | None = None
) -> Plan:
    """What `run_cohort` would do; writes nothing.

    Raises:
        UnusableInput: INVALID_MANIFEST; DAMAGED_MODEL.
        WrongUse: UNKNOWN_MODEL; CHANNEL_MISMATCH for models of other channels.
    """
    return plan_of(asked_of(manifest, folder, make, shard), folder)


def asked_of(
    manifest: Manifest, folder: Path, make: WhatToMake, shard: Shard | None
) -> Asked:
    """Check what is wanted, and look at all files.

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
    wanted = asked_for(make)
    keys: dict[str, str] = {}
    unreadable: dict[str, MedSegError] = {}
    for case in cases:
        try:
            keys[case.case_id] = key_of(case, wanted)
        except MedSegError as error:
            unreadable[case.case_id] = error
    return Asked(
        cases=cases,
        keys=keys,
        unreadable=unreadable,
        accept=make.accept,
        made_with=made_with(wanted),
    )


def plan_of(asked: Asked, folder: Path) -> Plan:
    """What is left of it, by the journals."""
    events = read_events(Places(folder).journals)
    latest = latest_of(events)
    done = {
        case_id
        for case_id, event in latest.items()
        if isinstance(event, Done)
        and event.key == asked.keys.get(case_id)
        and set(event.accept) <= set(asked.accept)
        and _is_whole(event, folder)
    }
    return Plan(
        asked=asked,
        waiting=tuple(case for case in asked.cases if case.case_id not in done),
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
