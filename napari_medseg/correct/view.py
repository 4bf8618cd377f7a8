"""The Correct panel as it looks; it says what the user wants and does nothing."""

from napari.components import LayerList
from napari.layers import Image, Labels, Shapes
from qtpy.QtCore import Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.labels_box import LabelsBox
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.controls.notice import announce, message_label, notice_label
from napari_medseg.controls.scrolled import scroll_in
from napari_medseg.correct.choice import TRAITS, Choice, Combine, Tool
from napari_medseg.correct.form import aligned_form, label
from napari_medseg.correct.tool_area import ToolArea
from napari_medseg.shortcuts import REDO_CORRECTION, UNDO_CORRECTION

_SWATCH_PX = 12
_GAP_PX = 8


class CorrectView(QWidget):
    """Layers, structure, tool with its settings; Apply, Undo, Redo.

    Attributes:
        changed: Something that a preview depends on is other than before.
        tool_changed: Another tool.
        apply_requested: Do it.
        undo_requested: Undo the latest edit.
        redo_requested: Redo the edit undone last.
        paint_requested: Paint the structure by hand.
        box_requested: Draw a box.
        structure_requested: Add a structure.
        script_requested: Put the same work as a script on the clipboard.
    """

    changed = Signal()
    tool_changed = Signal()
    apply_requested = Signal()
    undo_requested = Signal()
    redo_requested = Signal()
    paint_requested = Signal()
    box_requested = Signal()
    structure_requested = Signal()
    script_requested = Signal()

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self.labels_box = LabelsBox(layers)
        self.scan_box = LayerBox(layers, Image)
        self.region_box = LayerBox(layers, Shapes, none_text="Whole scan")
        self.structure_box = QComboBox()
        self.tool_box = QComboBox()
        self.area = ToolArea()
        self.live = QCheckBox("Live preview")
        self._new_structure = QPushButton("New…")
        self._draw_box = QPushButton("Draw box")
        self._paint = QPushButton("Paint")
        self._combine = QComboBox()
        self._keep_others = QCheckBox("Leave other structures as they are")
        self._apply = QPushButton("Apply")
        self._undo = QPushButton("Undo")
        self._redo = QPushButton("Redo")
        self._script = QPushButton("Copy as Python")
        self._message = message_label("Status of the correction")
        self._name_parts()
        self._fill()
        self._lay_out()
        self._connect()

    @property
    def tool(self) -> Tool:
        """The tool chosen."""
        return Tool(self.tool_box.currentText())

    @property
    def labels(self) -> Labels | None:
        """The label map chosen."""
        layer = self.labels_box.layer()
        return layer if isinstance(layer, Labels) else None

    @property
    def scan(self) -> Image | None:
        """The scan chosen."""
        layer = self.scan_box.layer()
        return layer if isinstance(layer, Image) else None

    @property
    def box(self) -> Shapes | None:
        """The box to work in, drawn or yet to be; None for everywhere."""
        layer = self.region_box.layer()
        return layer if isinstance(layer, Shapes) else None

    def choice(self) -> Choice:
        """What is chosen here.

        Raises:
            WrongUse: INVALID_OPTION, for settings that do not go together.
        """
        return Choice(
            tool=self.tool,
            settings=self.area.settings(),
            structure=self.structure_box.currentText(),
            class_number=self.area.class_number,
            combine=Combine(self._combine.currentText()),
            keeps_others=self._keep_others.isChecked(),
        )

    def show_tool(self, unit: str, values: tuple[float, float]) -> None:
        """Show the settings of the tool chosen.

        Args:
            unit: Of intensities.
            values: A range of them to begin with.
        """
        self.area.show_tool(self.tool, unit, values)
        finds_region = TRAITS[self.tool].finds_region
        self._combine.setEnabled(finds_region)
        self._keep_others.setEnabled(finds_region)

    def show_structures(self, labels: medseg.LabelSet, chosen: str = "") -> None:
        """Offer structures; the one chosen before stays chosen where it can."""
        box = self.structure_box
        wanted = chosen or box.currentText()
        blocked = box.blockSignals(True)
        box.clear()
        for structure in labels:
            box.addItem(_swatch(structure.colour), structure.name)
        box.setCurrentIndex(max(0, box.findText(wanted)) if len(labels) else -1)
        box.blockSignals(blocked)

    def show_history(self, undo: str, redo: str) -> None:
        """Say what can be undone and redone; empty for nothing."""
        for button, key, verb, title in (
            (self._undo, UNDO_CORRECTION, "Undo", undo),
            (self._redo, REDO_CORRECTION, "Redo", redo),
        ):
            button.setEnabled(bool(title))
            button.setToolTip(key.tip(f"{verb} {title or 'a correction'}"))

    def show_message(self, text: str) -> None:
        """One short line; it stays until the next."""
        self._message.setText(text)

    def allow(self, *, is_writing: bool) -> None:
        """Allow what the layers chosen allow, and no change while one is written."""
        has_labels, has_scan = self.labels is not None, self.scan is not None
        self._apply.setEnabled(has_labels and not is_writing)
        self._paint.setEnabled(has_labels and not is_writing)
        self._script.setEnabled(has_labels)
        self._draw_box.setEnabled(has_scan)
        has_a_place = has_labels or has_scan
        self._new_structure.setEnabled(has_a_place and not is_writing)

    def disconnect_layers(self) -> None:
        """Listen to the viewer no more."""
        for box in (self.labels_box, self.scan_box, self.region_box):
            box.disconnect_layers()

    def _name_parts(self) -> None:
        tips = {
            self.labels_box: ("Labels", "Label map to correct; results are copied."),
            self.scan_box: ("Scan", "Image that the tools look at."),
            self.region_box: ("Region", "Work in a box only, or everywhere."),
            self.structure_box: ("Structure", "What is to be corrected."),
            self.tool_box: ("Tool", "What to do to the structure."),
            self._new_structure: ("New structure", "Add a structure, or a label map."),
            self._draw_box: ("Draw box", "Draw a rectangle; a second one ends it."),
            self._paint: ("Paint", "Paint the structure with napari's brush."),
            self._combine: ("Result", "What becomes of the structure."),
            self._keep_others: ("Leave others", "Change background only."),
            self.live: ("Live preview", "Show what would change: cyan more, red less."),
            self._apply: ("Apply", "Make the change; it can be undone."),
            self._undo: ("Undo", "Undo the latest correction."),
            self._redo: ("Redo", "Do again what was undone last."),
            self._script: ("Copy as Python", "Copy the same work as a script."),
        }
        for widget, (name, tip) in tips.items():
            announce(widget, name, tip)

    def _fill(self) -> None:
        for tool in Tool:
            self.tool_box.addItem(tool.value)
        self.tool_box.setMaxVisibleItems(len(Tool))
        for combine in Combine:
            self._combine.addItem(combine.value)
        for box in (self.tool_box, self._combine, self.structure_box):
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            box.setSizeAdjustPolicy(policy)
            box.setMinimumContentsLength(12)
        self._keep_others.setChecked(True)
        self.live.setChecked(True)
        self._undo.setShortcut(UNDO_CORRECTION.keys)
        self._redo.setShortcut(REDO_CORRECTION.keys)

    def _lay_out(self) -> None:
        form = aligned_form()
        form.addRow(label("Labels"), self.labels_box)
        form.addRow(label("Scan"), self.scan_box)
        form.addRow(label("Structure"), _row(self.structure_box, self._new_structure))
        form.addRow(label("Region"), _row(self.region_box, self._draw_box))
        form.addRow(label("Tool"), self.tool_box)
        result = aligned_form()
        result.addRow(label("Result"), self._combine)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.addLayout(form)
        layout.addWidget(self.area)
        layout.addSpacing(_GAP_PX)
        layout.addLayout(result)
        layout.addWidget(self._keep_others)
        layout.addLayout(_row(self.live, self._script, self._paint))
        layout.addLayout(_row(self._apply, self._undo, self._redo))
        layout.addWidget(self._message)
        layout.addStretch(1)
        layout.addWidget(notice_label())
        scroll_in(self, content)

    def _connect(self) -> None:
        self.tool_box.currentIndexChanged.connect(self._on_tool_changed)
        for box in (self.structure_box, self._combine):
            box.currentIndexChanged.connect(self._on_changed)
        for check in (self._keep_others, self.live):
            check.toggled.connect(self._on_changed)
        self.area.changed.connect(self.changed)
        self._new_structure.clicked.connect(self.structure_requested)
        self._draw_box.clicked.connect(self.box_requested)
        self._paint.clicked.connect(self.paint_requested)
        self._apply.clicked.connect(self.apply_requested)
        self._undo.clicked.connect(self.undo_requested)
        self._redo.clicked.connect(self.redo_requested)
        self._script.clicked.connect(self.script_requested)

    def _on_tool_changed(self, _index: int) -> None:
        self.tool_changed.emit()

    def _on_changed(self, _value: object = None) -> None:
        self.changed.emit()


def _row(*widgets: QWidget) -> QHBoxLayout:
    """Widgets side by side, the first taking what is left."""
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for place, widget in enumerate(widgets):
        row.addWidget(widget, 1 if place == 0 else 0)
    return row


def _swatch(colour: tuple[int, int, int]) -> QIcon:
    pixmap = QPixmap(_SWATCH_PX, _SWATCH_PX)
    pixmap.fill(QColor(*colour))
    return QIcon(pixmap)
