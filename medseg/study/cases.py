"""What is known about the cases: patients, centres and other columns of a table."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse

CASE_COLUMN = "case"
_SEPARATORS = ",;\t"


@dataclass(frozen=True, kw_only=True)
class CaseTable:
    """A row of text for each case.

    Attributes:
        columns: Names, without that of the case.
        rows: By case, then by column.
        name: Of the file, for errors.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]
    name: str = "case table"

    def require(self, columns: Iterable[str], cases: Iterable[str]) -> None:
        """Refuse a table that lacks a column or a case.

        Raises:
            WrongUse: INVALID_OPTION, with the columns there are.
            UnusableInput: INVALID_DATASET, with the cases it lacks or whose value is
                empty.
        """
        wanted = tuple(columns)
        for column in wanted:
            if column not in self.columns:
                raise WrongUse(
                    ErrorCode.INVALID_OPTION,
                    f"the table has no column {column!r}",
                    where=self.name,
                    remedy=f"It has {', '.join(self.columns) or 'only the cases'}.",
                )
        lacking = [case for case in cases if case not in self.rows]
        if lacking:
            raise _invalid(
                f"the table has no row for {_some(lacking)}",
                self.name,
                "Add a row for each case.",
            )
        for column in wanted:
            empty = [case for case in cases if not self.rows[case][column]]
            if empty:
                raise _invalid(
                    f"column {column!r} is empty for {_some(empty)}",
                    self.name,
                    "Fill it in for each case.",
                )


@dataclass(frozen=True, kw_only=True)
class StudyCase:
    """A case that all models were scored on.

    Attributes:
        case_id: Name of the case.
        patient: Whom it is of.
        stratum: Centre within which patients are drawn; "" when there is but one.
        columns: Further values of the case table, name and value.
    """

    case_id: str
    patient: str
    stratum: str
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """A case that is not compared.

    Attributes:
        case_id: Name of the case.
        model: Model that has no score for it.
        why: In words.
    """

    case_id: str
    model: str
    why: str


def read_case_table(path: Path | str) -> CaseTable:
    """Read a CSV file (comma, semicolon or tab) with a column `case`.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE; INVALID_DATASET when a case is there
            twice, a row has too many or too few values, or no column is called case.
    """
    path = Path(path)
    lines = _lines(path)
    if not lines:
        raise _invalid("the table is empty", path.name, "Give a line of column names.")
    header = [name.strip() for name in lines[0][1]]
    if CASE_COLUMN not in header:
        raise _invalid(
            f"no column is called {CASE_COLUMN!r}; there are {', '.join(header)}",
            path.name,
            "Name the column of case ids so.",
        )
    if len(set(header)) != len(header):
        raise _invalid(
            "two columns have the same name", path.name, "Rename one of them."
        )
    rows: dict[str, Mapping[str, str]] = {}
    for number, values in lines[1:]:
        if len(values) != len(header):
            raise _invalid(
                f"line {number} has {len(values)} values, the header {len(header)}",
                path.name,
                "Give each line a value for every column.",
            )
        row = {k: v.strip() for k, v in zip(header, values, strict=True)}
        case = row.pop(CASE_COLUMN)
        if case in rows or not case:
            what = f"{case} is there twice" if case else "there is no case"
            raise _invalid(f"line {number}: {what}", path.name, "Keep one line a case.")
        rows[case] = MappingProxyType(row)
    return CaseTable(
        columns=tuple(name for name in header if name != CASE_COLUMN),
        rows=MappingProxyType(rows),
        name=path.name,
    )


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Lines with their numbers, blank ones left out."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UnusableInput(
            ErrorCode.NOT_FOUND,
            "there is no such file",
            where=path,
            remedy="Check the path.",
        ) from None
    except (OSError, UnicodeDecodeError):
        raise UnusableInput(
            ErrorCode.NOT_READABLE,
            "it cannot be read as UTF-8 text",
            where=path,
            remedy="Save the table as a CSV file in UTF-8.",
        ) from None
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    return [(reader.line_num, row) for row in reader if any(map(str.strip, row))]


def _some(cases: list[str]) -> str:
    more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
    return ", ".join(cases[:3]) + more


def _invalid(what: str, where: str, remedy: str) -> UnusableInput:
    return UnusableInput(ErrorCode.INVALID_DATASET, what, where=where, remedy=remedy)
