"""Help fits a terminal, and `medseg errors` explains every code."""

import inspect

import pytest

from medseg.cli.app import app, run
from medseg.cli.docstrings import unwrapped
from medseg.cli.segmenting import segment
from medseg.core.error_guide import ERROR_GUIDE
from medseg.core.errors import ErrorCode

TERMINAL_LINES = 50
ORDER = (
    *("demo", "inspect", "segment", "evaluate", "study", "cohort", "train", "plan"),
    *("models", "instances", "classical", "quality", "data", "errors", "bench"),
)


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(words) == 0
    return capsys.readouterr().out


def test_the_first_help_is_short_and_in_the_order_of_work(capsys):
    text = printed(["--help"], capsys)
    assert len(text.splitlines()) < TERMINAL_LINES
    places = [text.index(f"\u2502 {name} ") for name in ORDER]
    assert places == sorted(places)
    assert {*ORDER} == {name for name in app if not name.startswith("-")}


def test_errors_explains_every_code(capsys):
    text = " ".join(printed(["errors"], capsys).split())
    for code, row in ERROR_GUIDE.items():
        assert f"{code.value}: {row.meaning} -> {row.remedy}" in text


@pytest.mark.parametrize("written", ["GANTRY_TILT", "gantry-tilt", "GANTRY_TILT:"])
def test_errors_explains_one_code(written, capsys):
    text = " ".join(printed(["errors", written], capsys).split())
    row = ERROR_GUIDE[ErrorCode.GANTRY_TILT]
    assert text == f"GANTRY_TILT: {row.meaning} -> {row.remedy}"


def test_a_code_there_is_not_is_refused_with_those_that_come_close(capsys):
    assert run(["errors", "GANTRY_TILD"]) == 2
    assert "Did you mean GANTRY_TILT?" in capsys.readouterr().err
    assert run(["errors", "?"]) == 2
    assert "See medseg errors for all codes." in capsys.readouterr().err


def test_lines_of_a_docstring_paragraph_are_joined():
    docstring = """Do it.

    What is said here
    goes on there.

    Example: medseg it
    --now

    Args:
        path: A file
            or a folder.
        out: NAME: of what is
            written.
    """
    assert unwrapped(docstring) == inspect.cleandoc(
        """Do it.

        What is said here goes on there.

        Example: medseg it --now

        Args:
            path: A file or a folder.
            out: NAME: of what is written.
        """
    )


def test_every_paragraph_of_a_commands_help_is_one_line():
    assert segment.__doc__ is not None
    text, _, arguments = segment.__doc__.partition("\n\nArgs:\n")
    assert all("\n" not in paragraph for paragraph in text.split("\n\n"))
    names = [line.split(":")[0].strip() for line in arguments.splitlines()]
    assert names == list(inspect.signature(segment).parameters)
