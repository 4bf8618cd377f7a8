"""Tables as people and spreadsheets save them: separators, encodings, headers."""

import codecs
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

_SEPARATORS = (",", ";", "\t")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, kw_only=True)
class TextRow:
    """One row that is not empty.

    Attributes:
        line: Of the file, from 1; the last one of a row that has several.
        cells: By column, without space round them; absent where the row is short.
        has_surplus: Whether there are more cells than columns.
    """

    line: int
    cells: Mapping[str, str]
    has_surplus: bool


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table of text.

    Attributes:
        columns: In lower case, without space round them; as often as they are there.
        rows: In the order of the file.
    """

    columns: tuple[str, ...]
    rows: tuple[TextRow, ...]


def read_text_table(content: bytes) -> TextTable:
    """Read a table separated by commas, semicolons or tabs, as its first row is.

    Bytes that are not UTF-8 are kept, as in names of files: "surrogateescape".

    Args:
        content: In UTF-8, or UTF-16 with its mark at the beginning.

    Raises:
        UnicodeDecodeError: For damaged UTF-16.
        csv.Error: For no such table.
    """
    is_utf_16 = content.startswith(_UTF_16)
    text = (
        content.decode("utf-16")
        if is_utf_16
        else content.decode("utf-8-sig", "surrogateescape")
    )
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=_separator_of(text), strict=True)
    found = [
        (reader.line_num, [cell.strip() for cell in row])
        for row in reader
        if any(cell.strip() for cell in row)
    ]
    if not found:
        return TextTable(columns=(), rows=())
    columns = tuple(name.lower() for name in found[0][1])
    rows = (
        TextRow(
            line=line,
            cells=dict(zip(columns, cells, strict=False)),
            has_surplus=any(cells[len(columns) :]),
        )
        for line, cells in found[1:]
    )
    return TextTable(columns=columns, rows=tuple(rows))


def _separator_of(text: str) -> str:
    """What gives the first row the most columns."""
    first = text.lstrip("\r\n").partition("\n")[0]
    return max(
        _SEPARATORS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), ()))
    )
