"""What is thought of the case on view: two buttons and a note."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.controls.notice import announce
from napari_medseg.review.notes import NO_VERDICT, Flag, Verdict
from napari_medseg.shortcuts import ACCEPT_CASE, REJECT_CASE

_LINES_OF_A_NOTE = 2
_FRAME = 14  # pixels above and below the lines
_GREY = "#808080"  # seen on dark and on light


class VerdictBox(QWidget):
    """Accept, Reject, and a note; a second click takes a decision back.

    Attributes:
        flag_chosen: What was decided, as `Flag`.
        note_changed: What is noted.
    """

    flag_chosen = Signal(object)
    note_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._accept = QPushButton("✓ Accept")
        self._reject = QPushButton("✗ Reject")
        self._note = QPlainTextEdit()
        self._set_up_parts()
        buttons = QHBoxLayout()
        buttons.addWidget(self._accept, 1)
        buttons.addWidget(self._reject, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self._note)
        self._accept.clicked.connect(self._on_accept)
        self._reject.clicked.connect(self._on_reject)
        self._note.textChanged.connect(self._on_note_changed)

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Show what is thought of a case; None where there is no case."""
        self.setEnabled(verdict is not None)
        self.show_flag((verdict or NO_VERDICT).flag)
        blocked = self._note.blockSignals(True)
        self._note.setPlainText((verdict or NO_VERDICT).note)
        self._note.blockSignals(blocked)

    def show_flag(self, flag: Flag) -> None:
        """Show the decision alone: the note may be half written."""
        self._accept.setChecked(flag is Flag.ACCEPTED)
        self._reject.setChecked(flag is Flag.REJECTED)

    def _set_up_parts(self) -> None:
        for button in (self._accept, self._reject):
            button.setCheckable(True)
        self._accept.setShortcut(ACCEPT_CASE.keys)
        self._reject.setShortcut(REJECT_CASE.keys)
        self._note.setPlaceholderText("Note on this case")
        self._note.setTabChangesFocus(True)
        line = self._note.fontMetrics().lineSpacing()
        self._note.setFixedHeight(line * _LINES_OF_A_NOTE + _FRAME)
        self._note.setStyleSheet(f"QPlainTextEdit {{ border: 1px solid {_GREY}; }}")
        announce(self._accept, "Accept", ACCEPT_CASE.tip("Accept this case, or not"))
        announce(self._reject, "Reject", REJECT_CASE.tip("Reject this case, or not"))
        announce(self._note, "Note", "Kept in medseg-review.json beside the cohort.")

    def _on_accept(self, checked: bool) -> None:
        self.flag_chosen.emit(Flag.ACCEPTED if checked else Flag.NONE)

    def _on_reject(self, checked: bool) -> None:
        self.flag_chosen.emit(Flag.REJECTED if checked else Flag.NONE)

    def _on_note_changed(self) -> None:
        self.note_changed.emit(self._note.toPlainText().strip())
