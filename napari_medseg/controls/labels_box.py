"""A box to choose the Labels layer to work on."""

from napari.components import LayerList
from napari.layers import Labels, Layer
from napari.utils.events import Event

from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.layers.conversion import HELPER_KEY, record_of
from napari_medseg.layers.ranking import is_derived, suits_as_prediction


class LabelsBox(LayerBox):
    """Goes along with the Labels layer that the user selects in napari's list.

    napari selects what was just added by itself. That is the user's choice where it is
    a layer to draw on, but not where a file was opened, which may be a reference. Until
    there is a choice, a prediction comes first.
    """

    def __init__(self, layers: LayerList) -> None:
        super().__init__(layers, Labels, rank=suits_as_prediction)
        self._just_added: Layer | None = None
        self._passing: Layer | None = None
        self._selected = selected = layers.selection.active
        if selected is not None and not self._is_opened_last(selected):
            self._go_along_with(selected)
        layers.events.inserted.connect(self._on_inserted)
        layers.selection.events.active.connect(self._on_selected)

    def disconnect_layers(self) -> None:
        """Listen to the viewer no more."""
        super().disconnect_layers()
        self._layers.events.inserted.disconnect(self._on_inserted)
        self._layers.selection.events.active.disconnect(self._on_selected)

    def _is_opened_last(self, layer: Layer) -> bool:
        """Whether it may be selected only because it was opened or made last."""
        return record_of(layer) is not None and self.itemData(0) is layer

    def _go_along_with(self, layer: Layer) -> None:
        if self._is_offered(layer):
            self.choose(layer)

    def _on_inserted(self, event: Event) -> None:
        self._just_added = event.value

    def _on_selected(self, event: Event) -> None:
        layer, before = event.value, self._selected
        if layer is None or HELPER_KEY in layer.metadata:
            return
        is_added, self._just_added = layer is self._just_added, None
        if is_added and is_derived(layer):
            self._passing = layer  # the panel that added it selects the one before
        if layer is self._passing:
            return
        self._passing = None
        if layer is before:
            return  # as before, too, once a panel has added a layer of its own
        self._selected = layer
        if not is_added or record_of(layer) is None:
            self._go_along_with(layer)
