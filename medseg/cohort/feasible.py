"""What can never work is refused before anything is computed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from medseg.cohort.folder.case_files import files_of_case
from medseg.cohort.folder.places import Places
from medseg.cohort.listing.case_names import shown
from medseg.cohort.listing.checking import faults_of_channels, require_no_faults
from medseg.cohort.settings import WhatToMake
from medseg.core.channels import channel_order
from medseg.core.cohort import CohortCase, Fault
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.plan import Plan
from medseg.instances import require_instance_format, require_separable
from medseg.io.file_kinds import kind_of_name
from medseg.models import QUALITY_FILE, model_folder, read_model_info


def require_feasible(
    cases: Sequence[CohortCase], places: Places, make: WhatToMake
) -> None:
    """Refuse models that do not go together, and cases that they cannot take.

    Args:
        cases: All of a cohort, with names that are checked.
        places: Where its files are to lie.
        make: What is made of each.

    Raises:
        WrongUse: UNKNOWN_MODEL; CHANNEL_MISMATCH for models of other channels;
            INVALID_OPTION for predicted Dice where the model has no quality scores,
            and for lesions that the models cannot give; UNKNOWN_FORMAT for one that
            cannot hold them.
        UnusableInput: DAMAGED_MODEL; INVALID_MANIFEST.
    """
    plans = _plans_of_all(make)
    channels = plans[0].channels
    if make.instances is not None:
        require_separable(make.instances, plans[: len(make.models)])
        require_instance_format(make.file_format, where="--format")
    if make.quality:
        quality_file_of(make.models[0])
    faults = [*faults_of_channels(cases, channels), *_shared_files(cases, places, make)]
    if make.file_format.is_dicom:
        faults += _without_dicom(cases, make)
    require_no_faults(faults)


def quality_file_of(model: str) -> Path:
    """Where a model's quality scores are.

    Raises:
        WrongUse: INVALID_OPTION where it has none; UNKNOWN_MODEL.
    """
    path = model_folder(model) / QUALITY_FILE
    if not path.is_file():
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"the model has no quality scores ({QUALITY_FILE}) to predict Dice by",
            where="--quality",
            remedy="Make them with medseg quality fit, or leave the option out.",
        )
    return path


def _plans_of_all(make: WhatToMake) -> tuple[Plan, ...]:
    """Of the models, that of the region last; all take the same of a scan."""
    names = [*make.models, *([make.region_model] if make.region_model else [])]
    first, *others = [read_model_info(model_folder(name)).plan for name in names]
    for name, plan in zip(names[1:], others, strict=True):
        if not channel_order(first.channels, plan.channels):
            raise WrongUse(
                ErrorCode.CHANNEL_MISMATCH,
                f"it takes {', '.join(plan.channels)}, the first model "
                f"{', '.join(first.channels)}",
                where=name,
                remedy="Name models of the same channels, or run them one by one.",
            )
    return first, *others


def _without_dicom(cases: Sequence[CohortCase], make: WhatToMake) -> Iterator[Fault]:
    """Cases of which no DICOM object can be made, as far as names tell."""
    for case in cases:
        for path in case.images:
            kind = kind_of_name(path)
            if kind is not None and not path.is_dir():
                what = (
                    f"{make.file_format} refers to a DICOM series, which "
                    f"{shown(path.name)} is not ({ErrorCode.NO_DICOM_SOURCE})"
                )
                yield Fault(where=case.case_id, what=what)
                break


def _shared_files(
    cases: Sequence[CohortCase], places: Places, make: WhatToMake
) -> Iterator[Fault]:
    """Cases of which one would write over a file of another."""
    owners: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        for file in files_of_case(case.case_id, places, make):
            owners[str(file).lower()].append(case.case_id)
    shared = {tuple(names): file for file, names in owners.items() if len(names) > 1}
    for names, shared_file in shared.items():
        what = f"{Path(shared_file).name} would be a file of each of them"
        yield Fault(where=", ".join(names), what=what)
