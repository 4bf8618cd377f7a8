"""The Views panel as it looks: window and level, planes, and two more views."""

from collections.abc import Sequence

from napari.components import LayerList
from napari.layers import Image
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.controls.notice import announce
from napari_medseg.layers.windowing import Preset, Window
from napari_medseg.viewing.orientation import Plane

_OWN = "Own"
_LARGEST = 1e9
_LEAST_SIDE_PX = 150
_PLANE_TIPS = {
    Plane.AXIAL: "Slices across the body, seen from the feet (Ctrl+1).",
    Plane.CORONAL: "Slices from front to back (Ctrl+2).",
    Plane.SAGITTAL: "Slices from side to side (Ctrl+3).",
}


class ViewsView(QWidget):
    """Says how the scan is to be shown and does nothing.

    Attributes:
        window_requested: A `Window` for `image_box.layer()`.
        plane_requested: A `Plane`.
        volume_requested: Show the scan in 3D.
        sides_requested: Whether two more planes are to be shown below.
    """

    window_requested = Signal(object)
    plane_requested = Signal(object)
    volume_requested = Signal()
    sides_requested = Signal(bool)

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self.image_box = LayerBox(layers, Image)
        self._presets = QComboBox()
        self._width = _number()
        self._level = _number()
        self._planes = {plane: QPushButton(plane.capitalize()) for plane in Plane}
        self._volume = QPushButton("3D")
        self._three = QPushButton("Three planes")
        self._sides = QVBoxLayout()
        self._spring = QWidget()
        self._name_parts()
        self._lay_out()
        self._connect()
        self.setEnabled(self.image_box.layer() is not None)

    def offer_presets(self, presets: Sequence[Preset]) -> None:
        """Offer windows that suit the scan."""
        blocked = self._presets.blockSignals(True)
        self._presets.clear()
        self._presets.addItem(_OWN, None)
        for preset in presets:
            self._presets.addItem(preset.name, preset.window)
        self._presets.blockSignals(blocked)

    def show_window(self, window: Window) -> None:
        """Show the window the scan has, and the preset that is the same."""
        for box, value in ((self._width, window.width), (self._level, window.level)):
            blocked = box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(blocked)
        windows = [self._presets.itemData(n) for n in range(self._presets.count())]
        same = [n for n, known in enumerate(windows) if _are_same(known, window)]
        blocked = self._presets.blockSignals(True)
        self._presets.setCurrentIndex(same[0] if same else 0)
        self._presets.blockSignals(blocked)

    def show_sides(self, sides: Sequence[QWidget]) -> None:
        """Show these views below the controls, in place of earlier ones."""
        while self._sides.count():
            item = self._sides.takeAt(0)
            if item is not None and (side := item.widget()) is not None:
                side.hide()
                side.deleteLater()
        for side in sides:
            side.setMinimumSize(_LEAST_SIDE_PX, _LEAST_SIDE_PX)
            self._sides.addWidget(side, 1)
        self._spring.setVisible(not sides)

    def _name_parts(self) -> None:
        announce(self.image_box, "Scan", "Image layer whose window is set.")
        tip = "Windows that suit the scan. A drag with the right button sets your own."
        announce(self._presets, "Window preset", tip)
        announce(self._width, "Window width", "From black to white.")
        announce(self._level, "Window level", "Shown as middle grey.")
        for plane, button in self._planes.items():
            announce(button, plane.capitalize(), _PLANE_TIPS[plane])
        announce(self._volume, "3D", "The scan in three dimensions.")
        tip = "Coronal and sagittal slices beside this one. A click moves all three."
        announce(self._three, "Three planes", tip)
        self._three.setCheckable(True)
        policy = QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding
        self._spring.setSizePolicy(*policy)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Scan", self.image_box)
        form.addRow("Window", self._presets)
        numbers = QHBoxLayout()
        numbers.addWidget(self._width, 1)
        numbers.addWidget(QLabel("Level"))
        numbers.addWidget(self._level, 1)
        form.addRow("Width", numbers)
        planes = QHBoxLayout()
        for button in (*self._planes.values(), self._volume):
            planes.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addLayout(planes)
        layout.addWidget(self._three)
        layout.addLayout(self._sides, 1)
        layout.addWidget(self._spring, 1)

    def _connect(self) -> None:
        self.image_box.layer_changed.connect(self._on_image_changed)
        self._presets.activated.connect(self._on_preset_chosen)
        self._width.valueChanged.connect(self._on_numbers_changed)
        self._level.valueChanged.connect(self._on_numbers_changed)
        for plane, button in self._planes.items():
            button.clicked.connect(
                lambda _checked=False, plane=plane: self.plane_requested.emit(plane)
            )
        self._volume.clicked.connect(self.volume_requested)
        self._three.toggled.connect(self.sides_requested)

    def _on_image_changed(self, layer: Image | None) -> None:
        self.setEnabled(layer is not None)
        if layer is None:  # so too when the window closes
            self._three.setChecked(False)

    def _on_preset_chosen(self, _index: int) -> None:
        window = self._presets.currentData()
        if isinstance(window, Window):
            self.window_requested.emit(window)

    def _on_numbers_changed(self, _value: float) -> None:
        window = Window(width=self._width.value(), level=self._level.value())
        if window.width > 0:
            self.window_requested.emit(window)


def _number() -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(-_LARGEST, _LARGEST)
    box.setDecimals(1)
    box.setKeyboardTracking(False)
    box.setMinimumWidth(80)
    return box


def _are_same(known: object, window: Window) -> bool:
    if not isinstance(known, Window):
        return False
    gap = abs(known.width - window.width) + abs(known.level - window.level)
    return gap <= 1e-3 * max(known.width, 1e-3)
