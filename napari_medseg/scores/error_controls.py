"""What to see of the errors: over the scan, and slice by slice."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.controls.notice import announce
from napari_medseg.scores.details import ErrorScope, error_colours_on_grey


class ErrorControls(QWidget):
    """Which errors lie over the scan, what their colours mean, and the slice curve.

    Attributes:
        scope_changed: An `ErrorScope`.
        curve_wanted: Whether the curve is to be seen.
    """

    scope_changed = Signal(object)
    curve_wanted = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._scope = QComboBox()
        for scope in ErrorScope:
            self._scope.addItem(scope.value, scope)
        self._curve = QCheckBox("Slice curve")
        self._curve.setChecked(True)
        self._legend = QLabel(_legend())
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setWordWrap(True)
        announce(
            self._scope,
            "Errors shown",
            "A layer of what is false positive, false negative and correct.",
        )
        announce(
            self._curve,
            "Slice curve",
            "The Dice of each slice under the view; drag it to move through them.",
        )
        announce(self._legend, "Colours of the errors", "")
        row = QHBoxLayout()
        row.addWidget(QLabel("Errors"))
        row.addWidget(self._scope, 1)
        row.addWidget(self._curve)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._legend)
        self._legend.setVisible(False)
        self._scope.currentIndexChanged.connect(self._on_scope_changed)
        self._curve.toggled.connect(self.curve_wanted)

    def scope(self) -> ErrorScope:
        """Which errors the user wants to see."""
        return ErrorScope(self._scope.currentText())

    def is_curve_wanted(self) -> bool:
        """Whether the user wants the curve."""
        return self._curve.isChecked()

    def _on_scope_changed(self, _index: int) -> None:
        self._legend.setVisible(self.scope() is not ErrorScope.NONE)
        self.scope_changed.emit(self.scope())


def _legend() -> str:
    """A square as the layer looks before each word; the words are in the theme's."""
    squares = (
        f"<span style='color: rgb{colour}'>■</span>&nbsp;{name.replace(' ', '&nbsp;')}"
        for name, colour in error_colours_on_grey().items()
    )
    return "&ensp; ".join(squares)
