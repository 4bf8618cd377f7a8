"""Layers that are hidden for a while."""

from napari.components import LayerList
from napari.layers import Layer
from napari.utils.events import Event

from napari_medseg.layers.conversion import HIDDEN_KEY


class HiddenLayers:
    """Hides layers, and shows again those that the user has left alone meanwhile."""

    def __init__(self, layers: LayerList) -> None:
        self._layers = layers
        self._asked: tuple[Layer, ...] = ()
        self._hidden: list[Layer] = []

    def hide(self, layers: tuple[Layer, ...]) -> None:
        """Hide these in place of others; once: what is shown since stays shown."""
        if layers == self._asked:
            return
        self.show_again()
        self._asked = layers
        for layer in layers:
            if layer.visible:
                layer.visible = False
                layer.metadata[HIDDEN_KEY] = True
                layer.events.visible.connect(self._on_changed_by_the_user)
                self._hidden.append(layer)

    def show_again(self) -> None:
        """Show what was hidden and is still there."""
        self._asked = ()
        for layer in tuple(self._hidden):
            self._let_go(layer)
            if layer in self._layers:
                layer.visible = True

    def _on_changed_by_the_user(self, event: Event) -> None:
        self._let_go(event.source)

    def _let_go(self, layer: Layer) -> None:
        layer.events.visible.disconnect(self._on_changed_by_the_user)
        layer.metadata.pop(HIDDEN_KEY, None)
        self._hidden.remove(layer)
