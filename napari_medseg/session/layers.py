"""The viewer as a session sees it, and back: what is kept of each layer."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

import medseg
from napari_medseg.layers.conversion import (
    HELPER_KEY,
    HIDDEN_KEY,
    LayerTuple,
    Record,
    is_placed,
    placement_of,
    record_of,
)
from napari_medseg.layers.placement import Placement
from napari_medseg.session.state import ImageLook, LabelsLook, ViewEntry
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.orientation import orient_for_scan


@dataclass(frozen=True, eq=False, kw_only=True)
class TakenLayer:
    """A layer at one moment; its array is the layer's own, and not copied.

    Attributes:
        name: Of the layer.
        shown: Its data, (S, A, R).
        placement: The grid it is on.
        record: What MedSeg kept with it.
        look: How it is shown; tells an image from labels.
    """

    name: str
    shown: np.ndarray
    placement: Placement
    record: Record
    look: ImageLook | LabelsLook


@dataclass(frozen=True, eq=False, kw_only=True)
class RestoredLayer:
    """A layer that is not yet in a viewer.

    Attributes:
        made: Its data and options.
        look: How it was shown.
    """

    made: LayerTuple
    look: ImageLook | LabelsLook


def taken_layers(viewer: ViewerModel) -> tuple[list[TakenLayer], list[str]]:
    """The layers a session keeps, and the names of the others; quick, no copies.

    Layers that a panel made for itself, such as a preview, are neither.
    """
    taken, left_out = [], []
    layers = tuple(layer for layer in viewer.layers if HELPER_KEY not in layer.metadata)
    for layer in layers:
        try:
            taken.append(_taken(layer, layers))
        except medseg.MedSegError:
            left_out.append(layer.name)
    return taken, left_out


def taken_view(viewer: ViewerModel) -> ViewEntry:
    """Where the user is."""
    camera, dims = camera_of(viewer), viewer.dims
    active = viewer.layers.selection.active
    first, second, third = camera.angles
    return ViewEntry(
        point=tuple(float(value) for value in dims.point),
        order=tuple(int(axis) for axis in dims.order),
        ndisplay=dims.ndisplay,
        centre=tuple(float(value) for value in camera.center),
        zoom=float(camera.zoom),
        angles=(float(first), float(second), float(third)),
        active="" if active is None else active.name,
    )


def add_restored(
    viewer: ViewerModel, layers: Iterable[RestoredLayer], view: ViewEntry
) -> list[Layer]:
    """Add layers above those there are, and go where the user was."""
    added, active = [], None
    for restored in layers:
        layer = Layer.create(*restored.made)
        _show_as(layer, restored.look)
        if layer.name == view.active:
            active = layer  # before the viewer renames it, should the name be taken
        viewer.layers.append(layer)
        added.append(layer)
    if not added:
        return []
    orient_for_scan(viewer)
    camera, dims = camera_of(viewer), viewer.dims
    dims.ndisplay = view.ndisplay
    if len(view.order) == dims.ndim:
        dims.order = view.order
        for axis, position in enumerate(view.point):
            dims.set_point(axis, position)
    camera.center, camera.zoom, camera.angles = view.centre, view.zoom, view.angles
    viewer.layers.selection.active = active or added[-1]
    return added


def _taken(layer: Layer, layers: tuple[Layer, ...]) -> TakenLayer:
    """What is kept of a layer.

    Raises:
        UnusableInput: MISSING_GEOMETRY when it has no place in a patient.
    """
    if not isinstance(layer, Image | Labels) or not is_placed(layer, layers):
        raise medseg.UnusableInput(
            medseg.ErrorCode.MISSING_GEOMETRY,
            "a session keeps scans and labels only",
            where=layer.name,
            remedy="Save this layer by itself.",
        )
    placement = placement_of(layer, layers)
    empty = Record(placement=placement, case_id=layer.name)
    return TakenLayer(
        name=layer.name,
        shown=np.asarray(layer.data),
        placement=placement,
        record=record_of(layer) or empty,
        look=_labels_look(layer) if isinstance(layer, Labels) else _image_look(layer),
    )


def _image_look(layer: Image) -> ImageLook:
    low, high = layer.contrast_limits
    return ImageLook(
        visible=bool(layer.visible),
        opacity=float(layer.opacity),
        blending=str(layer.blending),
        contrast_limits=(float(low), float(high)),
        gamma=float(layer.gamma),
        colormap=str(layer.colormap.name),
    )


def _labels_look(layer: Labels) -> LabelsLook:
    colours = {}
    if isinstance(layer.colormap, DirectLabelColormap):
        for label, colour in layer.colormap.color_dict.items():
            if label is not None:
                red, green, blue, alpha = (float(part) for part in colour)
                colours[int(label)] = red, green, blue, alpha
    return LabelsLook(
        visible=bool(layer.visible) or HIDDEN_KEY in layer.metadata,
        opacity=float(layer.opacity),
        blending=str(layer.blending),
        contour=int(layer.contour),
        selected_label=int(layer.selected_label),
        colours=colours,
    )


def _show_as(layer: Layer, look: ImageLook | LabelsLook) -> None:
    layer.visible, layer.opacity = look.visible, look.opacity
    layer.blending = look.blending
    if isinstance(look, ImageLook) and isinstance(layer, Image):
        layer.contrast_limits = look.contrast_limits
        layer.gamma = look.gamma
        with suppress(KeyError):  # one that was made by hand in another napari
            layer.colormap = look.colormap
    elif isinstance(look, LabelsLook) and isinstance(layer, Labels):
        layer.contour, layer.selected_label = look.contour, look.selected_label
        if look.colours:
            unnamed = layer.colormap.color_dict.get(None, (0.75, 0.75, 0.75, 1.0))
            colours: dict[int | None, Any] = {None: unnamed}
            colours.update(look.colours.items())
            layer.colormap = DirectLabelColormap(color_dict=colours)
