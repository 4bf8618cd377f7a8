"""What a reader thought of each case, kept in a file beside the cohort; knows no Qt."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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

    def with_verdicts(self, verdicts: Mapping[str, Verdict]) -> "Review":
        """The same with these verdicts in place of earlier ones."""
        return Review(verdicts={**self.verdicts, **verdicts})

    def with_flag(self, case_id: str, flag: Flag) -> "Review":
        """The same with a case flagged."""
        return self.with_verdicts({case_id: replace(self[case_id], flag=flag)})

    def with_note(self, case_id: str, note: str) -> "Review":
        """The same with a note on a case."""
        return self.with_verdicts({case_id: replace(self[case_id], note=note)})

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


def write_verdicts(path: Path, verdicts: Mapping[str, Verdict]) -> None:
    """Put verdicts into the file, beside those of others who review the same cohort.

    Raises:
        UnusableInput: DISK_FULL, NOT_WRITABLE, or as `read_review`.
    """
    review = read_review(path).with_verdicts(verdicts)
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
