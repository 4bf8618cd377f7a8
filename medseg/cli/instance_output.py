"""Tables of lesions, from the commands to files."""

from pathlib import Path

import medseg
from medseg.core.errors import ErrorCode, WrongUse


def require_table(out: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a table that could not be written.

    Raises:
        WrongUse: UNKNOWN_FORMAT; OUTPUT_EXISTS.
    """
    _require_suffix(out, "tables", (".csv", ".json"))
    medseg.require_absent(out, overwrite=overwrite)


def require_csv(out: Path, *, overwrite: bool) -> None:
    """As `require_table`, of a table that is written as CSV only.

    Raises:
        WrongUse: UNKNOWN_FORMAT; OUTPUT_EXISTS.
    """
    _require_suffix(out, "tables of lesions", (".csv",))
    medseg.require_absent(out, overwrite=overwrite)


def require_picture(out: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a picture that could not be written.

    Raises:
        WrongUse: UNKNOWN_FORMAT; OUTPUT_EXISTS.
    """
    _require_suffix(out, "pictures", (".png",))
    medseg.require_absent(out, overwrite=overwrite)


def write_table(out: Path, csv: str, json: str, *, overwrite: bool) -> None:
    """Write a table in the format that the file's suffix names."""
    text = json if out.suffix.lower() == ".json" else csv
    with medseg.written_whole(out, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _require_suffix(out: Path, what: str, suffixes: tuple[str, ...]) -> None:
    if out.suffix.lower() not in suffixes:
        raise WrongUse(
            ErrorCode.UNKNOWN_FORMAT,
            f"{what} ending in {out.suffix!r} are not written",
            where=out,
            remedy=f"Use {' or '.join(suffixes)}.",
        )
