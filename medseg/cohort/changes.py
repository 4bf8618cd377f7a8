"""How what is asked for differs from what a folder holds: what a run would replace."""

from collections.abc import Iterator
from pathlib import Path

from medseg.cohort.folder.description import (
    Description,
    description_of,
    read_description,
    read_written,
)
from medseg.cohort.folder.places import Places
from medseg.cohort.keys import asked_for, made_with
from medseg.cohort.listing.manifest import read_written_manifest
from medseg.cohort.settings import WhatToMake
from medseg.core.cohort import Manifest
from medseg.core.errors import UnusableInput
from medseg.core.text_table import counted


def cohort_changes(
    manifest: Manifest, folder: Path | str, make: WhatToMake
) -> tuple[str, ...]:
    """What a run over these cases would do to the results of an earlier one.

    Nothing is lost without a word: other settings do all cases anew, and cases that are
    no more in the list leave the tables.

    Args:
        manifest: The cases; all of them, also where a run works on a part.
        folder: For the results.
        make: What is made of each scan.

    Returns:
        A line for each kind of change; none for a new folder.

    Raises:
        WrongUse: UNKNOWN_MODEL; INVALID_OPTION for predicted Dice where the model has
            no quality scores.
        UnusableInput: DAMAGED_MODEL; NOT_READABLE.
    """
    places = Places(Path(folder))
    if not (places.description.is_file() and places.manifest.is_file()):
        return ()
    try:
        then = read_description(places)
    except UnusableInput:  # damaged: the run writes it anew
        return ()
    now = read_written(description_of(make, made_with(asked_for(make))), places)
    earlier = read_written_manifest(places.manifest)
    if not all(case.case_id for case in earlier.cases):  # damaged: written anew, too
        return ()
    return (*_other_settings(then, now), *_other_cases(earlier, manifest))


def _other_settings(then: Description, now: Description) -> Iterator[str]:
    if then.made_with == now.made_with:
        return
    if not then.settings:
        yield (
            "earlier results here were made by another version, or otherwise, and are "
            "replaced: all cases are done anew"
        )
        return
    before, after = _flat(then), _flat(now)
    changed = [
        f"{name} was {before.get(name, 'none')}, is {after.get(name, 'none')}"
        for name in before | after
        if before.get(name) != after.get(name)
    ]
    what = "; ".join(changed) or "weights of a model were changed"
    yield (
        f"earlier results here were made otherwise and are replaced, all cases are "
        f"done anew: {what}"
    )


def _flat(description: Description) -> dict[str, str]:
    return {"models": " + ".join(description.models), **description.settings}


def _other_cases(then: Manifest, now: Manifest) -> Iterator[str]:
    wanted = {case.case_id: case for case in now.cases}
    gone = [case.case_id for case in then.cases if case.case_id not in wanted]
    if gone:
        yield (
            f"{counted(len(gone), 'case')} of the earlier list, such as {gone[0]}, "
            "not in this one: they leave the tables, their files stay"
        )
    unscored = [
        case.case_id
        for case in then.cases
        if case.reference
        and case.case_id in wanted
        and not wanted[case.case_id].reference
    ]
    if unscored:
        yield (
            f"{counted(len(unscored), 'case')} had a reference and have none now, such "
            f"as {unscored[0]}: they are done anew, and their scores are dropped"
        )
