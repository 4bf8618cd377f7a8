"""Where and how a model is run: the controls for it."""

from collections.abc import Sequence
from dataclasses import fields

from qtpy.QtCore import Signal
from qtpy.QtGui import QFocusEvent
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QWidget

import medseg
from napari_medseg.controls.notice import announce

_HELP = {
    field.name: str(field.metadata["help"])
    for field in fields(medseg.InferenceSettings)
}
_DEFAULTS = medseg.InferenceSettings()


class DeviceBox(QComboBox):
    """Where to compute. GPUs are looked for when the user turns to it, as that is slow.

    Attributes:
        opened: The user is about to choose.
    """

    opened = Signal()

    def __init__(self) -> None:
        super().__init__()
        announce(self, "Device", _HELP["device"])
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(policy)
        self.setMinimumContentsLength(12)
        self.addItem("Automatic: GPU if any", medseg.Device("auto"))
        self.addItem("CPU", medseg.Device("cpu"))

    def showPopup(self) -> None:  # noqa: N802
        """Say so, then open."""
        self.opened.emit()
        super().showPopup()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Say so: the arrow keys choose without opening."""
        self.opened.emit()
        super().focusInEvent(event)

    def device(self) -> medseg.Device:
        """The one chosen."""
        return medseg.Device(self.currentData())

    def choose(self, device: str) -> None:
        """Choose a device, if it is offered."""
        for index in range(self.count()):
            if self.itemData(index) == device:
                self.setCurrentIndex(index)

    def add_devices(self, devices: Sequence[medseg.Device]) -> None:
        """Add the devices that are not there yet."""
        known = {self.itemData(index) for index in range(self.count())}
        for device in devices:
            if device not in known:
                self.addItem(device.replace("cuda:", "GPU "), device)


class SettingsForm(QWidget):
    """The settings few people change.

    Attributes:
        changed: One of them is another.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._mirror = QCheckBox("Average over mirrored copies")
        self._mirror.setChecked(_DEFAULTS.mirror)
        self._overlap = QDoubleSpinBox()
        self._overlap.setRange(0, 0.9)
        self._overlap.setSingleStep(0.05)
        self._overlap.setValue(_DEFAULTS.overlap)
        self._precision = QComboBox()
        for precision in medseg.Precision:
            self._precision.addItem(precision.value, precision)
        announce(self._mirror, "Mirror", _HELP["mirror"])
        announce(self._overlap, "Overlap of windows", _HELP["overlap"])
        announce(self._precision, "Precision", _HELP["precision"])
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Overlap", self._overlap)
        form.addRow("Precision", self._precision)
        form.addRow("Mirror", self._mirror)
        for signal in (
            self._overlap.valueChanged,
            self._precision.currentIndexChanged,
            self._mirror.toggled,
        ):
            signal.connect(self._on_changed)

    def choose_precision(self, precision: str) -> None:
        """Choose a number format, if it is offered."""
        self._precision.setCurrentText(precision)

    def settings(self, device: medseg.Device) -> medseg.InferenceSettings:
        """What is chosen here, on a device."""
        return medseg.InferenceSettings(
            device=device,
            precision=medseg.Precision(self._precision.currentText()),
            overlap=round(self._overlap.value(), 2),
            mirror=self._mirror.isChecked(),
        )

    def _on_changed(self, _value: object) -> None:
        self.changed.emit()
