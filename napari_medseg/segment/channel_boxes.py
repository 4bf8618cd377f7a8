"""One box a channel to choose layers from."""

from collections.abc import Callable, Sequence

from napari.components import LayerList
from napari.layers import Image, Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QWidget

from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.controls.notice import announce
from napari_medseg.layers.conversion import record_of


class ChannelBoxes(QWidget):
    """Boxes for the channels a model takes; a layer is proposed for each by its name.

    Attributes:
        changed: Another layer is chosen for a channel, or there are other channels.
    """

    changed = Signal()

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self._layers = layers
        self._boxes: dict[str, LayerBox] = {}
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setFieldGrowthPolicy(
            QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow
        )
        self._set_boxes(("",))

    def set_channels(self, channels: Sequence[str]) -> None:
        """Ask for these channels; for a scan where it is one, whatever its name."""
        wanted = tuple(channels) if len(channels) > 1 else ("",)
        if wanted != tuple(self._boxes):
            self._set_boxes(wanted)
            self.changed.emit()

    def layers(self) -> tuple[Image, ...]:
        """The layer of each channel in order; empty unless each has one."""
        chosen = [box.layer() for box in self._boxes.values()]
        there = tuple(layer for layer in chosen if isinstance(layer, Image))
        return there if len(there) == len(chosen) else ()

    def disconnect_layers(self) -> None:
        """Listen to the viewer no more."""
        for box in self._boxes.values():
            box.disconnect_layers()

    def _set_boxes(self, channels: Sequence[str]) -> None:
        self.disconnect_layers()
        while self._form.rowCount():
            self._form.removeRow(0)
        self._boxes = {name: self._box(name) for name in channels}
        for name, box in self._boxes.items():
            self._form.addRow(name or "Scan", box)

    def _box(self, channel: str) -> LayerBox:
        box = LayerBox(self._layers, Image, rank=_likeness_to(channel))
        if channel:
            announce(box, f"Scan: {channel}", f"Image layer that is the {channel}.")
        else:
            announce(box, "Scan", "Image layer to segment.")
        box.layer_changed.connect(self._on_layer_changed)
        return box

    def _on_layer_changed(self, _layer: Layer | None) -> None:
        self.changed.emit()


def _likeness_to(channel: str) -> Callable[[Layer], int]:
    """Ranks layers: those of the channel, then those named after it."""

    def rank(layer: Layer) -> int:
        record = record_of(layer)
        if not channel:
            return 0
        if record is not None and record.channel.upper() == channel.upper():
            return 2
        return int(channel.upper() in layer.name.upper())

    return rank
