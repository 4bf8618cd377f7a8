"""Many scans to be worked on: which, and what became of each."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from medseg.core.errors import ErrorCode


@dataclass(frozen=True, kw_only=True)
class CohortCase:
    """One scan of a cohort.

    Attributes:
        case_id: Names the case in tables and files: letters, digits, ".", "_" and "-",
            at most 64 of them. Never a patient's name.
        images: The scan: one file or folder, or one for each channel of the model in
            its order.
        series: SeriesInstanceUID where a folder holds several; empty otherwise.
        reference: Label map to score the result against, if there is one.
        patient: Pseudonym that the cases of one patient share; may be empty.
        centre: Where the scan was made; may be empty.
    """

    case_id: str
    images: tuple[Path, ...]
    series: str = ""
    reference: Path | None = None
    patient: str = ""
    centre: str = ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a list of cases.

    Attributes:
        where: Line of a file, or name of a case.
        what: In words.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The cases of a cohort.

    Attributes:
        cases: By ascending case id.
        faults: All that is wrong with the list; a run needs none.
        notes: What to know about how it was read.
        source: The file or folder it was read from, as it is told in errors.
    """

    cases: tuple[CohortCase, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = field(default="list of cases", compare=False)


class CaseState(StrEnum):
    """How far a case of a run is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class CaseFailure:
    """A case that could not be done, and why.

    Attributes:
        case_id: Name of the case.
        code: Stable name of the problem.
        what: What is wrong, in words; names no folder.
        remedy: What can be done about it.
    """

    case_id: str
    code: ErrorCode
    what: str
    remedy: str
