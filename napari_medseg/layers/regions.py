"""The part of a scan that is looked at: a box drawn as a Shapes layer.

The box reaches round all shapes of the layer. Along an axis on which they all lie in
one slice it reaches through the whole scan, so that one rectangle is a column; a second
one in another slice or plane gives the column its ends.
"""

from dataclasses import dataclass

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Shapes

import medseg
from napari_medseg.layers.conversion import AXIS_LABELS, UNITS
from napari_medseg.layers.placement import Placement

_LABELS = medseg.LabelSet.from_names([(1, "region")])
_FLAT = 0.5
_EDGE_COLOUR = "#f0e442"  # yellow of Okabe and Ito
Index = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Box:
    """Voxels of a scan along its axes i, j, k.

    Attributes:
        first: The first of them.
        stop: One after the last.
    """

    first: Index
    stop: Index

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The same, to index an array."""
        i, j, k = (slice(a, b) for a, b in zip(self.first, self.stop, strict=True))
        return i, j, k


def box_of(shapes: Shapes, placement: Placement) -> Box:
    """The voxels of a scan that lie in the box of some shapes.

    Args:
        shapes: One rectangle or more.
        placement: How the scan is shown.

    Raises:
        WrongUse: INVALID_OPTION, when there is no shape or none on the scan.
    """
    corners = [shapes.data_to_world(point) for data in shapes.data for point in data]
    if not corners or len(corners[0]) < 3:
        raise _unusable(shapes, "the layer holds no box")
    index = (np.array(corners)[:, -3:] - placement.translate) / placement.scale
    low, high = index.min(axis=0), index.max(axis=0)
    is_flat = high - low < _FLAT
    size = np.array(placement.shown.shape)
    first = np.where(is_flat, 0, np.ceil(low - _FLAT)).clip(0, size).astype(int)
    stop = np.where(is_flat, size, np.floor(high + _FLAT) + 1).clip(0, size).astype(int)
    if (first >= stop).any():
        raise _unusable(shapes, "the box lies beside the scan")
    return _on_source(first, stop, placement)


def region_of(box: Box, geometry: medseg.Geometry) -> medseg.Segmentation:
    """A label map of the box, on the grid of the scan."""
    inside = np.zeros(geometry.shape, np.uint8)
    inside[box.slices] = 1
    return medseg.Segmentation(array=inside, geometry=geometry, labels=_LABELS)


def region_layer(scan: Image) -> Shapes:
    """An empty layer to draw the box on a scan in, ready to draw.

    It has the grid of the scan: napari's sliders step by the finest layer.
    """
    layer = Shapes(
        ndim=3,
        name=f"region of {scan.name}",
        units=UNITS,
        axis_labels=AXIS_LABELS,
        face_color="transparent",
        edge_color=_EDGE_COLOUR,
        scale=scan.scale,
        translate=scan.translate,
    )
    layer.mode = "add_rectangle"
    return layer


def draw_region(viewer: ViewerModel, scan: Image) -> Shapes:
    """Add a layer to draw the box on a scan in, in 2D, where one can draw."""
    viewer.dims.ndisplay = 2
    layer: Shapes = viewer.add_layer(region_layer(scan))
    return layer


def _on_source(first: np.ndarray, stop: np.ndarray, placement: Placement) -> Box:
    """A box of the array as it is shown, on the axes of the scan."""
    starts, stops = [0, 0, 0], [0, 0, 0]
    shape = placement.shown.shape
    for shown, source in enumerate(placement.axes):
        ends = int(first[shown]), int(stop[shown])
        if placement.flipped[shown]:
            ends = shape[shown] - ends[1], shape[shown] - ends[0]
        starts[source], stops[source] = ends
    return Box(
        first=(starts[0], starts[1], starts[2]), stop=(stops[0], stops[1], stops[2])
    )


def _unusable(shapes: Shapes, what: str) -> medseg.WrongUse:
    return medseg.WrongUse(
        medseg.ErrorCode.INVALID_OPTION,
        what,
        where=shapes.name,
        remedy="Draw a rectangle on the scan, or choose the whole scan.",
    )
