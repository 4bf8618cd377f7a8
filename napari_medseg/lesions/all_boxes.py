"""The layer that shows the boxes of all lesions."""

from napari.components import ViewerModel
from napari.layers import Layer
from napari.utils.events import Event

import medseg
from napari_medseg.layers.box_shapes import boxes_layer
from napari_medseg.layers.conversion import HELPER_KEY
from napari_medseg.lesions.contents import Lesions

BOXES_NAME = "boxes of all lesions"
_FLAT = 2


class AllBoxes:
    """One layer, made once it is wanted, taken away when it is not, and at the end.

    In 3D, where all slices are seen at once, it is hidden.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: Layer | None = None
        self._lesions: Lesions | None = None
        self._is_wanted = False
        viewer.dims.events.ndisplay.connect(self._on_ndisplay)

    def take(self, lesions: Lesions | None) -> None:
        """Show the boxes of other lesions, or of none, where boxes are wanted."""
        self._lesions = lesions
        self._show()

    def want(self, is_wanted: bool) -> None:
        """Show boxes, or none."""
        self._is_wanted = is_wanted
        self._show()

    def end(self) -> None:
        """Take the layer away, and listen to the viewer no more."""
        self._viewer.dims.events.ndisplay.disconnect(self._on_ndisplay)
        self._take_away()

    def _take_away(self) -> None:
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _show(self) -> None:
        self._take_away()
        if self._lesions is None or not self._is_wanted:
            return
        boxes = medseg.instance_boxes(self._lesions.panoptic)
        array, options, kind = boxes_layer(boxes, BOXES_NAME)
        options["metadata"] = {HELPER_KEY: True}
        active = self._viewer.layers.selection.active
        self._layer = self._viewer.add_layer(Layer.create(array, options, kind))
        self._viewer.layers.selection.active = active
        self._on_ndisplay()

    def _on_ndisplay(self, _event: Event | None = None) -> None:
        if self._layer is not None:
            self._layer.visible = self._viewer.dims.ndisplay == _FLAT
