"""What is wrong with a list of cases."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from medseg.cohort.listing.case_names import shown
from medseg.core.cohort import CohortCase, Fault
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.checks import reading_errors
from medseg.io.file_kinds import FileKind, kind_of_file, kind_of_name

_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOLD = 5


def faults_of(
    cases: Sequence[CohortCase], channels: Sequence[str] = ()
) -> Iterator[Fault]:
    """All that is wrong with cases; looks whether their files are there.

    Args:
        cases: In any order.
        channels: Of the model, where known.
    """
    yield from faults_of_names(cases)
    for case in cases:
        where = case.case_id or "a case without a name"
        for path in (*case.images, *([case.reference] if case.reference else ())):
            if not path.exists():
                yield Fault(where=shown(where), what=f"there is no {shown(path)}")
        if case.series and any(_is_no_dicom(path) for path in case.images):
            what = "a series is named, but the image is no DICOM"
            yield Fault(where=shown(where), what=what)
    yield from faults_of_channels(cases, channels)


def faults_of_names(cases: Sequence[CohortCase]) -> Iterator[Fault]:
    """What is wrong without looking at any file."""
    counts = Counter(case.case_id.lower() for case in cases)
    for name, count in counts.items():
        if count > 1 and _CASE_ID.fullmatch(name):
            yield Fault(
                where=name, what=f"{count} cases have this name, capitals aside"
            )
    for case in cases:
        where = shown(case.case_id) or "a case without a name"
        if not _CASE_ID.fullmatch(case.case_id):
            yield Fault(
                where=where,
                what="a name is made of at most 64 letters, digits, '.', '_' and '-'",
            )
        for text in (case.case_id, case.series, case.patient, case.centre):
            if shown(text) != text:
                what = f"{shown(text)} is not text in UTF-8: save the list as such"
                yield Fault(where=where, what=what)
        if not case.images:
            yield Fault(where=where, what="no image is named")


def faults_of_channels(
    cases: Iterable[CohortCase], channels: Sequence[str]
) -> Iterator[Fault]:
    """A file for each channel, or one file for all, which no DICOM series is."""
    wanted = len(channels)
    for case in cases if wanted else ():
        count = len(case.images)
        if count == 1 < wanted and not _may_hold_several(case.images[0]):
            what = f"there is no file for some of {', '.join(channels)}"
        elif count not in (0, 1, wanted):
            what = f"{count} files are named for {', '.join(channels)}"
        else:
            continue
        yield Fault(where=case.case_id, what=what)


def require_no_faults(faults: Sequence[Fault], where: str = "list of cases") -> None:
    """Refuse a list of cases for what is wrong with it.

    Args:
        faults: All that is.
        where: What the list was read from.

    Raises:
        UnusableInput: INVALID_MANIFEST, unless there is nothing.
    """
    if not faults:
        return
    told = "; ".join(str(fault) for fault in faults[:_TOLD])
    count = len(faults)
    raise UnusableInput(
        ErrorCode.INVALID_MANIFEST,
        f"the list of cases has {count} fault{'s' if count > 1 else ''}: {told}"
        + (" ..." if count > _TOLD else ""),
        where=where,
        remedy="Mend them all and run again; nothing was done.",
    )


def _is_no_dicom(path: Path) -> bool:
    return kind_of_name(path) is not None and path.is_file()


def _may_hold_several(path: Path) -> bool:
    """Whether a file may have four dimensions; what is not there is told elsewhere."""
    if path.is_dir():
        return False
    if kind_of_name(path) is not None or not path.exists():
        return True
    with reading_errors(path):
        return kind_of_file(path) not in (None, FileKind.DICOM)
