"""The Scores panel as it looks; it says what the user wants and does nothing."""

from napari.components import LayerList
from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg._layer_box import LayerBox
from napari_medseg._layers import record_of
from napari_medseg._notice import announce, message_label, notice_label
from napari_medseg._scores_table import HU_COLUMN, ScoresModel, SortedScores
from napari_medseg._scoring import Comparison

_WIDE_ENOUGH_FOR_THE_TABLE = 420
_WIDTHS = {1: 52, 2: 48, 3: 56, 4: 60, 5: 56, 6: 40}  # by column
_ROW_HEIGHT = 24
_ROWS_ALWAYS_SEEN = 5


class ScoresView(QWidget):
    """Two layers, Compute, the table, and what to do with it.

    Attributes:
        compute_requested: Score the layers chosen.
        structure_chosen: Label of the row that was clicked.
        copy_requested: Put the table on the clipboard.
        save_requested: Save the table.
    """

    compute_requested = Signal()
    structure_chosen = Signal(int)
    copy_requested = Signal()
    save_requested = Signal()

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self.prediction_box = LayerBox(layers, Labels, rank=_is_made_by_a_model)
        self.reference_box = LayerBox(layers, Labels, rank=self._suits_as_reference)
        self.scan_box = LayerBox(layers, Image, none_text="none")
        self.model = ScoresModel(self)
        self._sorted = SortedScores(self)
        self._sorted.setSourceModel(self.model)
        self._table = QTableView()
        self._compute = QPushButton("Compute")
        self._copy = QPushButton("Copy")
        self._save = QPushButton("Save CSV…")
        self._means = QLabel()
        self._message = message_label("Status of the scores")
        self._name_parts()
        self._set_up_table()
        self._lay_out()
        self._connect()
        self.show_scores(None)

    def layers(self) -> tuple[Layer | None, Layer | None, Layer | None]:
        """Prediction, reference, scan."""
        boxes = self.prediction_box, self.reference_box, self.scan_box
        return boxes[0].layer(), boxes[1].layer(), boxes[2].layer()

    def show_message(self, text: str) -> None:
        """One short line; it stays until the next."""
        self._message.setText(text)

    def show_scores(self, comparison: Comparison | None) -> None:
        """Fill the table, or empty it."""
        self.model.show(comparison)
        self._means.setText("" if comparison is None else means(comparison.scores))
        rows = () if comparison is None else comparison.scores.rows
        no_hu = all(row.mean_hu is None for row in rows)
        self._table.setColumnHidden(HU_COLUMN, no_hu)
        self._table.resizeColumnToContents(0)
        self._copy.setEnabled(bool(rows))
        self._save.setEnabled(bool(rows))

    def set_busy(self, *, busy: bool) -> None:
        """Allow to compute, or not."""
        self._compute.setEnabled(not busy)

    def _name_parts(self) -> None:
        announce(self.prediction_box, "Prediction", "Labels to judge.")
        announce(self.reference_box, "Reference", "Labels to compare with.")
        announce(self.scan_box, "Scan", "CT for mean Hounsfield units; may be none.")
        announce(
            self._compute, "Compute", "Score the prediction, structure by structure."
        )
        announce(self._copy, "Copy", "Copy the table, to paste into a spreadsheet.")
        announce(self._save, "Save CSV", "Save the table as comma-separated values.")
        self._table.setAccessibleName("Scores")
        self._means.setAccessibleName("Mean scores")

    def _set_up_table(self) -> None:
        table = self._table
        table.setModel(self._sorted)
        table.setSortingEnabled(True)
        table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        table.setMinimumHeight((_ROWS_ALWAYS_SEEN + 1) * _ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStyleSheet("QHeaderView::section { padding: 2px 4px; }")
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        for column, width in _WIDTHS.items():
            header.resizeSection(column, width)
        header.setMinimumSectionSize(36)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Prediction", self.prediction_box)
        form.addRow("Reference", self.reference_box)
        scan_row = QHBoxLayout()
        scan_row.addWidget(self.scan_box, 1)
        scan_row.addWidget(self._compute)
        form.addRow("Scan", scan_row)
        footer = QHBoxLayout()
        footer.addWidget(self._means, 1)
        footer.addWidget(self._copy)
        footer.addWidget(self._save)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self._message)
        layout.addWidget(self._table, 1)
        layout.addLayout(footer)
        layout.addWidget(notice_label())
        self.setMinimumWidth(_WIDE_ENOUGH_FOR_THE_TABLE)

    def _connect(self) -> None:
        self.prediction_box.layer_changed.connect(self._on_prediction_changed)
        self._compute.clicked.connect(self.compute_requested)
        self._copy.clicked.connect(self.copy_requested)
        self._save.clicked.connect(self.save_requested)
        self._table.clicked.connect(self._on_row_chosen)
        self._table.activated.connect(self._on_row_chosen)

    def _suits_as_reference(self, layer: Layer) -> int:
        is_other = layer is not self.prediction_box.layer()
        return 2 * is_other - _is_made_by_a_model(layer)

    def _on_prediction_changed(self, _layer: Layer | None) -> None:
        self.reference_box.refresh()

    def _on_row_chosen(self, index: QModelIndex) -> None:
        row = self._sorted.mapToSource(index).row()
        self.structure_chosen.emit(self.model.label_at(row))


def means(scores: medseg.Scores) -> str:
    """The line below the table."""
    if scores.mean_dice is None or scores.mean_iou is None:
        return "No structure is in either."
    counted = sum(row.dice is not None for row in scores.rows)
    return f"Mean of {counted}: Dice {scores.mean_dice:.3f}, IoU {scores.mean_iou:.3f}"


def _is_made_by_a_model(layer: Layer) -> bool:
    record = record_of(layer)
    return record is not None and record.provenance is not None
