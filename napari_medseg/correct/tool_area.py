"""The part of the Correct panel that changes with the tool."""

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.controls.notice import announce, message_label
from napari_medseg.correct.choice import TRAITS, Tool
from napari_medseg.correct.form import ToolForm, label


class ToolArea(QWidget):
    """What a tool does, its settings, the class to take, and where it starts.

    Attributes:
        changed: The user has changed a setting.
        range_requested: Take the range of intensities from the structure.
        seed_requested: Start from the middle of the view.
    """

    changed = Signal()
    range_requested = Signal()
    seed_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._tool = Tool.THRESHOLD
        self._tip = QLabel()
        self._form = ToolForm(TRAITS[self._tool].settings, "", (0.0, 0.0))
        self._form_place = QVBoxLayout()
        self._class_row = QWidget()
        self._class = QSpinBox()
        self._class_name = QLabel()
        self._seed_text = message_label("Seed")
        self._range = QPushButton("Range of the structure")
        self._seed = QPushButton("Middle of the view")
        self._tip.setWordWrap(True)
        self._class.setRange(1, 2)
        announce(self._class, "Class", "Class to take; 1 is the darkest.")
        announce(self._range, "Range of the structure", "Fill in what it holds now.")
        announce(self._seed, "Middle of the view", "Start there, without a click.")
        self._lay_out()
        self._class.valueChanged.connect(self._on_class_changed)
        self._range.clicked.connect(self.range_requested)
        self._seed.clicked.connect(self.seed_requested)

    @property
    def class_number(self) -> int:
        """The class to take."""
        return self._class.value()

    def settings(self) -> Any:
        """The tool's settings as they are in the form."""
        return self._form.settings()

    def show_tool(self, tool: Tool, unit: str, values: tuple[float, float]) -> None:
        """Show the settings of a tool, as they are by default.

        Args:
            tool: The tool.
            unit: Of intensities.
            values: A range of them to begin with.
        """
        traits = TRAITS[tool]
        self._tool = tool
        self._form_place.removeWidget(self._form)
        self._form.setParent(None)
        self._form.deleteLater()
        self._form = ToolForm(traits.settings, unit, values)
        self._form.changed.connect(self._on_form_changed)
        self._form_place.addWidget(self._form)
        self._tip.setText(traits.tip)
        self._range.setVisible(traits.has_range)
        self._seed.setVisible(traits.needs_seed)
        self._seed_text.setVisible(traits.needs_seed)
        self._class_row.setVisible(traits.has_classes)
        self._limit_class()
        self._class.setValue(self._class.maximum())

    def set_range(self, lower: float, upper: float) -> None:
        """Fill in a range of intensities."""
        self._form.set_range(lower, upper)

    def show_seed(self, text: str) -> None:
        """Say where a tool starts from."""
        self._seed_text.setText(text)

    def _lay_out(self) -> None:
        classes = QHBoxLayout(self._class_row)
        classes.setContentsMargins(0, 0, 0, 0)
        classes.addWidget(label("Take class"))
        classes.addWidget(self._class, 1)
        classes.addWidget(self._class_name)
        buttons = QHBoxLayout()
        buttons.addWidget(self._range)
        buttons.addWidget(self._seed)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._tip)
        layout.addLayout(self._form_place)
        layout.addWidget(self._class_row)
        layout.addWidget(self._seed_text)
        layout.addLayout(buttons)
        self._form_place.addWidget(self._form)

    def _on_form_changed(self) -> None:
        self._limit_class()
        self.changed.emit()

    def _on_class_changed(self, _value: int) -> None:
        self._name_class()
        self.changed.emit()

    def _limit_class(self) -> None:
        if TRAITS[self._tool].has_classes:
            self._class.setMaximum(int(self._form.value("classes")))
        self._name_class()

    def _name_class(self) -> None:
        most = self._class.maximum()
        word = {1: ", the darkest", most: ", the brightest"}
        self._class_name.setText(f"of {most}{word.get(self._class.value(), '')}")
