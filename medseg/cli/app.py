"""The command tree, and how errors become one line and an exit code."""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from enum import Enum
from types import NoneType, UnionType
from typing import get_args

from cyclopts import App, CoercionError, CycloptsError, MissingArgumentError
from rich.console import Console

from medseg.cli import (
    bench,
    classical_edits,
    cohort,
    data,
    errors,
    evaluation,
    instances,
    models,
    quality,
    scans,
    segmenting,
    study,
    training,
)
from medseg.cli.docstrings import unwrap_docstrings
from medseg.core.errors import ErrorCode, MedSegError, UnusableInput, WrongUse
from medseg.core.progress import Cancelled

EXIT_UNUSABLE_INPUT = 1
EXIT_WRONG_USE = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

_ERRORS = "Errors are one line: code, what, [where], remedy. All codes: medseg errors"

app = App(
    name="medseg",
    help="Organ and tumour segmentation of CT and MR scans. "
    "Research use only: not a medical device.",
    help_epilogue=_ERRORS,
    help_format="plaintext",
    version_flags=["--version"],
)
# As a newcomer meets them; help shows them in this order.
_COMMANDS: tuple[App | Callable[..., object], ...] = (
    scans.demo,
    scans.inspect,
    segmenting.segment,
    evaluation.evaluate,
    study.study,
    cohort.app,
    training.train,
    training.plan,
    models.app,
    instances.app,
    classical_edits.app,
    quality.app,
    data.app,
    errors.errors,
    bench.app,
)
for _place, _command in enumerate(_COMMANDS):
    if isinstance(_command, App):
        _command.help_epilogue = _ERRORS
        _command.sort_key = _place
        app.command(_command)
    else:
        app.command(_command, help_epilogue=_ERRORS, sort_key=_place)
unwrap_docstrings(app)


def main() -> None:
    """Run the command line and exit with its code.

    0 done; 1 unusable input or full disk, nothing done; 2 wrong use; 3 partly done;
    130 stopped.
    `--debug` anywhere shows the traceback of an error.
    """
    words = sys.argv[1:]
    is_debug = "--debug" in words
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger().setLevel(logging.DEBUG if is_debug else logging.WARNING)
    logging.getLogger("medseg").setLevel(logging.INFO)
    sys.exit(run([word for word in words if word != "--debug"], is_debug=is_debug))


def run(words: list[str], *, is_debug: bool = False) -> int:
    """Run one command and return its exit code; errors are printed as one line."""
    try:
        result = app(
            words,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
            error_console=Console(stderr=True),
        )
        sys.stdout.flush()
    except MedSegError as error:
        if is_debug:
            traceback.print_exc()
        print(error, file=sys.stderr)
        return EXIT_WRONG_USE if isinstance(error, WrongUse) else EXIT_UNUSABLE_INPUT
    except CycloptsError as error:
        print(_usage_error(error), file=sys.stderr)
        return EXIT_WRONG_USE
    except BrokenPipeError:  # whoever read the output has had enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except (OSError, MemoryError) as error:
        if is_debug:
            traceback.print_exc()
        print(_unforeseen(error), file=sys.stderr)
        return EXIT_UNUSABLE_INPUT
    except (Cancelled, KeyboardInterrupt):
        print(
            "stopped; a training goes on with --resume, an evaluation, a cohort, a fit "
            "or a download with the same command",
            file=sys.stderr,
        )
        return EXIT_INTERRUPTED
    return result if isinstance(result, int) else 0


def _usage_error(error: CycloptsError) -> MedSegError:
    """The error of an option's own check, or one made from the parser's words."""
    if isinstance(error.__context__, MedSegError):
        return error.__context__
    what = " ".join(str(error).split())
    if isinstance(error, CoercionError) and error.token and error.msg is None:
        wanted = _in_words(error.target_type)
        if wanted and error.token.keyword:
            what = f'{error.token.keyword} is {wanted}, got "{error.token.value}"'
    if isinstance(error, MissingArgumentError) and (left := _left_out(error)):
        what = f'{left} is missing: "{" ".join(error.command_chain or ())}" needs it'
    return WrongUse(
        ErrorCode.INVALID_OPTION, what, where="command line", remedy="See --help."
    )


def _left_out(error: MissingArgumentError) -> str | None:
    """What is left out altogether; None where it is named without enough values."""
    if error.argument is None or error.keyword or error.argument.tokens:
        return None
    return None if error.unused_tokens else error.argument.name


def _in_words(kind: object) -> str | None:
    """What an option takes: `int | Folds | None` is a whole number, all or none."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _either([str(choice.value) for choice in kind])
    if isinstance(kind, UnionType):
        words = [_in_words(each) for each in get_args(kind)]
        return _either([word for word in words if word]) if all(words) else None
    simple: dict[object, str] = {int: "a whole number", float: "a number"}
    return "none" if kind is NoneType else simple.get(kind)


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _unforeseen(error: OSError | MemoryError) -> MedSegError:
    """The system's word for a file or memory it would not give."""
    if isinstance(error, MemoryError):
        return UnusableInput(
            ErrorCode.OUT_OF_MEMORY,
            "there is not enough memory",
            where="this machine",
            remedy="Close other programs, or use a machine with more memory.",
        )
    return UnusableInput(
        ErrorCode.NOT_READABLE,
        error.strerror or "the system refused it",
        where=error.filename or "file system",
        remedy="Check the path and the rights to it.",
    )
