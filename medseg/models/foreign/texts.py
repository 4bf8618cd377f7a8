"""Texts of other tools' files, fit to be shown."""

_LONGEST = 80


def one_line(text: object, most: int = _LONGEST) -> str:
    """One line of printable text."""
    words = " ".join(str(text).split())
    return "".join(sign for sign in words if sign.isprintable())[:most]
