"""Docstrings of commands as help: a paragraph is one line, wrapped when it is shown."""

import inspect
import re

from cyclopts import App

_ARGUMENT = re.compile(r"\w+:")


def unwrap_docstrings(app: App) -> None:
    """Join the lines of each paragraph in the docstrings of an app's commands.

    The help column is narrower than the source, so a line break of the source would
    stand in the middle of a line there.
    """
    for name in app:
        if name.startswith("-"):
            continue
        command = app[name]
        unwrap_docstrings(command)
        function = command.default_command
        if function is not None and function.__doc__:
            function.__doc__ = unwrapped(function.__doc__)


def unwrapped(docstring: str) -> str:
    """A Google docstring with each paragraph, and each argument, on one line."""
    text, heading, arguments = inspect.cleandoc(docstring).partition("\nArgs:\n")
    paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
    return (
        "\n\n".join(paragraphs)
        + ("\n" if heading else "")
        + heading
        + ("\n".join(f"    {line}" for line in _argument_lines(arguments)))
    )


def _argument_lines(arguments: str) -> list[str]:
    """`name: text` of each argument; what is indented further goes on with it."""
    lines: list[str] = []
    for line in arguments.splitlines():
        indent = len(line) - len(line.lstrip())
        if indent == 4 and _ARGUMENT.match(line.strip()):
            lines.append(line.strip())
        elif line.strip():
            lines[-1] += f" {line.strip()}"
    return lines
