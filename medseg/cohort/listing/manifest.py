"""The list of cases as a CSV file."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from medseg.cohort.listing.case_names import shown
from medseg.cohort.listing.checking import (
    faults_of,
    faults_of_channels,
    faults_of_names,
    require_no_faults,
)
from medseg.cohort.listing.text_tables import TextRow, TextTable, read_text_table
from medseg.core.cohort import CohortCase, Fault, Manifest
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.io.checks import reading_errors, require_file
from medseg.io.safe_writing import written_whole

_IMAGE = "image"
_CHANNEL = "image."
_ALIKE = 0.8
_OTHERS = ("series", "reference", "patient", "centre")


def read_manifest(path: Path | str, channels: Sequence[str] = ()) -> Manifest:
    """Read a list of cases and check it; what is wrong is told all at once.

    The columns are `case` and `image`, or `image.NAME` for each channel of a model that
    takes several, and where wanted `series`, `reference`, `patient` and `centre`.
    With `image` and all `image.NAME` a case fills the one or the others.
    Paths are taken from the folder that the list is in. Other columns are left alone.

    Args:
        path: The table: commas, semicolons or tabs; UTF-8, or UTF-16 with its mark.
        channels: Of the model, where it takes several.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE; INVALID_MANIFEST where it is no table.
    """
    path = Path(path)
    require_file(path)
    with reading_errors(path):
        content = path.read_bytes()
    try:
        table = read_text_table(content)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _no_table(f"it is not a table as CSV ({error})", path) from error
    images = _image_columns(table.columns, channels)
    _require_columns(table, images, path)
    known = {"case", *images, *_OTHERS}
    unknown = [shown(name) for name in table.columns if name and name not in known]
    note = f"columns that are not used: {', '.join(unknown)}" if unknown else ""
    found = [_case(row.cells, images, path.parent) for row in table.rows]
    unclear = {row.line: what for row in table.rows if (what := _unclear(row, images))}
    clear = [
        case
        for case, row in zip(found, table.rows, strict=True)
        if row.line not in unclear
    ]
    rows = (Fault(where=f"line {line}", what=what) for line, what in unclear.items())
    return Manifest(
        cases=tuple(sorted(found, key=lambda case: case.case_id)),
        faults=(
            *_misspelt(unknown, table.columns, images),
            *_long_rows(table),
            *rows,
            *_faults(found, clear, channels),
        ),
        notes=(note,) if note else (),
        source=str(path),
    )


def checked(
    cases: Iterable[CohortCase],
    notes: tuple[str, ...] = (),
    channels: Sequence[str] = (),
) -> Manifest:
    """A list of cases made otherwise, with all that is wrong with it."""
    found = sorted(cases, key=lambda case: case.case_id)
    return Manifest(
        cases=tuple(found), faults=tuple(faults_of(found, channels)), notes=notes
    )


def require_faultless(manifest: Manifest) -> Manifest:
    """Refuse a list of cases that has faults, or no case.

    Names are looked at again, since a list may be made by hand; files are not.

    Returns:
        The same list, by ascending case id.

    Raises:
        UnusableInput: INVALID_MANIFEST.
    """
    names = tuple(faults_of_names(manifest.cases))
    for faults in (manifest.faults, names):
        require_no_faults(faults, manifest.source)
    if not manifest.cases:
        raise UnusableInput(
            ErrorCode.INVALID_MANIFEST,
            "the list of cases is empty",
            where=manifest.source,
            remedy="Name at least one case.",
        )
    cases = sorted(manifest.cases, key=lambda case: case.case_id)
    return replace(manifest, cases=tuple(cases))


def write_manifest(
    manifest: Manifest,
    path: Path | str,
    channels: Sequence[str] = (),
    *,
    overwrite: bool = False,
) -> None:
    """Write a list of cases with absolute paths, as `read_manifest` reads it.

    Args:
        manifest: The cases.
        path: Ends in .csv.
        channels: Of the model, where it takes several.
        overwrite: Replace an earlier list.

    Raises:
        WrongUse: OUTPUT_EXISTS; UNKNOWN_FORMAT for another suffix.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    if Path(path).suffix.lower() != ".csv":
        raise WrongUse(
            ErrorCode.UNKNOWN_FORMAT,
            "a list of cases ends in .csv",
            where=path,
            remedy="Give such a name.",
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = _names_of_channels(manifest.cases, channels)
    has_one = not names or any(len(case.images) == 1 for case in manifest.cases)
    one = [_IMAGE] if has_one else []
    writer.writerow(["case", *one, *(f"{_CHANNEL}{name}" for name in names), *_OTHERS])
    for case in sorted(manifest.cases, key=lambda case: case.case_id):
        paths = [str(image.absolute()) for image in case.images]
        cells = paths if len(paths) == 1 and has_one else [*("" for _ in one), *paths]
        cells += [""] * (len(one) + len(names) - len(cells))
        reference = str(case.reference.absolute()) if case.reference else ""
        writer.writerow(
            [case.case_id, *cells, case.series, reference, case.patient, case.centre]
        )
    with written_whole(Path(path), overwrite=overwrite) as temporary:
        temporary.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


def read_written_manifest(path: Path) -> Manifest:
    """Read what `write_manifest` wrote; files that are gone by now are no fault.

    Raises:
        UnusableInput: NOT_FOUND or NOT_READABLE.
    """
    require_file(path)
    with reading_errors(path):
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    images = [name for name in rows.fieldnames or () if name.startswith(_IMAGE)]
    return Manifest(cases=tuple(_case(row, images, path.parent) for row in rows))


def _names_of_channels(
    cases: Iterable[CohortCase], channels: Sequence[str]
) -> Sequence[str]:
    """Of the columns for several files a case; none where each has one."""
    most = max((len(case.images) for case in cases), default=1)
    if most < 2:
        return ()
    return channels if len(channels) == most else [str(n + 1) for n in range(most)]


def _image_columns(columns: Sequence[str], channels: Sequence[str]) -> tuple[str, ...]:
    """Where the scan is: one column, one for each channel, or both."""
    each = tuple(f"{_CHANNEL}{name.strip().lower()}" for name in channels)
    if len(channels) < 2:
        return (_IMAGE,)
    if _IMAGE not in columns:
        return each
    return (_IMAGE, *each) if set(each) <= set(columns) else (_IMAGE,)


def _require_columns(table: TextTable, images: Sequence[str], path: Path) -> None:
    columns = table.columns
    missing = [name for name in ("case", *images) if name not in columns]
    if missing:
        raise _no_table(f"it has no column {', '.join(missing)}", path)
    known = ("case", *images, *_OTHERS)
    twice = [name for name in known if columns.count(name) > 1]
    if twice:
        raise _no_table(f"it has more than one column {', '.join(twice)}", path)


def _case(
    row: Mapping[str, str | None], images: Sequence[str], folder: Path
) -> CohortCase:
    named = [row.get(name) or "" for name in images]
    reference = row.get("reference") or ""
    return CohortCase(
        case_id=row.get("case") or "",
        images=tuple(folder / name for name in named if name),
        series=row.get("series") or "",
        reference=folder / reference if reference else None,
        patient=row.get("patient") or "",
        centre=row.get("centre") or "",
    )


def _unclear(row: TextRow, images: Sequence[str]) -> str:
    """Why it cannot be told which file is which channel; empty where it can."""
    each = [name for name in images if name != _IMAGE]
    named = [name for name in each if row.cells.get(name)]
    if not named:
        return ""
    if row.cells.get(_IMAGE):
        return f"has a file in {_IMAGE} and one in {named[0]}"
    blank = [name for name in each if name not in named]
    return f"has no file in {', '.join(blank)}" if blank else ""


def _misspelt(
    unknown: Iterable[str], columns: Sequence[str], images: Sequence[str]
) -> Iterator[Fault]:
    """Columns that are almost one of those known which the table has not."""
    missing = [name for name in (*images, *_OTHERS) if name not in columns]
    for name in unknown:
        alike = [known for known in missing if abs(len(known) - len(name)) < 2]
        for meant in get_close_matches(name, alike, n=1, cutoff=_ALIKE):
            yield Fault(where=f"column {name}", what=f"did you mean {meant}?")


def _long_rows(table: TextTable) -> Iterator[Fault]:
    for row in table.rows:
        if row.has_surplus:
            yield Fault(where=f"line {row.line}", what="has more fields than columns")


def _faults(
    found: Sequence[CohortCase], clear: Sequence[CohortCase], channels: Sequence[str]
) -> Iterator[Fault]:
    yield from faults_of(found)
    yield from faults_of_channels(clear, channels)


def _no_table(what: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.INVALID_MANIFEST,
        what,
        where=path,
        remedy="Make a table with the columns case, image and, where wanted, "
        f"{', '.join(_OTHERS)}.",
    )
