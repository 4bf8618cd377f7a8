"""The window that shows the FROC curve, larger than a panel has room for."""

from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.errands import tell_failure
from napari_medseg.controls.notice import announce
from napari_medseg.controls.saving import ask_where

_KINDS = "Pictures (*.png)"


class CurveDialog(QDialog):
    """A picture that can be saved; the panel can be used meanwhile."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("MedSeg: FROC")
        self._png = b""
        self._picture = QLabel()
        self._save = QPushButton("Save picture…")
        announce(self._picture, "FROC curve", "Sensitivity over false positives.")
        announce(self._save, "Save picture", "Save the curve as PNG.")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self._save)
        layout = QVBoxLayout(self)
        layout.addWidget(self._picture)
        layout.addLayout(buttons)
        self._save.clicked.connect(self._on_save_clicked)

    def set_png(self, png: bytes) -> None:
        """Have another picture; the window closes where it is empty."""
        self._png = png
        pixmap = QPixmap()
        if png:
            pixmap.loadFromData(png)
        else:
            self.hide()
        self._picture.setPixmap(pixmap)

    def _on_save_clicked(self) -> None:
        png = self._png  # while the user is asked where, the window may get another
        try:
            path = ask_where(self, "Save the curve", "froc.png", _KINDS, (".png",))
            if path is not None:
                with medseg.written_whole(path, overwrite=True) as part:
                    part.write_bytes(png)
        except medseg.MedSegError as error:
            tell_failure(error)
