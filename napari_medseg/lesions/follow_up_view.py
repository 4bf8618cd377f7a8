"""The tab that compares with an earlier label map."""

from collections.abc import Callable
from dataclasses import fields

from napari.components import LayerList
from napari.layers import Image, Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.notice import announce
from napari_medseg.lesions.boxes import BaselineScanBox, LabelMapBox
from napari_medseg.lesions.columns import (
    FOLLOWED_COLUMNS,
    FOLLOWED_STRUCTURE_COLUMN,
)
from napari_medseg.lesions.contents import Followed, followed_words
from napari_medseg.lesions.summary import Summary
from napari_medseg.lesions.table import RowsModel, RowsTable

_NOTHING = "Separate the lesions, then choose the labels of an earlier scan."


class FollowUpView(QWidget):
    """An earlier label map, and what became of each of its lesions.

    Attributes:
        follow_requested: Compare with the label map chosen.
        lesion_chosen: Go to a lesion: a `medseg.FollowedLesion`.
    """

    follow_requested = Signal()
    lesion_chosen = Signal(object)

    def __init__(
        self, layers: LayerList, later_scan: Callable[[], Image | None]
    ) -> None:
        """A tab over the viewer's layers.

        Args:
            layers: The viewer's.
            later_scan: Gives the scan of the label map that is compared.
        """
        super().__init__()
        self.baseline_box = LabelMapBox(layers, none_text="none")
        self.scan_box = BaselineScanBox(layers, self.baseline, later_scan)
        self._overlap = QDoubleSpinBox()
        self._apart = QDoubleSpinBox()
        self._compare = QPushButton("Compare")
        self.model: RowsModel[medseg.FollowedLesion] = RowsModel(
            FOLLOWED_COLUMNS, lambda _row: None, self
        )
        self._table = RowsTable("Followed lesions", self.model)
        self._table.set_widths(FOLLOWED_COLUMNS)
        self._words = Summary("Followed in all")
        self._allowed = False
        self._name_parts()
        self._lay_out()
        self._compare.clicked.connect(self.follow_requested)
        self._table.row_chosen.connect(self.lesion_chosen)
        self.baseline_box.layer_changed.connect(self._on_baseline_changed)
        self.show_followed(None)
        self.allow(is_ready=False)

    def baseline(self) -> Labels | None:
        """The earlier label map."""
        layer = self.baseline_box.layer()
        return layer if isinstance(layer, Labels) else None

    def scan(self) -> Image | None:
        """The earlier scan."""
        layer = self.scan_box.layer()
        return layer if isinstance(layer, Image) else None

    def rules(self) -> medseg.FollowUpRules:
        """Which lesions are one."""
        return medseg.FollowUpRules(
            minimum_overlap=self._overlap.value(), most_apart_mm=self._apart.value()
        )

    def show_followed(self, followed: Followed | None, why: str = "") -> None:
        """Fill the table, or empty it.

        Args:
            followed: What to show.
            why: Why there is nothing, if that is to be told.
        """
        lesions = () if followed is None else followed.found.lesions
        self.model.show(lesions)
        one = len({each.structure for each in lesions}) < 2
        self._table.setColumnHidden(FOLLOWED_STRUCTURE_COLUMN, one)
        words = why or _NOTHING if followed is None else followed_words(followed)
        self._words.show_words(words, has_table=followed is not None)

    def show_stale(self, *, is_stale: bool) -> None:
        """Mark what is shown as out of date, or no more."""
        self._words.show_stale(is_stale=is_stale)

    def mark(self, number: int) -> None:
        """Select the row that a lesion of the layer of lesions is in."""
        self._table.mark(lambda row: number in [part.number for part in row.follow_up])

    def disconnect_layers(self) -> None:
        """Listen to the viewer no more."""
        for box in (self.baseline_box, self.scan_box):
            box.disconnect_layers()

    def allow(self, *, is_ready: bool) -> None:
        """Allow to compare, or not."""
        self._allowed = is_ready
        self._compare.setEnabled(is_ready and self.baseline() is not None)

    def _on_baseline_changed(self, _layer: object) -> None:
        self.scan_box.refresh()
        self.allow(is_ready=self._allowed)

    def _name_parts(self) -> None:
        usual = medseg.FollowUpRules()
        helps = {each.name: each.metadata["help"] for each in fields(usual)}
        self._overlap.setRange(0.0, 0.99)
        self._overlap.setSingleStep(0.05)
        self._overlap.setValue(usual.minimum_overlap)
        self._apart.setRange(0.0, 1000.0)
        self._apart.setDecimals(1)
        self._apart.setSuffix(" mm")
        self._apart.setValue(usual.most_apart_mm)
        for widget, name, tip in (
            (
                self.baseline_box,
                "Baseline",
                "Labels of an earlier scan that lies at the same place (registered).",
            ),
            (
                self.scan_box,
                "Baseline scan",
                "The earlier scan, for the watershed by intensity.",
            ),
            (self._overlap, "Minimum overlap", helps["minimum_overlap"]),
            (self._apart, "Maximum distance", helps["most_apart_mm"]),
            (self._compare, "Compare", "Tell what became of each lesion."),
        ):
            announce(widget, name, tip)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        first = QHBoxLayout()
        first.addWidget(self.baseline_box, 1)
        first.addWidget(self._compare)
        form.addRow("Baseline", first)
        form.addRow("Baseline scan", self.scan_box)
        limits = QHBoxLayout()
        limits.addWidget(self._overlap, 1)
        limits.addWidget(QLabel("Maximum distance"))
        limits.addWidget(self._apart, 1)
        form.addRow("Minimum overlap", limits)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 4)
        layout.addLayout(form)
        layout.addWidget(self._table, 1)
        layout.addWidget(self._words)
