import numpy as np
import pytest
from napari.layers import Image, Layer, Shapes
from numpy.testing import assert_array_equal

import medseg
from napari_medseg.layers.conversion import placement_of, volume_layers
from napari_medseg.layers.regions import Box, box_of, region_layer, region_of
from tests.plugin.scans import ORIENTATIONS, marker_scan


def scan_layer(axes=(0, 1, 2), flips=(False, False, False)) -> Image:
    return Layer.create(*volume_layers(marker_scan(axes, flips), "scan")[0])


def drawn(layer: Image, *rectangles) -> Shapes:
    """Rectangles given by two opposite voxels (S, A, R) of the layer."""
    shapes = region_layer(layer)
    for first, last in rectangles:
        corners = np.array([first, first, last, last], dtype=float)
        flat = int(np.argmin(np.abs(np.subtract(last, first))))
        a, b = (axis for axis in range(3) if axis != flat)
        corners[1, b], corners[3, b] = last[b], first[b]
        corners[:, a] = [first[a], first[a], last[a], last[a]]
        shapes.add_rectangles(corners)
    return shapes


def shown_mask(layer: Image, box: Box) -> np.ndarray:
    placement = placement_of(layer)
    region = region_of(box, placement.source)
    return placement.to_shown(region.array) > 0


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS[::5])
def test_one_rectangle_is_a_column_through_the_scan(axes, flips):
    layer = scan_layer(axes, flips)
    shapes = drawn(layer, ((6, 4, 3), (6, 10, 12)))

    mask = shown_mask(layer, box_of(shapes, placement_of(layer)))

    truth = np.zeros(layer.data.shape, dtype=bool)
    truth[:, 4:11, 3:13] = True
    assert_array_equal(mask, truth)


@pytest.mark.parametrize(
    "second", [((9, 5, 5), (9, 8, 8)), ((6, 7, 4), (9, 7, 9))], ids=["slice", "plane"]
)
def test_a_second_rectangle_ends_the_column(second):
    layer = scan_layer((2, 0, 1), (True, False, True))
    shapes = drawn(layer, ((6, 4, 3), (6, 10, 12)), second)

    mask = shown_mask(layer, box_of(shapes, placement_of(layer)))

    truth = np.zeros(layer.data.shape, dtype=bool)
    truth[6:10, 4:11, 3:13] = True
    assert_array_equal(mask, truth)


def test_what_reaches_beyond_the_scan_ends_with_it():
    layer = scan_layer()
    shapes = drawn(layer, ((6, -20, -20), (6, 3, 50)))

    mask = shown_mask(layer, box_of(shapes, placement_of(layer)))

    assert mask[:, :4].all()
    assert not mask[:, 4:].any()


def test_a_box_beside_the_scan_is_refused():
    layer = scan_layer()
    shapes = drawn(layer, ((6, 100, 100), (6, 120, 120)))

    with pytest.raises(medseg.WrongUse, match="beside the scan"):
        box_of(shapes, placement_of(layer))


def test_a_layer_without_a_box_is_refused():
    layer = scan_layer()

    with pytest.raises(medseg.WrongUse, match="holds no box"):
        box_of(region_layer(layer), placement_of(layer))
