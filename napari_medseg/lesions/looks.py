"""What of the lesions is drawn in the picture."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from napari_medseg.controls.notice import announce


class Looks(QWidget):
    """Three boxes to tick.

    Attributes:
        outline_changed: Whether outlines only.
        marks_changed: Whether diameters and box of the lesion chosen are shown.
        boxes_changed: Whether the boxes of all lesions are.
    """

    outline_changed = Signal(bool)
    marks_changed = Signal(bool)
    boxes_changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._outline = QCheckBox("Outlines")
        self._marks = QCheckBox("Diameters and box")
        self._boxes = QCheckBox("All boxes")
        self._marks.setChecked(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for box, changed, tip in (
            (
                self._outline,
                self.outline_changed,
                "Draw lesions as outlines, not as areas.",
            ),
            (
                self._marks,
                self.marks_changed,
                "Show the two diameters and the box of the lesion chosen.",
            ),
            (
                self._boxes,
                self.boxes_changed,
                "Show the box of every lesion with number, structure and confidence.",
            ),
        ):
            announce(box, box.text(), tip)
            row.addWidget(box)
            box.toggled.connect(changed)
        row.addStretch(1)

    @property
    def is_outline(self) -> bool:
        """Whether lesions are to be shown as outlines."""
        return self._outline.isChecked()
