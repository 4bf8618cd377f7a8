"""Tables as plain text."""

from collections.abc import Sequence


def aligned(header: Sequence[str], lines: Sequence[Sequence[str]], *, left: int) -> str:
    """Columns of equal width: the first `left` flush left, the others flush right.

    A line may be shorter than the header.
    """
    padded = [[*line, *[""] * (len(header) - len(line))] for line in [header, *lines]]
    widths = [max(map(len, column)) for column in zip(*padded, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in padded
    )


def number(value: float | None, digits: int) -> str:
    """A figure for a table; a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def counted(count: int, noun: str) -> str:
    """A count with its noun in the right number."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"
