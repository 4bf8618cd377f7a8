"""The Segment panel as it looks; it says what the user wants and does nothing."""

from collections.abc import Sequence
from dataclasses import fields

from napari.components import LayerList
from napari.layers import Image
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QFocusEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg._layer_box import LayerBox
from napari_medseg._notice import announce, message_label, notice_label
from napari_medseg._segmenting import SegmentChoice

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
        self.addItem("Automatic: a GPU if there is one", medseg.Device("auto"))
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

    def add_devices(self, devices: Sequence[medseg.Device]) -> None:
        """Add the devices that are not there yet."""
        known = {self.itemData(index) for index in range(self.count())}
        for device in devices:
            if device not in known:
                self.addItem(device.replace("cuda:", "GPU "), device)


class SegmentView(QWidget):
    """Scan, model and settings; Segment and Cancel; progress and messages.

    Attributes:
        segment_requested: A `SegmentChoice`; the scan is `image_box.layer()`.
        model_folder_requested: Look for a model that is not shipped.
        cancel_requested: Stop what is going on.
    """

    segment_requested = Signal(object)
    cancel_requested = Signal()
    model_folder_requested = Signal()

    def __init__(self, layers: LayerList, models: Sequence[medseg.ModelInfo]) -> None:
        super().__init__()
        self.image_box = LayerBox(layers, Image)
        self.model_box = QComboBox()
        self._other_model = QPushButton("Other…")
        self._models: list[tuple[str, medseg.ModelInfo]] = []
        self.device_box = DeviceBox()
        self._details = QLabel()
        self._more = QPushButton()
        self._settings = _SettingsForm()
        self._segment = QPushButton("Segment")
        self._cancel = QPushButton("Cancel")
        self._bar = QProgressBar()
        self._message = message_label("Status of the segmentation")
        self._busy = False
        for model in models:
            self.add_model(model.name, model)
        self._name_parts()
        self._lay_out()
        self._connect()
        self._show_details()
        self._show_settings(shown=False)
        self.set_busy(busy=False)

    def add_model(self, source: str, model: medseg.ModelInfo) -> None:
        """Offer one more model.

        Args:
            source: Name or folder to load it by.
            model: What is known about it.
        """
        self._models.append((source, model))
        self.model_box.addItem(model.name)

    def choose_last_model(self) -> None:
        """Choose the model added last."""
        self.model_box.setCurrentIndex(self.model_box.count() - 1)

    def show_message(self, text: str) -> None:
        """One short line; it stays until the next."""
        self._message.setText(text)

    def show_progress(self, progress: medseg.Progress, time_left: str) -> None:
        """How far the work is.

        Args:
            progress: The latest step.
            time_left: In words, empty when not known.
        """
        self._bar.setRange(0, progress.total if progress.done else 0)
        self._bar.setValue(progress.done)
        counted = f"{progress.done} of {progress.total}" if progress.done else ""
        words = [progress.stage, counted, time_left]
        self._message.setText(", ".join(word for word in words if word))

    def set_busy(self, *, busy: bool) -> None:
        """Allow to cancel, or to start."""
        self._busy = busy
        self._cancel.setEnabled(busy)
        self._bar.setVisible(busy)
        self._allow_segment()

    def _allow_segment(self) -> None:
        has_scan = self.image_box.layer() is not None
        ready = has_scan and self.model_box.count() > 0
        self._segment.setEnabled(ready and not self._busy)
        if not has_scan and not self._busy:
            self.show_message("Open a scan to begin: File > Open, or drop it here.")

    def _name_parts(self) -> None:
        announce(self.image_box, "Scan", "Image layer to segment.")
        announce(self.model_box, "Model", "What is to be found, and in which scans.")
        announce(self.device_box, "Device", _HELP["device"])
        announce(self._other_model, "Other model", "Choose the folder of a model.")
        announce(self._more, "More settings", "Overlap, precision and mirroring.")
        announce(self._segment, "Segment", "Run the model over the scan.")
        announce(self._cancel, "Cancel", "Stop within one window; nothing is added.")
        announce(self._bar, "Progress", "Share of the windows done.")
        for box in (self.model_box, self.device_box):
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            box.setSizeAdjustPolicy(policy)
            box.setMinimumContentsLength(12)
        self._more.setCheckable(True)
        self._more.setFlat(True)
        self._details.setWordWrap(True)
        self._details.setTextFormat(Qt.TextFormat.PlainText)
        self._bar.setTextVisible(True)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Scan", self.image_box)
        model_row = QHBoxLayout()
        model_row.addWidget(self.model_box, 1)
        model_row.addWidget(self._other_model)
        form.addRow("Model", model_row)
        form.addRow("Device", self.device_box)
        buttons = QHBoxLayout()
        buttons.addWidget(self._segment, 1)
        buttons.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self._details)
        layout.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._settings)
        layout.addLayout(buttons)
        layout.addWidget(self._bar)
        layout.addWidget(self._message)
        layout.addStretch(1)
        layout.addWidget(notice_label())

    def _connect(self) -> None:
        self.model_box.currentIndexChanged.connect(self._show_details)
        self.image_box.layer_changed.connect(self._on_image_changed)
        self._other_model.clicked.connect(self.model_folder_requested)
        self._more.toggled.connect(self._show_settings)
        self._segment.clicked.connect(self._on_segment_clicked)
        self._cancel.clicked.connect(self.cancel_requested)

    def _show_details(self, _index: int = 0) -> None:
        index = self.model_box.currentIndex()
        self._details.setText(describe(self._models[index][1]) if index >= 0 else "")
        self._allow_segment()

    def _show_settings(self, shown: bool) -> None:
        self._more.setText("▾ Fewer settings" if shown else "▸ More settings")
        self._settings.setVisible(shown)

    def _on_image_changed(self, layer: Image | None) -> None:
        if layer is not None and not self._busy:
            self.show_message("")
        self._allow_segment()

    def _on_segment_clicked(self) -> None:
        choice = SegmentChoice(
            model=self._models[self.model_box.currentIndex()][0],
            settings=self._settings.settings(self.device_box.device()),
        )
        self.segment_requested.emit(choice)


class _SettingsForm(QWidget):
    """The settings few people change."""

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

    def settings(self, device: medseg.Device) -> medseg.InferenceSettings:
        """What is chosen here, on a device."""
        return medseg.InferenceSettings(
            device=device,
            precision=medseg.Precision(self._precision.currentText()),
            overlap=round(self._overlap.value(), 2),
            mirror=self._mirror.isChecked(),
        )


def describe(model: medseg.ModelInfo) -> str:
    """What a model finds, what it needs, and under which licence."""
    return "\n".join(
        (
            model.summary,
            f"Finds {', '.join(model.plan.labels.names)}.",
            f"Needs {' + '.join(model.plan.channels)}. Weights: {model.licence}.",
        )
    )
