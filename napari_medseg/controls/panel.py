"""What both panels share: they end their work when they are closed."""

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_medseg.controls.background import Background


class Panel(QWidget):
    """A docked widget with one view and one piece of work at a time.

    Napari takes the widget out of its dock when the user closes it, and stops the work
    itself, through its task list, when the whole window closes.
    """

    def __init__(self, view: QWidget) -> None:
        super().__init__()
        self.background = Background()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def end(self) -> None:
        """Stop the work; more in the panels, which stop listening to the viewer too."""
        self.background.cancel()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """End when taken out of the dock."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.end()
        super().changeEvent(event)
