"""The list of models, with what is known about the chosen one."""

from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.fold import Fold, text_box
from napari_medseg.controls.notice import announce
from napari_medseg.segment.model_words import details_of, summary_of


@dataclass(frozen=True, eq=False, kw_only=True)
class Offer:
    """A model one can choose.

    Attributes:
        source: Name or folder to load it by.
        info: What is known about it.
        origin: Where it came from, in words.
    """

    source: str
    info: medseg.ModelInfo
    origin: str


class ModelChooser(QWidget):
    """A box of models, a menu for others, and what the chosen one finds and needs.

    Attributes:
        model_changed: Another model is chosen.
        folder_requested: Look for a model folder of MedSeg's.
        import_requested: Import a model of nnU-Net or a MONAI bundle.
    """

    model_changed = Signal()
    folder_requested = Signal()
    import_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._offers: list[Offer] = []
        self._box = QComboBox()
        self._other = QPushButton("Other…")
        self._summary = QLabel()
        self._details = text_box("Details of the model", "Structures, scores, data.")
        self._name_parts()
        self._lay_out()
        self._box.currentIndexChanged.connect(self._on_index_changed)

    def add(self, offer: Offer) -> None:
        """Offer one more model."""
        self._offers.append(offer)
        self._box.addItem(offer.info.name)
        role = Qt.ItemDataRole.ToolTipRole
        self._box.setItemData(self._box.count() - 1, offer.origin, role)

    def choose(self, source: str) -> bool:
        """Choose the model of this name or folder; False where it is not offered."""
        sources = [offer.source for offer in self._offers]
        if source in sources:
            self._box.setCurrentIndex(sources.index(source))
        return source in sources

    def offer(self) -> Offer | None:
        """The one chosen."""
        index = self._box.currentIndex()
        return self._offers[index] if index >= 0 else None

    def _name_parts(self) -> None:
        announce(self._box, "Model", "What is to be found, and in which scans.")
        announce(self._other, "Other model", "A model that is not in the list.")
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self._box.setSizeAdjustPolicy(policy)
        self._box.setMinimumContentsLength(12)
        menu = QMenu(self._other)
        menu.addAction("Model folder of MedSeg…", self.folder_requested.emit)
        menu.addAction("Import from nnU-Net or MONAI…", self.import_requested.emit)
        self._other.setMenu(menu)
        self._summary.setWordWrap(True)
        self._summary.setTextFormat(Qt.TextFormat.PlainText)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Model"))
        row.addWidget(self._box, 1)
        row.addWidget(self._other)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._summary)
        tip = "Structures with scores, licence, data, and where the model is from."
        layout.addWidget(Fold("About this model", tip, self._details))

    def _on_index_changed(self, _index: int) -> None:
        offer = self.offer()
        if offer is not None:
            self._summary.setText(summary_of(offer.info))
            self._details.setPlainText(details_of(offer.info, offer.origin))
        self.model_changed.emit()
