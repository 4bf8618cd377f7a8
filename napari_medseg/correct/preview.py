"""The layer that shows what a correction would add and take away."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_medseg.correct.place import Place
from napari_medseg.layers.conversion import AXIS_LABELS, HELPER_KEY, UNITS
from napari_medseg.layers.placement import place_at

ADDED, REMOVED = 1, 2
PREVIEW_NAME = "preview of the correction"
# Colours that no structure has, told apart by colour-blind readers: by lightness, too
_COLOURS: dict[int | None, Any] = {
    None: (0.0, 0.0, 0.0, 0.0),
    ADDED: (0.0, 0.9, 1.0, 1.0),
    REMOVED: (1.0, 0.15, 0.35, 1.0),
}
_NOTHING = np.zeros((1, 1, 1), np.uint8)


class Preview:
    """One layer, hidden while there is nothing to show.

    It stays in the viewer until the end: napari takes a good part of a second to add a
    layer or to remove one.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None

    def show(self, place: Place, difference: np.ndarray) -> None:
        """Show a box of `ADDED`, `REMOVED` and 0."""
        offset = np.array(place.start) * place.layer.scale
        translate = place.layer.translate + offset
        layer = self._layer
        if layer is None or layer not in self._viewer.layers:
            self._layer = self._added(place, difference, translate)
            return
        layer.data = difference
        place_at(layer, place.layer.scale, translate)
        layer.visible = True

    def hide(self) -> None:
        """Show nothing."""
        if self._layer is not None and self._layer.visible:
            self._layer.visible = False
            self._layer.data = _NOTHING

    def end(self) -> None:
        """Take the layer away."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _added(
        self, place: Place, difference: np.ndarray, translate: np.ndarray
    ) -> Labels:
        layers = self._viewer.layers
        active = layers.selection.active
        layer = self._viewer.add_labels(
            difference,
            name=PREVIEW_NAME,
            scale=place.layer.scale,
            translate=translate,
            units=UNITS,
            axis_labels=AXIS_LABELS,
            opacity=0.8,
            colormap=DirectLabelColormap(color_dict=_COLOURS),
            metadata={HELPER_KEY: True},
        )
        layer.mode = "pan_zoom"
        layers.selection.active = active
        return layer
