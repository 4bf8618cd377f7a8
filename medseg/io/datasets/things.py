"""Things that the cases of a dataset tell apart, voxel by voxel.

A `dataset.json` that names some of its labels as things ("things": ["tumour"]) has a
folder `instancesTr` beside `labelsTr`, with a file of the same name for each case: the
number of the thing at each voxel, 0 for none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from medseg.core.case import Case
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import LabelSet, StructureKind

INSTANCES_FOLDER = "instancesTr"


def described_things(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the things of a description; none where it does not speak of them.

    Raises:
        ValueError: When it is not a list of names.
    """
    things = content.get("things", [])
    if not isinstance(things, list) or not all(
        isinstance(name, str) for name in things
    ):
        raise ValueError(f'"things" is a list of names of labels, got {things!r}')
    return tuple(name.strip() for name in things)


def with_things(labels: LabelSet, things: Sequence[str]) -> LabelSet:
    """The labels, some of which are things whatever their names."""
    return LabelSet(
        tuple(
            replace(each, kind=StructureKind.THING) if each.name in things else each
            for each in labels
        )
    )


def with_instances(cases: tuple[Case, ...], things: Sequence[str]) -> tuple[Case, ...]:
    """The cases with the files of their instance numbers, where there are things.

    Raises:
        UnusableInput: INVALID_DATASET when a file is missing; the case is named.
    """
    return tuple(_with_file(case) for case in cases) if things else cases


def _with_file(case: Case) -> Case:
    if case.reference is None:
        return case
    file = case.reference.parent.parent / INSTANCES_FOLDER / case.reference.name
    if not file.is_file():
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            f"the instance numbers of case {case.id} are missing",
            where=file,
            remedy="Restore the file, or leave things out of dataset.json.",
        )
    return replace(case, instances=file)
