"""Boxes of lesions as napari Shapes.

napari shows a shape only in a slice that holds all of it, so a box is a rectangle in
each slice of each plane.
"""

from typing import Any

import numpy as np

import medseg
from napari_medseg.layers.conversion import AXIS_LABELS, UNITS, LayerTuple
from napari_medseg.layers.placement import Placement

_HALF = 0.5
_EDGE_WIDTH = 0.6  # in voxels
_TEXT_SIZE = 9


def boxes_layer(boxes: medseg.InstanceBoxes, name: str) -> LayerTuple:
    """A Shapes layer of all boxes.

    Number, structure and confidence of its lesion are the features of a shape, and
    stand at it. A box has the colour that its
    lesion has in a layer of lesions.

    Args:
        boxes: What to show.
        name: Of the layer.
    """
    placement = Placement.of(boxes.geometry)
    shapes = [rectangles_of(each, placement) for each in boxes.boxes]
    of_shapes = [len(each) for each in shapes]
    colours = _colours(boxes)

    def each_shape(values: list[Any]) -> list[Any]:
        both = zip(values, of_shapes, strict=True)
        return [value for value, times in both for _ in range(times)]

    edges = each_shape([colours[each.number] for each in boxes.boxes])
    unknown = float("nan")
    options = {
        "name": name,
        "shape_type": "rectangle",
        "ndim": 3,
        "scale": placement.scale,
        "translate": placement.translate,
        "units": UNITS,
        "axis_labels": AXIS_LABELS,
        "opacity": 1.0,
        "features": {
            "number": each_shape([each.number for each in boxes.boxes]),
            "structure": each_shape([each.structure for each in boxes.boxes]),
            "confidence": each_shape(
                [unknown if e.confidence is None else e.confidence for e in boxes.boxes]
            ),
        },
    }
    if not edges:
        return np.empty((0, 4, 3)), options, "shapes"
    words = each_shape([_words(each) for each in boxes.boxes])
    return (
        np.concatenate(shapes),
        options
        | {
            "edge_color": edges,
            "edge_width": _EDGE_WIDTH,
            "face_color": "transparent",
            "text": {
                "string": words,
                "color": edges,
                "size": _TEXT_SIZE,
                "anchor": "upper_left",
            },
        },
        "shapes",
    )


def rectangles_of(
    boxed: medseg.InstanceBox | medseg.InstanceMeasure, placement: Placement
) -> np.ndarray:
    """Rectangles round a lesion (rectangle, corner, axis): axes S, A, R, in voxels.

    Args:
        boxed: The lesion.
        placement: How its label map is shown.
    """
    first, last = _ends(boxed, placement)
    return np.stack(
        [
            _rectangle(axis, place, first - _HALF, last + _HALF)
            for axis in range(3)
            for place in range(first[axis], last[axis] + 1)
        ]
    )


def _colours(boxes: medseg.InstanceBoxes) -> dict[int, tuple[float, ...]]:
    names = ((each.number, f"{each.structure} {each.number}") for each in boxes.boxes)
    return {
        each.id: tuple(value / 255 for value in each.colour)
        for each in medseg.LabelSet.from_names(names)
    }


def _words(box: medseg.InstanceBox) -> str:
    """What stands at a box: "2 liver tumour 0.87"."""
    sure = "" if box.confidence is None else f" {box.confidence:.2f}"
    return f"{box.number} {box.structure}{sure}"


def _ends(
    boxed: medseg.InstanceBox | medseg.InstanceMeasure, placement: Placement
) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last voxel of the box as shown."""
    axes = list(placement.axes)
    start = np.array(boxed.box.start)[axes]
    stop = start + np.array(boxed.box.shape)[axes]
    size = np.array(placement.shown.shape)
    first = np.where(placement.flipped, size - stop, start)
    last = np.where(placement.flipped, size - start, stop) - 1
    return first, last


def _rectangle(axis: int, place: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The corners in one slice across an axis, in turn."""
    u, v = (other for other in range(3) if other != axis)
    corners = np.empty((4, 3))
    corners[:, axis] = place
    corners[:, u] = low[u], low[u], high[u], high[u]
    corners[:, v] = low[v], high[v], high[v], low[v]
    return corners
