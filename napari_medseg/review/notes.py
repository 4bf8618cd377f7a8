"""What a reader thought of each case, kept in a file beside the cohort; knows no Qt."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import medseg

FILE_NAME = "medseg-review.json"
_FORMAT = "medseg-review"


class Flag(StrEnum):
    """What was decided about a case."""

    NONE = "none"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was decided about a case, and why.

    Attributes:
        flag: The decision.
        note: Free text.
    """

    flag: Flag = Flag.NONE
    note: str = ""


NO_VERDICT = Verdict()


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is newly said of a case; None where nothing is.

    Attributes:
        flag: The decision.
        note: Free text.
    """

    flag: Flag | None = None
    note: str | None = None

    def of(self, verdict: Verdict) -> Verdict:
        """A verdict with what is newly said."""
        return Verdict(
            flag=verdict.flag if self.flag is None else self.flag,
            note=verdict.note if self.note is None else self.note,
        )

    def then(self, later: "Change") -> "Change":
        """Both, the later one over this."""
        return Change(
            flag=self.flag if later.flag is None else later.flag,
            note=self.note if later.note is None else later.note,
        )


@dataclass(frozen=True, kw_only=True)
class Review:
    """The verdicts on the cases of a cohort.

    Attributes:
        verdicts: By case id; a case that nobody looked at has none.
    """

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        said = {case: v for case, v in self.verdicts.items() if v != NO_VERDICT}
        object.__setattr__(self, "verdicts", MappingProxyType(said))

    def __getitem__(self, case_id: str) -> Verdict:
        return self.verdicts.get(case_id, NO_VERDICT)

    def changed(self, changes: Mapping[str, Change]) -> "Review":
        """The same with what is newly said of some cases."""
        new = {case: change.of(self[case]) for case, change in changes.items()}
        return Review(verdicts={**self.verdicts, **new})

    def count(self, flag: Flag) -> int:
        """Cases with that flag."""
        return sum(verdict.flag is flag for verdict in self.verdicts.values())


def read_review(path: Path) -> Review:
    """Read the verdicts on a cohort; none where there is no file.

    Raises:
        UnusableInput: NOT_READABLE, INVALID_DATASET when it is damaged or another file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise ValueError(f"it is a {content['format']}")
        return Review(
            verdicts={
                str(case): Verdict(flag=Flag(said["flag"]), note=str(said["note"]))
                for case, said in content["cases"].items()
            }
        )
    except FileNotFoundError:
        return Review()
    except OSError as error:
        raise medseg.UnusableInput(
            medseg.ErrorCode.NOT_READABLE,
            f"the review cannot be read: {error.strerror or error}",
            where=path,
            remedy="Check the file's permissions.",
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise medseg.UnusableInput(
            medseg.ErrorCode.INVALID_DATASET,
            f"the review is damaged ({error!r})",
            where=path,
            remedy="Mend it by hand, or move it away to begin anew.",
        ) from error


def write_changes(path: Path, changes: Mapping[str, Change]) -> Review:
    """Put what is newly said into the file; what others said stays.

    One at a time: who reads and writes meanwhile would lose this.

    Returns:
        All that the file says now.

    Raises:
        UnusableInput: DISK_FULL, NOT_WRITABLE, or as `read_review`.
    """
    review = read_review(path).changed(changes)
    content = {
        "format": _FORMAT,
        "version": 1,
        "cases": {
            case: {"flag": verdict.flag, "note": verdict.note}
            for case, verdict in sorted(review.verdicts.items())
        },
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with medseg.written_whole(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return review
