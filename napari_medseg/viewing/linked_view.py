"""A second viewer that shows the layers of the first in another plane."""

from collections.abc import Iterator

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Vectors
from napari.utils.events import Event, EventEmitter

from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.orientation import ORIENTATION, Plane, slide_along

_SHARED = (
    "blending",
    "colormap",
    "contour",
    "contrast_limits",
    "gamma",
    "opacity",
    "scale",
    "translate",
    "visible",
)
_EDITS = ("data", "labels_update", "paint")
_CROSS = "cross"
_CROSS_COLOUR = "#f0e442"  # yellow of Okabe and Ito
_LINES_ACROSS = 300


class LinkedView:
    """Another plane through the same point of the same layers.

    Voxels are shared, not copied. Image and Labels layers are shown, as they look in
    the first viewer; a yellow cross marks the point.

    Args:
        main: The first viewer.
        model: The second viewer, without layers. Where it is seen, its canvas is there
            already: before 0.9 napari draws no viewer that begins with several layers.
        plane: What it shows.
    """

    def __init__(self, main: ViewerModel, model: ViewerModel, plane: Plane) -> None:
        self.model = model
        self.plane = plane
        self._main = main
        self._shown: dict[Layer, Layer] = {}
        self._cross: Vectors | None = None
        self._follows = False  # while it is moved by the first viewer
        camera_of(self.model).orientation = ORIENTATION
        self.model.mouse_drag_callbacks.append(go_to_click)
        for event in self._list_events():
            event.connect(self._on_layers_changed)
        main.dims.events.point.connect(self._on_main_moved)
        self.model.dims.events.point.connect(self._on_moved)
        self._on_layers_changed()

    def unlink(self) -> None:
        """Listen to the first viewer no more."""
        for event in self._list_events():
            event.disconnect(self._on_layers_changed)
        self._main.dims.events.point.disconnect(self._on_main_moved)
        for layer in list(self._shown):
            self._forget(layer)

    def _list_events(self) -> tuple[EventEmitter, ...]:
        events = self._main.layers.events
        return events.inserted, events.removed, events.reordered

    def _on_layers_changed(self, _event: Event | None = None) -> None:
        wanted = [la for la in self._main.layers if isinstance(la, Image | Labels)]
        for layer in [layer for layer in self._shown if layer not in wanted]:
            self._forget(layer)
        self._follows = True
        for layer in wanted:
            if layer not in self._shown:
                self._add(layer)
        for index, layer in enumerate(wanted):
            self.model.layers.move(self.model.layers.index(self._shown[layer]), index)
        slide_along(self.model, self.plane)
        self._on_main_moved()

    def _add(self, layer: Layer) -> None:
        twin = Layer.create(*layer.as_layer_data_tuple())
        if isinstance(layer, Labels):
            twin.contour = layer.contour  # not among what a layer says of itself
        self._shown[layer] = twin
        for event in _events(layer, _SHARED):
            event.connect(self._on_look_changed)
        for event in _events(layer, _EDITS):
            event.connect(self._on_edited)
        self.model.add_layer(twin)

    def _forget(self, layer: Layer) -> None:
        for event in _events(layer, _SHARED):
            event.disconnect(self._on_look_changed)
        for event in _events(layer, _EDITS):
            event.disconnect(self._on_edited)
        self.model.layers.remove(self._shown.pop(layer))

    def _on_look_changed(self, event: Event) -> None:
        twin = self._shown.get(event.source)
        if twin is not None and event.type in _SHARED:
            setattr(twin, event.type, getattr(event.source, event.type))

    def _on_edited(self, event: Event) -> None:
        twin = self._shown.get(event.source)
        if twin is None:
            return
        if twin.data is not event.source.data and event.type == "data":
            twin.data = event.source.data
        else:
            twin.refresh()

    def _on_main_moved(self, _event: Event | None = None) -> None:
        self._follows = True
        if self.model.dims.ndim == self._main.dims.ndim:
            self.model.dims.point = self._main.dims.point
            self._mark_point()
        self._follows = False

    def _on_moved(self, _event: Event) -> None:
        if not self._follows and self.model.dims.ndim == self._main.dims.ndim:
            self._main.dims.point = self.model.dims.point

    def _mark_point(self) -> None:
        if not self._shown or self.model.dims.ndim != 3:
            return
        lines, scan = self._lines(), next(iter(self._shown))
        if self._cross is None:
            self._cross = _cross_on(scan, lines)
            self.model.add_layer(self._cross)
        else:
            self._cross.data = lines
            self._cross.scale, self._cross.translate = scan.scale, scan.translate

    def _lines(self) -> np.ndarray:
        """Two lines through the point, as far as the layers go: start and vector."""
        first, last = self._main.layers.extent.world
        lines = np.zeros((2, 2, 3))
        for line, axis in zip(lines, self.model.dims.displayed, strict=True):
            line[0] = self._main.dims.point
            line[0, axis] = first[axis]
            line[1, axis] = last[axis] - first[axis]
        scan = next(iter(self._shown))
        lines[:, 0] -= scan.translate
        lines /= scan.scale
        return lines


def go_to_click(viewer: ViewerModel, event: Event) -> Iterator[None]:
    """Move the point to where the left button is clicked, but not dragged."""
    active = viewer.layers.selection.active
    is_free = active is None or active.mode == "pan_zoom"
    if event.button != 1 or event.modifiers or not is_free or viewer.dims.ndisplay == 3:
        return
    position = tuple(event.position)
    yield
    if event.type != "mouse_move":
        viewer.dims.point = position


def _cross_on(scan: Layer, lines: np.ndarray) -> Vectors:
    """On the grid of a scan: napari's sliders step by the finest layer."""
    return Vectors(
        lines,
        name=_CROSS,
        edge_color=_CROSS_COLOUR,
        edge_width=float(max(scan.data.shape)) / _LINES_ACROSS,
        vector_style="line",
        scale=scan.scale,
        translate=scan.translate,
        units=scan.units,
        axis_labels=scan.axis_labels,
    )


def _events(layer: Layer, names: tuple[str, ...]) -> list[EventEmitter]:
    known = layer.events.emitters
    return [known[name] for name in names if name in known]
