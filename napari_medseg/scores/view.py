"""The Scores panel as it looks; it says what the user wants and does nothing."""

from napari.components import LayerList
from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QModelIndex, Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.controls.notice import announce, message_label, notice_label
from napari_medseg.controls.scrolled import scroll_in
from napari_medseg.controls.sorting import SortedRows
from napari_medseg.layers.ranking import is_derived, suits_as_prediction
from napari_medseg.scores.columns import HU_COLUMN, NSD_COLUMN, STATE_COLUMN
from napari_medseg.scores.error_controls import ErrorControls
from napari_medseg.scores.plot import PlotTab
from napari_medseg.scores.table import (
    HU_WIDTH,
    ScoresModel,
    scores_table,
)
from napari_medseg.scores.work import Comparison

_WIDE_ENOUGH_FOR_THE_TABLE = 420
_MORE_FOR_STATES = 30
_USUAL_TOLERANCE_MM = 2.0


class ScoresView(QWidget):
    """Two layers, Compute, the scores as a table and as plots, and the errors.

    Attributes:
        compute_requested: Score the layers chosen.
        structure_chosen: Label of the row, bar or dot that was chosen.
        copy_requested: Put the table on the clipboard.
        save_requested: Save the table.
        script_requested: Put the same work as a script on the clipboard.
    """

    compute_requested = Signal()
    structure_chosen = Signal(int)
    copy_requested = Signal()
    save_requested = Signal()
    script_requested = Signal()

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self.prediction_box = LayerBox(layers, Labels, rank=suits_as_prediction)
        self.reference_box = LayerBox(layers, Labels, rank=self._suits_as_reference)
        self.scan_box = LayerBox(layers, Image, none_text="none")
        self.model = ScoresModel(self)
        self.errors = ErrorControls()
        self.plot = PlotTab()
        self._sorted = SortedRows(self)
        self._sorted.setSourceModel(self.model)
        self._table = scores_table(self._sorted)
        self._tabs = QTabWidget()
        self._tolerance = QDoubleSpinBox()
        self._compute = QPushButton("Compute")
        self._copy = QPushButton("Copy")
        self._save = QPushButton("Save CSV…")
        self._script = QPushButton("Copy as Python")
        self._means = QLabel()
        self._message = message_label("Status of the scores")
        self._name_parts()
        self._lay_out()
        self._connect()
        self.show_scores(None)

    def layers(self) -> tuple[Layer | None, Layer | None, Layer | None]:
        """Prediction, reference, scan."""
        boxes = self.prediction_box, self.reference_box, self.scan_box
        return boxes[0].layer(), boxes[1].layer(), boxes[2].layer()

    def tolerance_mm(self) -> float | None:
        """Of the NSD; None for no NSD."""
        return self._tolerance.value() or None

    def show_message(self, text: str) -> None:
        """One short line; it stays until the next."""
        self._message.setText(text)

    def show_scores(self, comparison: Comparison | None) -> None:
        """Fill the table and the plots, or empty them."""
        self.model.show(comparison)
        self.plot.show_scores(comparison)
        self._means.setText("" if comparison is None else means(comparison.scores))
        rows = () if comparison is None else comparison.scores.rows
        no_hu = all(row.mean_hu is None for row in rows)
        no_state = all(row.state is medseg.MaskState.BOTH_PRESENT for row in rows)
        no_nsd = all(row.nsd is None for row in rows)
        self._table.setColumnHidden(HU_COLUMN, no_hu)
        self._table.setColumnHidden(NSD_COLUMN, no_nsd)
        self._table.setColumnHidden(STATE_COLUMN, no_state)
        wider = HU_WIDTH * (not no_hu) + _MORE_FOR_STATES * (not no_state)
        self.setMinimumWidth(_WIDE_ENOUGH_FOR_THE_TABLE + wider)
        self._copy.setEnabled(bool(rows))
        self._save.setEnabled(bool(rows))

    def mark(self, label: int) -> None:
        """Mark a structure in the table and in the plot."""
        self.plot.view.choose(label)
        row = self.model.row_of(label)
        if row is not None:
            index = self._sorted.mapFromSource(self.model.index(row, 0))
            self._table.selectRow(index.row())

    def set_busy(self, *, busy: bool) -> None:
        """Allow to compute, or not."""
        self._compute.setEnabled(not busy)

    def _name_parts(self) -> None:
        self._tolerance.setRange(0, 20)
        self._tolerance.setSingleStep(0.5)
        self._tolerance.setDecimals(1)
        self._tolerance.setSuffix(" mm")
        self._tolerance.setSpecialValueText("none")
        self._tolerance.setValue(_USUAL_TOLERANCE_MM)
        for widget, name, tip in (
            (self.prediction_box, "Prediction", "Labels to judge."),
            (self.reference_box, "Reference", "Labels to compare with."),
            (self.scan_box, "Scan", "CT for mean Hounsfield units; may be none."),
            (
                self._tolerance,
                "Tolerance",
                "How far off a surface may be and count as right in the NSD.",
            ),
            (self._compute, "Compute", "Score the prediction by structure."),
            (self._copy, "Copy", "Copy the table, to paste into a spreadsheet."),
            (self._save, "Save CSV", "Save the table as comma-separated values."),
            (self._script, "Copy as Python", "Copy the same work as a script."),
            (self._means, "Mean scores", ""),
        ):
            announce(widget, name, tip)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Prediction", self.prediction_box)
        form.addRow("Reference", self.reference_box)
        form.addRow("Scan", self.scan_box)
        compute_row = QHBoxLayout()
        compute_row.addWidget(self._tolerance)
        compute_row.addWidget(self._compute, 1)
        compute_row.addWidget(self._script)
        form.addRow("Tolerance", compute_row)
        self._tabs.addTab(self._table, "Table")
        self._tabs.addTab(self.plot, "Plot")
        self._tabs.setAccessibleName("Scores as table or plot")
        footer = QHBoxLayout()
        footer.addWidget(self._means, 1)
        footer.addWidget(self._copy)
        footer.addWidget(self._save)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addWidget(self._message)
        layout.addWidget(self._tabs, 1)
        layout.addWidget(self.errors)
        layout.addLayout(footer)
        layout.addWidget(notice_label())
        scroll_in(self, content)

    def _connect(self) -> None:
        self.prediction_box.layer_changed.connect(self._on_prediction_changed)
        self._compute.clicked.connect(self.compute_requested)
        self._copy.clicked.connect(self.copy_requested)
        self._save.clicked.connect(self.save_requested)
        self._script.clicked.connect(self.script_requested)
        self._table.clicked.connect(self._on_row_chosen)
        self._table.doubleClicked.connect(self._on_row_chosen)
        self._table.row_entered.connect(self._on_row_chosen)
        self.plot.structure_chosen.connect(self.structure_chosen)

    def _suits_as_reference(self, layer: Layer) -> int:
        is_other = layer is not self.prediction_box.layer()
        return 2 * is_other - suits_as_prediction(layer) - 4 * is_derived(layer)

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
