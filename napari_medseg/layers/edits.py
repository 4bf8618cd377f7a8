"""Noticing that labels were edited or moved, once the user has paused."""

from collections.abc import Iterable

from napari.components import Dims
from napari.layers import Labels
from napari.utils.events import Event
from qtpy.QtCore import QObject, QTimer, Signal

_PAUSE_MS = 400


class EditWatch(QObject):
    """Watches Labels layers for edits, and for moves, which change what they are of.

    Painting and assigned data are announced by napari. Undo and what code changes in
    place only redraw the layer, as a step to another slice does; a redraw in the same
    slice is therefore taken for a possible edit.

    Attributes:
        touched: A layer may just have been edited; comes with every step of a stroke.
        edited: A layer may have been edited, and nothing more came for a moment.
    """

    touched = Signal()
    edited = Signal()

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self._dims = dims
        self._layers: tuple[Labels, ...] = ()
        self._seen: dict[Labels, object] = {}
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.edited)

    def watch(self, layers: Iterable[Labels]) -> None:
        """Watch these layers and no others."""
        for layer in self._layers:
            layer.events.paint.disconnect(self._on_edited)
            layer.events.data.disconnect(self._on_edited)
            layer.events.labels_update.disconnect(self._on_edited)
            layer.events.set_data.disconnect(self._on_redrawn)
            layer.events.visible.disconnect(self._on_shown)
            layer.events.scale.disconnect(self._on_edited)
            layer.events.translate.disconnect(self._on_edited)
        self._pause.stop()
        self._layers = tuple(layers)
        self._seen = {layer: self._place(layer) for layer in self._layers}
        for layer in self._layers:
            layer.events.paint.connect(self._on_edited)
            layer.events.data.connect(self._on_edited)
            layer.events.labels_update.connect(self._on_edited)
            layer.events.set_data.connect(self._on_redrawn)
            layer.events.visible.connect(self._on_shown)
            layer.events.scale.connect(self._on_edited)
            layer.events.translate.connect(self._on_edited)

    def _place(self, layer: Labels) -> object:
        """What a layer is redrawn for, when it is not for an edit."""
        dims = self._dims
        return dims.point, dims.order, dims.ndisplay, layer.visible, layer.contour

    def _on_edited(self, _event: object = None) -> None:
        self._pause.start()
        self.touched.emit()

    def _on_shown(self, event: Event) -> None:
        self._seen.pop(event.source, None)  # it is redrawn, for that reason

    def _on_redrawn(self, event: Event) -> None:
        layer: Labels = event.source
        was, now = self._seen.get(layer), self._place(layer)
        self._seen[layer] = now
        if was == now:
            self._on_edited()
