"""The tab that compares with a reference."""

from napari.components import LayerList
from napari.layers import Labels
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.notice import announce
from napari_medseg.lesions.boxes import LabelMapBox
from napari_medseg.lesions.curve_dialog import CurveDialog
from napari_medseg.lesions.judged_columns import (
    JUDGED_COLUMNS,
    JUDGED_CONFIDENCE_COLUMN,
    JUDGED_STRUCTURE_COLUMN,
    QUALITY_COLUMNS,
    SENSITIVITY_COLUMNS,
)
from napari_medseg.lesions.judging import Judged, JudgedLesion, Page, judged_words
from napari_medseg.lesions.summary import Summary
from napari_medseg.lesions.table import RowsModel, RowsTable

_NOTHING = "Separate the lesions, then choose the labels to compare with."
_SENSITIVITIES = (
    "Sensitivity at so many false positives in this scan. Here a lesion is found where "
    "it shares one voxel with the reference (IoU above 0), much as in LUNA16; in "
    f'"{Page.LESIONS.value}" only where its IoU is above 0.5.'
)
_FEW_ROWS_HEIGHT = 76


class ReferenceView(QWidget):
    """Labels to compare with, and how good the lesions are.

    Attributes:
        score_requested: Compare with the label map chosen.
        lesion_chosen: Go to a lesion: a `JudgedLesion`.
    """

    score_requested = Signal()
    lesion_chosen = Signal(object)

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self.reference_box = LabelMapBox(layers, none_text="none")
        self._score = QPushButton("Score")
        self.model: RowsModel[JudgedLesion] = RowsModel(
            JUDGED_COLUMNS, _no_swatch, self
        )
        self._lesions = RowsTable("Judged lesions", self.model)
        self._lesions.set_widths(JUDGED_COLUMNS)
        self._qualities: RowsModel[medseg.PanopticScore] = RowsModel(
            QUALITY_COLUMNS, _no_swatch, self
        )
        self._quality = RowsTable("Quality of structures", self._qualities)
        self._quality.set_widths(QUALITY_COLUMNS)
        self._curves: RowsModel[medseg.Froc] = RowsModel(
            SENSITIVITY_COLUMNS, _no_swatch, self
        )
        self._sensitivity = RowsTable("Sensitivities", self._curves)
        self._sensitivity.set_widths(SENSITIVITY_COLUMNS)
        self._sensitivity.setMinimumHeight(_FEW_ROWS_HEIGHT)
        self._sensitivity.setMaximumHeight(_FEW_ROWS_HEIGHT)
        self._curve = QPushButton("Curve…")
        self._dialog = CurveDialog(self)
        self._froc_words = QLabel()
        self._words = Summary("Judged in all")
        self._pages = QTabWidget()
        self._allowed = False
        self._name_parts()
        self._lay_out()
        self._score.clicked.connect(self.score_requested)
        self._curve.clicked.connect(self._dialog.show)
        self._lesions.row_chosen.connect(self.lesion_chosen)
        self.reference_box.layer_changed.connect(self._on_reference_changed)
        self.show_judged(None)
        self.allow(is_ready=False)

    @property
    def page(self) -> Page:
        """What is looked at."""
        return tuple(Page)[self._pages.currentIndex()]

    def reference(self) -> Labels | None:
        """The label map to compare with."""
        layer = self.reference_box.layer()
        return layer if isinstance(layer, Labels) else None

    def show_judged(self, judged: Judged | None, why: str = "") -> None:
        """Fill the tables, or empty them.

        Args:
            judged: What to show.
            why: Why there is nothing, if that is to be told.
        """
        lesions = () if judged is None else judged.lesions
        self.model.show(lesions)
        one = len({each.match.label for each in lesions}) < 2
        self._lesions.setColumnHidden(JUDGED_STRUCTURE_COLUMN, one)
        is_unsure = all(each.match.confidence is None for each in lesions)
        self._lesions.setColumnHidden(JUDGED_CONFIDENCE_COLUMN, is_unsure)
        rows = () if judged is None else judged.scores.rows
        self._qualities.show([row for row in rows if not row.is_absent])
        words = why or _NOTHING if judged is None else judged_words(judged)
        self._words.show_words(words, has_table=judged is not None)
        self._show_curves(judged)

    def show_stale(self, *, is_stale: bool) -> None:
        """Mark what is shown as out of date, or no more."""
        self._words.show_stale(is_stale=is_stale)

    def mark(self, number: int) -> None:
        """Select the row that a lesion of the layer of lesions is in."""
        self._lesions.mark(lambda row: row.match.prediction == number)

    def allow(self, *, is_ready: bool) -> None:
        """Allow to score, or not."""
        self._allowed = is_ready
        self._score.setEnabled(is_ready and self.reference() is not None)

    def disconnect_layers(self) -> None:
        """Listen to the viewer no more."""
        self.reference_box.disconnect_layers()

    def _show_curves(self, judged: Judged | None) -> None:
        curves = () if judged is None else judged.curves
        self._curves.show(curves)
        self._dialog.set_png(b"" if judged is None else judged.picture)
        for widget in (self._sensitivity, self._curve):
            widget.setVisible(bool(curves))
        why = "" if judged is None else judged.why_no_curve
        words = (_SENSITIVITIES if curves else "", why)
        self._froc_words.setText(" ".join(filter(None, words)) or _NOTHING)

    def _on_reference_changed(self, _layer: object) -> None:
        self.allow(is_ready=self._allowed)

    def _name_parts(self) -> None:
        self._froc_words.setWordWrap(True)
        for widget, name, tip in (
            (
                self.reference_box,
                "Reference",
                "Labels to compare with, on the same voxels. Lesions of a file that "
                "numbers them are as it says; else they are separated as above, in "
                "connected pieces where the model separates them.",
            ),
            (
                self._score,
                "Score",
                "Tell which lesions are found (IoU above 0.5), false and missed.",
            ),
            (self._curve, "Curve", "Show sensitivity over false positives."),
            (self._froc_words, "About FROC", ""),
            (self._pages, "Per lesion, per structure or FROC", ""),
        ):
            announce(widget, name, tip)

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.addWidget(QLabel("Reference"))
        first.addWidget(self.reference_box, 1)
        first.addWidget(self._score)
        froc = QWidget()
        page = QVBoxLayout(froc)
        page.setContentsMargins(4, 6, 4, 4)
        page.addWidget(self._froc_words)
        page.addWidget(self._sensitivity)
        page.addWidget(self._curve, 0, Qt.AlignmentFlag.AlignLeft)
        page.addStretch(1)
        pages: tuple[QWidget, ...] = (self._lesions, self._quality, froc)
        for name, widget in zip(Page, pages, strict=True):
            self._pages.addTab(widget, name.value)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 4)
        layout.addLayout(first)
        layout.addWidget(self._words)
        layout.addWidget(self._pages, 1)


def _no_swatch(_row: object) -> None:
    """The rows have no colours."""
