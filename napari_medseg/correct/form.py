"""A form made from the settings of a tool."""

import math
from dataclasses import Field, fields
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

from napari_medseg.controls.notice import announce

_INTENSITY = "intensity"
_LARGEST = 1e6
_LABEL_WIDTH_PX = 88


class ToolForm(QWidget):
    """One control for each setting, with its help as a tooltip.

    Attributes:
        changed: The user has changed a setting.
    """

    changed = Signal()

    def __init__(
        self, settings: type[Any], unit: str, values: tuple[float, float]
    ) -> None:
        """A form with the defaults.

        Args:
            settings: Class of the settings.
            unit: Of intensities, empty where they have none.
            values: Range of intensities that is a good first guess.
        """
        super().__init__()
        self._settings = settings
        self._unit = unit
        self._controls: dict[str, QSpinBox | QDoubleSpinBox | QCheckBox] = {}
        form = aligned_form()
        self.setLayout(form)
        for option in fields(settings):
            control = self._control(option)
            announce(control, words(option.name), option.metadata["help"])
            self._controls[option.name] = control
            form.addRow(label(words(option.name)), control)
        self.set_range(*values)

    def settings(self) -> Any:
        """The settings as they are in the form."""
        values = {
            name: control.isChecked()
            if isinstance(control, QCheckBox)
            else control.value()
            for name, control in self._controls.items()
        }
        return self._settings(**values)

    def value(self, name: str) -> float:
        """One number of the form."""
        control = self._controls[name]
        return 0.0 if isinstance(control, QCheckBox) else float(control.value())

    def set_range(self, lower: float, upper: float) -> None:
        """Fill in the range of intensities, where the tool has one."""
        names = (("lower", lower), ("upper", upper), ("weak", lower))
        for name, value in (*names, ("strong", (lower + upper) / 2)):
            control = self._controls.get(name)
            if isinstance(control, QDoubleSpinBox) and self._is_intensity(name):
                control.setValue(value)

    def _is_intensity(self, name: str) -> bool:
        (option,) = (o for o in fields(self._settings) if o.name == name)
        return bool(option.metadata["unit"] == _INTENSITY)

    def _control(self, option: Field[Any]) -> QSpinBox | QDoubleSpinBox | QCheckBox:
        low, high = option.metadata["low"], option.metadata["high"]
        if isinstance(option.default, bool):
            check = QCheckBox()
            check.setChecked(option.default)
            check.toggled.connect(self.changed)
            return check
        if isinstance(option.default, int):
            spin = QSpinBox()
            spin.setRange(int(low), int(high))
            spin.setValue(option.default)
            spin.valueChanged.connect(self.changed)
            return spin
        return self._number(option)

    def _number(self, option: Field[Any]) -> QDoubleSpinBox:
        low, high = option.metadata["low"], option.metadata["high"]
        unit = option.metadata["unit"]
        is_intensity = unit == _INTENSITY
        spin = QDoubleSpinBox()
        spin.setDecimals(1 if is_intensity else 2)
        spin.setRange(
            -_LARGEST if math.isinf(low) else low,
            _LARGEST if math.isinf(high) else high,
        )
        if is_intensity:
            spin.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        else:
            spin.setSingleStep(0.5 if spin.maximum() > 20 else 0.1)
        spin.setValue(option.default if isinstance(option.default, float) else 0.0)
        suffix = unit.replace(_INTENSITY, self._unit) if self._unit else unit
        spin.setSuffix(_suffix(suffix))
        spin.valueChanged.connect(self.changed)
        return spin


def aligned_form() -> QFormLayout:
    """A form without margins whose fields take what is left."""
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def label(text: str) -> QLabel:
    """A label as wide as all others, so that the fields of all forms are in line."""
    made = QLabel(text)
    made.setMinimumWidth(_LABEL_WIDTH_PX)
    return made


def words(name: str) -> str:
    """The name of a setting as a label: its unit stands behind the number."""
    for unit in ("_mm", "_hu", "_ml"):
        name = name.removesuffix(unit)
    return name.replace("_", " ").capitalize()


def _suffix(unit: str) -> str:
    """A unit behind a number; intensities without a unit have none."""
    if unit.startswith(_INTENSITY):
        unit = "/mm" if unit.endswith("/mm") else ""
    return f" {unit}" if unit and not unit.startswith("/") else unit
