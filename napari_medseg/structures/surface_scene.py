"""Surfaces in 3D, with the flat layers out of the way as long as they are seen."""

from collections.abc import Iterable

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer, Surface

from napari_medseg.structures.display import LayerTuple
from napari_medseg.viewing.camera import camera_of

_FROM_THE_FRONT = (0, -1, 0)
_HEAD_UP = (1, 0, 0)


class SurfaceScene:
    """The surfaces of one viewer: seen in 3D, hidden in 2D, where they show nothing."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._surfaces: list[Surface] = []
        self._hidden: list[Layer] = []
        viewer.dims.events.ndisplay.connect(self._on_ndisplay_changed)

    def end(self) -> None:
        """Show again what was hidden, and listen to the viewer no more."""
        self._show_others()
        self._viewer.dims.events.ndisplay.disconnect(self._on_ndisplay_changed)

    def show(self, made: Iterable[LayerTuple]) -> None:
        """Add surfaces, in place of earlier ones of that name, and go to 3D."""
        selection = self._viewer.layers.selection
        active = selection.active
        for data, options, _ in made:
            self._drop(options["name"])
            self._surfaces.append(self._viewer.add_surface(data, **options))
        selection.active = active
        self._hide_others()  # before they are drawn in 3D, which takes seconds
        if self._viewer.dims.ndisplay != 3:
            self._viewer.dims.ndisplay = 3
            camera = camera_of(self._viewer)
            camera.set_view_direction(_FROM_THE_FRONT, up_direction=_HEAD_UP)
            camera.center = self._middle()

    def _drop(self, name: str) -> None:
        for layer in self._there(self._surfaces):
            if layer.name == name:
                self._viewer.layers.remove(layer)
        self._surfaces = list(self._there(self._surfaces))

    def _there(self, layers: Iterable[Layer]) -> Iterable[Layer]:
        """Those that the user has not removed."""
        return [layer for layer in layers if layer in self._viewer.layers]

    def _middle(self) -> tuple[float, float, float]:
        extents = [layer.extent.world for layer in self._there(self._surfaces)]
        s, a, r = (np.min(extents, axis=(0, 1)) + np.max(extents, axis=(0, 1))) / 2
        return float(s), float(a), float(r)

    def _hide_others(self) -> None:
        for layer in self._viewer.layers:
            if layer.visible and not isinstance(layer, Surface):
                layer.visible = False
                self._hidden.append(layer)

    def _show_others(self) -> None:
        for layer in self._there(self._hidden):
            layer.visible = True
        self._hidden.clear()

    def _on_ndisplay_changed(self, _event: object = None) -> None:
        surfaces = self._there(self._surfaces)
        is_3d = self._viewer.dims.ndisplay == 3
        for layer in surfaces:
            layer.visible = is_3d
        if not is_3d:
            self._show_others()
        elif surfaces:
            self._hide_others()
