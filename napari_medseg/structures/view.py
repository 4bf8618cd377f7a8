"""The Structures panel as it looks; it says what the user wants and does nothing."""

from collections.abc import Mapping

from napari.components import LayerList
from napari.layers import Layer
from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.controls.fitted_columns import FittedColumns
from napari_medseg.controls.kept_colours import KeptColours
from napari_medseg.controls.labels_box import LabelsBox
from napari_medseg.controls.notice import announce, message_label, notice_label
from napari_medseg.controls.scrolled import scroll_in
from napari_medseg.structures.contents import Structures
from napari_medseg.structures.table import (
    NAME_COLUMN,
    FoundStructures,
    StructuresModel,
)

_ROW_HEIGHT = 24
_WIDTHS = {0: 80, 1: 84, 2: 60}  # least, by column
_PERCENT = 100


class StructuresView(QWidget):
    """A layer, the list of its structures, and how they are shown.

    Attributes:
        shown_changed: Show a structure, or not: label, whether.
        all_shown_requested: Show all structures of the list, or none: labels, whether.
        only_requested: Show the chosen structures and no others: labels.
        structure_chosen: Go to a structure: label.
        surfaces_requested: Show the surfaces of structures: labels.
        opacity_changed: 0 to 1.
        outline_changed: Whether outlines only.
        copy_requested: Put the volumes on the clipboard.
        save_requested: Save the volumes.
        script_requested: Put the same work as a script on the clipboard.
    """

    shown_changed = Signal(int, bool)
    all_shown_requested = Signal(object, bool)
    only_requested = Signal(object)
    structure_chosen = Signal(int)
    surfaces_requested = Signal(object)
    opacity_changed = Signal(float)
    outline_changed = Signal(bool)
    copy_requested = Signal()
    save_requested = Signal()
    script_requested = Signal()

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self.labels_box = LabelsBox(layers)
        self.model = StructuresModel(self)
        self._found = FoundStructures(self)
        self._found.setSourceModel(self.model)
        self._filter = QLineEdit()
        self._table = QTableView()
        self._show_all = QPushButton("Show all")
        self._hide_all = QPushButton("Hide all")
        self._only = QPushButton("Only")
        self._go = QPushButton("Go to")
        self._surface = QPushButton("3D surface")
        self._opacity = QSlider(Qt.Orientation.Horizontal)
        self._outline = QCheckBox("Outline")
        self._copy = QPushButton("Copy")
        self._save = QPushButton("Save CSV…")
        self._script = QPushButton("Copy as Python")
        self._total = QLabel()
        self._message = message_label("Status of the structures")
        self._name_parts()
        self._set_up_table()
        self._lay_out()
        self._connect()
        self.show_structures(None, {})

    def show_structures(
        self, structures: Structures | None, colours: Mapping[int, QColor]
    ) -> None:
        """Fill the list, or empty it; what was chosen stays chosen."""
        chosen = self.chosen_labels()
        measures = () if structures is None else structures.measures
        self.model.show(measures, colours)
        self._choose(chosen)
        present = sum(each.voxels > 0 for each in measures)
        self._total.setText(f"{present} of {len(measures)} present" if measures else "")
        buttons = self._show_all, self._hide_all, self._copy, self._save, self._script
        for button in buttons:
            button.setEnabled(bool(measures))
        self._allow_what_needs_a_row()

    def show_message(self, text: str) -> None:
        """One short line; it stays until the next."""
        self._message.setText(text)

    def show_style(self, *, opacity: float, is_outline: bool) -> None:
        """Show how the layer is drawn."""
        for control in (self._opacity, self._outline):
            control.blockSignals(True)
        self._opacity.setValue(round(opacity * _PERCENT))
        self._outline.setChecked(is_outline)
        for control in (self._opacity, self._outline):
            control.blockSignals(False)

    def chosen_labels(self) -> tuple[int, ...]:
        """Labels of the selected rows."""
        rows = self._table.selectionModel().selectedRows(NAME_COLUMN)
        return tuple(self._label_of(index) for index in rows)

    def listed_labels(self) -> tuple[int, ...]:
        """Labels of the rows that the filter keeps."""
        rows = range(self._found.rowCount())
        return tuple(self._label_of(self._found.index(row, 0)) for row in rows)

    def _label_of(self, index: QModelIndex) -> int:
        row = self._found.mapToSource(index).row()
        return self.model.measure_at(row).structure.id

    def _choose(self, labels: tuple[int, ...]) -> None:
        selection = self._table.selectionModel()
        flags = selection.SelectionFlag.Select | selection.SelectionFlag.Rows
        for row, label in enumerate(self.listed_labels()):
            if label in labels:
                selection.select(self._found.index(row, 0), flags)

    def _name_parts(self) -> None:
        self._filter.setPlaceholderText("Filter by name")
        self._filter.setClearButtonEnabled(True)
        self._opacity.setRange(0, _PERCENT)
        for widget, name, tip in (
            (self.labels_box, "Labels", "Layer whose structures are listed."),
            (self._filter, "Filter", "Words of the names to list."),
            (self._show_all, "Show all", "Show every structure listed below."),
            (self._hide_all, "Hide all", "Hide every structure listed below."),
            (self._only, "Only", "Show the selected structures and no others."),
            (self._go, "Go to", "Move the view to the selected structure."),
            (self._surface, "3D surface", "Show the selected structures in 3D."),
            (self._opacity, "Opacity", "Opacity of the layer."),
            (self._outline, "Outline", "Draw outlines instead of areas."),
            (self._copy, "Copy", "Copy the volumes, to paste into a spreadsheet."),
            (self._save, "Save CSV", "Save the volumes as comma-separated values."),
            (self._script, "Copy as Python", "Copy the same work as a script."),
            (self._table, "Structures", ""),
            (self._total, "Structures present", ""),
        ):
            announce(widget, name, tip)

    def _set_up_table(self) -> None:
        table = self._table
        table.setModel(self._found)
        table.setSortingEnabled(True)
        table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setItemDelegate(KeptColours(table))
        table.setShowGrid(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        table.setMinimumHeight(6 * _ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        FittedColumns(table, _WIDTHS, taker=NAME_COLUMN)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Labels", self.labels_box)
        look = QHBoxLayout()
        look.addWidget(self._filter, 1)
        look.addWidget(self._show_all)
        look.addWidget(self._hide_all)
        chosen = QHBoxLayout()
        for button in (self._go, self._only, self._surface):
            chosen.addWidget(button)
        style = QHBoxLayout()
        style.addWidget(QLabel("Opacity"))
        style.addWidget(self._opacity, 1)
        style.addWidget(self._outline)
        footer = QHBoxLayout()
        footer.addWidget(self._total, 1)
        footer.addWidget(self._copy)
        footer.addWidget(self._save)
        footer.addWidget(self._script)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.addLayout(form)
        layout.addLayout(look)
        layout.addWidget(self._table, 1)
        layout.addLayout(chosen)
        layout.addLayout(style)
        layout.addWidget(self._message)
        layout.addLayout(footer)
        layout.addWidget(notice_label())
        scroll_in(self, content)

    def _connect(self) -> None:
        self.model.shown_changed.connect(self.shown_changed)
        self.labels_box.layer_changed.connect(self._on_layer_changed)
        self._filter.textChanged.connect(self._on_filter_changed)
        self._show_all.clicked.connect(self._on_show_all_clicked)
        self._hide_all.clicked.connect(self._on_hide_all_clicked)
        self._only.clicked.connect(self._on_only_clicked)
        self._go.clicked.connect(self._on_go_clicked)
        self._surface.clicked.connect(self._on_surface_clicked)
        self._opacity.valueChanged.connect(self._on_opacity_changed)
        self._outline.toggled.connect(self.outline_changed)
        self._copy.clicked.connect(self.copy_requested)
        self._save.clicked.connect(self.save_requested)
        self._script.clicked.connect(self.script_requested)
        self._table.doubleClicked.connect(self._on_row_activated)
        self._table.activated.connect(self._on_row_activated)
        selection = self._table.selectionModel()
        selection.selectionChanged.connect(self._allow_what_needs_a_row)

    def _allow_what_needs_a_row(self, *_change: object) -> None:
        chosen = self._table.selectionModel().hasSelection()
        for button in (self._go, self._only, self._surface):
            button.setEnabled(chosen)

    def _on_layer_changed(self, layer: Layer | None) -> None:
        self._opacity.setEnabled(layer is not None)
        self._outline.setEnabled(layer is not None)

    def _on_filter_changed(self, words: str) -> None:
        self._found.look_for(words)

    def _on_show_all_clicked(self) -> None:
        self.all_shown_requested.emit(self.listed_labels(), True)

    def _on_hide_all_clicked(self) -> None:
        self.all_shown_requested.emit(self.listed_labels(), False)

    def _on_only_clicked(self) -> None:
        self.only_requested.emit(self.chosen_labels())

    def _on_go_clicked(self) -> None:
        for label in self.chosen_labels()[:1]:
            self.structure_chosen.emit(label)

    def _on_surface_clicked(self) -> None:
        self.surfaces_requested.emit(self.chosen_labels())

    def _on_opacity_changed(self, percent: int) -> None:
        self.opacity_changed.emit(percent / _PERCENT)

    def _on_row_activated(self, index: QModelIndex) -> None:
        self.structure_chosen.emit(self._label_of(index))
