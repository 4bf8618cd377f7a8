"""Colours that go with light and with dark themes."""

from qtpy.QtGui import QColor, QPalette

_FAINT, _FAINTER = 0.35, 0.2


def faint_ink(palette: QPalette) -> QColor:
    """For lines that help the eye: the text's colour, mostly transparent."""
    return _see_through(palette, _FAINT)


def fainter_ink(palette: QPalette) -> QColor:
    """For areas behind what matters: the text's colour, nearly transparent."""
    return _see_through(palette, _FAINTER)


def _see_through(palette: QPalette, opacity: float) -> QColor:
    colour = QColor(palette.text().color())
    colour.setAlphaF(opacity)
    return colour
