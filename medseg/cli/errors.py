"""The command that explains error codes."""

import difflib
import textwrap

from medseg.core.error_guide import ERROR_GUIDE
from medseg.core.errors import ErrorCode, WrongUse

_WIDTH = 79


def errors(code: str | None = None, /) -> None:
    """Explain the error codes: what is wrong, and what to do.

    Example: medseg errors

    Example: medseg errors GANTRY_TILT

    Args:
        code: Code to explain, as an error begins with it. All codes by default.
    """
    codes = list(ERROR_GUIDE) if code is None else [_code_named(code)]
    print("\n".join(_explained(each) for each in codes))


def _explained(code: ErrorCode) -> str:
    """Meaning and remedy of one code, in lines that fit a terminal."""
    row = ERROR_GUIDE[code]
    meaning = textwrap.wrap(
        f"{code.value}: {row.meaning}", _WIDTH, subsequent_indent="  "
    )
    remedy = textwrap.wrap(
        row.remedy, _WIDTH, initial_indent="  -> ", subsequent_indent="     "
    )
    return "\n".join([*meaning, *remedy])


def _code_named(text: str) -> ErrorCode:
    name = text.strip().rstrip(":").upper().replace("-", "_")
    try:
        return ErrorCode(name)
    except ValueError:
        close = difflib.get_close_matches(name, list(ErrorCode), n=3, cutoff=0.5)
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"no error has the code {text!r}",
            where="CODE",
            remedy=f"Did you mean {' or '.join(close)}?"
            if close
            else "See medseg errors for all codes.",
        ) from None
