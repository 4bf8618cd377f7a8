"""The Lesions panel as it looks; it says what the user wants and does nothing."""

from collections.abc import Mapping

from napari.components import LayerList
from napari.layers import Image, Labels, Layer
from qtpy.QtCore import Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.controls.notice import announce, message_label, notice_label
from napari_medseg.controls.scrolled import scroll_in
from napari_medseg.layers.conversion import intensity_unit
from napari_medseg.layers.evidence import has_centres
from napari_medseg.layers.structures import structures_of
from napari_medseg.lesions.boxes import ChosenLabelsBox, on_same_voxels
from napari_medseg.lesions.columns import (
    CONFIDENCE_COLUMN,
    LESION_COLUMNS,
    MEAN_COLUMN,
    STRUCTURE_COLUMN,
)
from napari_medseg.lesions.contents import Lesions, counted_words
from napari_medseg.lesions.follow_up_view import FollowUpView
from napari_medseg.lesions.looks import Looks
from napari_medseg.lesions.reference_view import ReferenceView
from napari_medseg.lesions.rules_form import RulesForm
from napari_medseg.lesions.summary import Summary
from napari_medseg.lesions.table import RowsModel, RowsTable

_WIDE_ENOUGH_FOR_THE_TABLE = 520


class LesionsView(QWidget):
    """Labels and scan, what a lesion is, the lesions, and what became of them.

    Attributes:
        apart_requested: Tell the lesions apart.
        cancel_requested: Stop what is going on.
        lesion_chosen: Go to a lesion: a `medseg.InstanceMeasure`.
        copy_requested: Put the table on the clipboard.
        save_requested: Save the table.
        save_labels_requested: Save labels and lesions.
        script_requested: Put the same work as a script on the clipboard.
    """

    apart_requested = Signal()
    cancel_requested = Signal()
    lesion_chosen = Signal(object)
    copy_requested = Signal()
    save_requested = Signal()
    save_labels_requested = Signal()
    script_requested = Signal()

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self.labels_box = ChosenLabelsBox(layers)
        self.scan_box = LayerBox(layers, Image, rank=self._suits_as_scan)
        self.rules = RulesForm()
        self.follow_up = FollowUpView(layers, self.scan)
        self.reference = ReferenceView(layers)
        self._sections = (self.follow_up, self.reference)
        self._colours: Mapping[int, QColor] = {}
        self.model: RowsModel[medseg.InstanceMeasure] = RowsModel(
            LESION_COLUMNS, lambda row: self._colours.get(row.number), self
        )
        self._table = RowsTable("Lesions", self.model)
        self._table.set_widths(LESION_COLUMNS)
        self._tabs = QTabWidget()
        self._apart = QPushButton("Separate lesions")
        self._cancel = QPushButton("Cancel")
        self._bar = QProgressBar()
        self._message = message_label("Status of the lesions")
        self._total = Summary("Lesions in all")
        self.looks = Looks()
        self._copy = QPushButton("Copy")
        self._save = QPushButton("Save CSV…")
        self._save_labels = QPushButton("Save labels…")
        self._script = QPushButton("Copy as Python")
        self._is_busy = False
        self._has_lesions = self._is_stale = False
        self._name_parts()
        self._lay_out()
        self._connect()
        self._on_labels_changed()
        self.show_lesions(None, {})

    def labels(self) -> Labels | None:
        """The label map chosen."""
        layer = self.labels_box.layer()
        return layer if isinstance(layer, Labels) else None

    def scan(self) -> Image | None:
        """The scan chosen."""
        layer = self.scan_box.layer()
        return layer if isinstance(layer, Image) else None

    @property
    def section(self) -> QWidget:
        """The tab that is looked at."""
        return self._tabs.currentWidget()

    def show_structures(self) -> None:
        """List the structures of the label map as they are by now."""
        layer = self.labels()
        self.rules.show_structures(None if layer is None else structures_of(layer))
        self.rules.offer_learned(is_offered=has_centres(layer))
        self._allow()

    def show_lesions(
        self, lesions: Lesions | None, colours: Mapping[int, QColor]
    ) -> None:
        """Fill the table, or empty it."""
        self._colours = colours
        measures = () if lesions is None else lesions.measures
        self.model.show(measures)
        one = len({each.structure.id for each in measures}) < 2
        self._table.setColumnHidden(STRUCTURE_COLUMN, one)
        no_mean = not any(each.intensities for each in measures)
        self._table.setColumnHidden(MEAN_COLUMN, no_mean)
        is_unsure = all(each.confidence is None for each in measures)
        self._table.setColumnHidden(CONFIDENCE_COLUMN, is_unsure)
        self._has_lesions = lesions is not None
        words = "" if lesions is None else counted_words(lesions)
        self._total.show_words(words, has_table=self._has_lesions)
        self._mark_stale(is_stale=False)

    def show_section(self, section: QWidget) -> None:
        """Look at another tab."""
        self._tabs.setCurrentWidget(section)

    def mark(self, number: int) -> None:
        """Select the row of a lesion."""
        self._table.mark(lambda row: row.number == number)
        self.mark_in_sections(number)

    def mark_in_sections(self, number: int) -> None:
        """Select its row in the other tabs."""
        for section in self._sections:
            section.mark(number)

    def show_stale(self, why: str) -> None:
        """Allow nothing to be made of lesions that are not those of the labels now.

        Args:
            why: What is told; empty where they are.
        """
        if why or self._is_stale:
            self.show_message(why)
        self._mark_stale(is_stale=bool(why))

    def _mark_stale(self, *, is_stale: bool) -> None:
        self._is_stale = is_stale
        for each in (self._total, *self._sections):
            each.show_stale(is_stale=is_stale)
        self._allow()

    def show_message(self, text: str) -> None:
        """One short line; it stays until the next."""
        self._message.setText(text)

    def show_progress(self, progress: medseg.Progress) -> None:
        """How far the work is."""
        self._bar.setRange(0, progress.total)
        self._bar.setValue(progress.done)
        self._message.setText(progress.stage)

    def set_busy(self, *, busy: bool) -> None:
        """Allow to cancel, or to start."""
        self._is_busy = busy
        self._cancel.setEnabled(busy)
        self._bar.setVisible(busy)
        self._allow()

    def disconnect_layers(self) -> None:
        """Listen to the viewer no more."""
        for each in (self.labels_box, self.scan_box, *self._sections):
            each.disconnect_layers()

    def _allow(self) -> None:
        has_labels = self.labels() is not None
        self._apart.setEnabled(has_labels and not self._is_busy)
        self._script.setEnabled(has_labels)
        is_ready = self._has_lesions and not self._is_stale
        for button in (self._copy, self._save, self._save_labels):
            button.setEnabled(is_ready)
        for section in self._sections:
            section.allow(is_ready=is_ready and not self._is_busy)

    def _name_parts(self) -> None:
        for widget, name, tip in (
            (self.labels_box, "Labels", "Label map whose lesions are counted."),
            (self.scan_box, "Scan", "Gives mean intensities, and valleys to split at."),
            (self._apart, "Separate lesions", "Number each lesion and measure it."),
            (self._cancel, "Cancel", "Stop after this step; nothing is changed."),
            (self._bar, "Progress", "Steps done."),
            (self._copy, "Copy", "Copy the table, to paste into a spreadsheet."),
            (self._save, "Save CSV", "Save the table as comma-separated values."),
            (
                self._save_labels,
                "Save labels",
                "Save labels and lesions: NIfTI, NRRD, MHA or DICOM-SEG. On the tab "
                "Follow-up, lesions matched get the Tracking UID of the baseline.",
            ),
            (self._script, "Copy as Python", "Copy the same work as a script."),
            (self._tabs, "Lesions, follow-up or reference", ""),
        ):
            announce(widget, name, tip)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Labels", self.labels_box)
        form.addRow("Scan", self.scan_box)
        start, save = QHBoxLayout(), QHBoxLayout()
        start.addWidget(self._apart, 1)
        start.addWidget(self._cancel)
        lesions = QWidget()
        page = QVBoxLayout(lesions)
        page.setContentsMargins(4, 6, 4, 4)
        page.addWidget(self._table, 1)
        page.addWidget(self._total)
        self._tabs.addTab(lesions, "Lesions")
        self._tabs.addTab(self.follow_up, "Follow-up")
        self._tabs.addTab(self.reference, "Reference")
        for button in (self._copy, self._save, self._save_labels, self._script):
            save.addWidget(button)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addWidget(self.rules)
        layout.addLayout(start)
        layout.addWidget(self._bar)
        layout.addWidget(self._message)
        layout.addWidget(self._tabs, 1)
        layout.addWidget(self.looks)
        layout.addLayout(save)
        layout.addWidget(notice_label())
        self.setMinimumWidth(_WIDE_ENOUGH_FOR_THE_TABLE)
        scroll_in(self, content)
        self.set_busy(busy=False)

    def _connect(self) -> None:
        self.labels_box.layer_changed.connect(self._on_labels_changed)
        self.scan_box.layer_changed.connect(self._on_scan_changed)
        self._apart.clicked.connect(self.apart_requested)
        self._cancel.clicked.connect(self.cancel_requested)
        self._table.row_chosen.connect(self.lesion_chosen)
        self._copy.clicked.connect(self.copy_requested)
        self._save.clicked.connect(self.save_requested)
        self._save_labels.clicked.connect(self.save_labels_requested)
        self._script.clicked.connect(self.script_requested)

    def _suits_as_scan(self, layer: Layer) -> int:
        labels = self.labels()
        return int(labels is not None and on_same_voxels(layer, labels))

    def _on_labels_changed(self, _layer: Layer | None = None) -> None:
        self.scan_box.refresh()
        self.show_structures()
        self._on_scan_changed()

    def _on_scan_changed(self, _layer: Layer | None = None) -> None:
        scan = self.scan()
        self.follow_up.scan_box.refresh()
        self.rules.show_unit("" if scan is None else intensity_unit(scan))
