"""A part of a panel that is unfolded when it is wanted."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from napari_medseg.controls.notice import announce

_TEXT_HEIGHT_PX = 150


class Fold(QWidget):
    """A button that shows and hides what is below it; hidden at first."""

    def __init__(self, title: str, tip: str, content: QWidget) -> None:
        super().__init__()
        self._title = title
        self._content = content
        self._button = QPushButton()
        self._button.setCheckable(True)
        self._button.setFlat(True)
        announce(self._button, title, tip)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(content)
        self._button.toggled.connect(self._show)
        self._show(shown=False)

    def unfold(self) -> None:
        """Show what is below, as the user would."""
        self._button.setChecked(True)

    def _show(self, shown: bool) -> None:
        self._button.setText(f"{'▾' if shown else '▸'} {self._title}")
        self._content.setVisible(shown)


def text_box(name: str, tip: str) -> QPlainTextEdit:
    """A few lines of text that can be read, scrolled and copied."""
    box = QPlainTextEdit()
    box.setReadOnly(True)
    box.setTabChangesFocus(True)
    box.setFixedHeight(_TEXT_HEIGHT_PX)
    announce(box, name, tip)
    return box
