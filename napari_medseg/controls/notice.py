"""Small parts that both panels have."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget

RESEARCH_USE_ONLY = "Research use only. Not a medical device."


def notice_label() -> QLabel:
    """The line that says what MedSeg is not."""
    label = QLabel(RESEARCH_USE_ONLY)
    label.setWordWrap(True)
    label.setStyleSheet("font-style: italic;")
    return label


def message_label(name: str) -> QLabel:
    """An empty label for messages of a line or two, which can be copied."""
    label = QLabel()
    label.setAccessibleName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def announce(widget: QWidget, name: str, tip: str) -> None:
    """Give a widget a name for screen readers, and a tooltip."""
    widget.setAccessibleName(name)
    widget.setToolTip(tip)
