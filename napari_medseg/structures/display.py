"""Structures as napari shows them: colours, hidden ones, outlines and surfaces."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

import medseg
from napari_medseg.layers.conversion import AXIS_LABELS, UNITS, UNNAMED_COLOUR
from napari_medseg.structures.contents import ShownSurface

Colour = tuple[float, float, float, float]
_LIGHT_RAS = np.array([0.4, 0.75, 0.53])  # of length 1
_SHADE = 0.35
LayerTuple = tuple[tuple[np.ndarray, ...], dict[str, Any], str]


def colours_of(layer: Labels, labels: Iterable[int]) -> dict[int, Colour]:
    """Colour of each label as it is shown, alpha 0 when it is hidden."""
    labels = list(labels)
    colours = layer.colormap.map(np.array(labels, layer.data.dtype))
    return {
        label: (float(red), float(green), float(blue), float(alpha))
        for label, (red, green, blue, alpha) in zip(labels, colours, strict=True)
    }


def hidden_in(layer: Labels, labels: Iterable[int]) -> frozenset[int]:
    """Labels that are not shown."""
    colours = colours_of(layer, labels)
    return frozenset(label for label, colour in colours.items() if colour[3] == 0)


def show_only(layer: Labels, labels: Iterable[int], hidden: Collection[int]) -> None:
    """Hide labels and show all others, by one new colormap.

    Args:
        layer: Whose colours they are; they stay as they are.
        labels: All there are.
        hidden: Those to hide.
    """
    shown = {
        label: (*colour[:3], 0.0 if label in hidden else colour[3] or 1.0)
        for label, colour in colours_of(layer, labels).items()
    }
    was = layer.colormap
    rest = was.color_dict[None] if isinstance(was, DirectLabelColormap) else None
    background = np.zeros(4)
    others = UNNAMED_COLOUR if rest is None else rest  # labels yet to be painted
    colours: dict[int | None, Any] = {None: others, 0: background}
    layer.colormap = DirectLabelColormap(color_dict=colours | shown)


def surface_layer(
    shown: ShownSurface, name: str, colour: tuple[float, float, float]
) -> LayerTuple:
    """A Surface layer that lies where the label map lies.

    Light and shade are in its colours: napari's own light comes from the wrong side
    when the viewer is turned to the patient.

    Args:
        shown: The surface.
        name: Of the layer.
        colour: Red, green, blue, 0 to 1.
    """
    placement = shown.placement
    vertices = placement.shown.to_index(shown.surface.vertices_ras_mm)
    brightness = _brightness(shown.surface)[:, np.newaxis]
    colours = np.ones((len(vertices), 4), np.float32)
    colours[:, :3] = brightness * np.array(colour)
    options = {
        "name": name,
        "scale": placement.scale,
        "translate": placement.translate,
        "units": UNITS,
        "axis_labels": AXIS_LABELS,
        "vertex_colors": colours,
        "shading": "none",
    }
    return (vertices.astype(np.float32), shown.surface.triangles), options, "surface"


def _brightness(surface: medseg.Surface) -> np.ndarray:
    """Of each vertex, lit from the front and from the back, a little from above."""
    points, triangles = surface.vertices_ras_mm, surface.triangles
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], across)
    lengths = np.linalg.norm(normals, axis=1)
    facing = np.abs(normals @ _LIGHT_RAS) / np.maximum(lengths, np.finfo(float).tiny)
    lit: np.ndarray = _SHADE + (1 - _SHADE) * facing
    return lit
