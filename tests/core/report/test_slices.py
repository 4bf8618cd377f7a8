"""Slices as a radiologist expects them, whatever the voxel order."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg import Geometry
from medseg.report.slices import (
    Box,
    Display,
    Plane,
    box_around,
    largest_slice,
    spread_slices,
    square_around,
    telling_slice,
)

SHAPE = (12, 10, 8)
RAS = Geometry.from_spacing(SHAPE, (1.0, 2.0, 4.0))
ORDERS = list(product(permutations(range(3)), product((False, True), repeat=3)))


def marked(right: int, anterior: int, superior: int) -> np.ndarray:
    """One marked voxel, its place counted towards R, A, S."""
    array = np.zeros(SHAPE, np.uint8)
    array[right, anterior, superior] = 1
    return array


def stored(array: np.ndarray, axes, flipped) -> tuple[np.ndarray, Geometry]:
    """The same patient, stored in another voxel order."""
    turned = array.transpose(axes)
    ends = tuple(axis for axis in range(3) if flipped[axis])
    return np.flip(turned, ends), RAS.permuted(axes, flipped)


def place_of_mark(array, geometry, plane, index) -> tuple[float, float]:
    """Centre of the mark as fractions of the picture's height and width."""
    pixels = Display(geometry).slice(array, plane, index)
    (row,), (column,) = np.nonzero(pixels)
    height, width = pixels.shape
    return (row + 0.5) / height, (column + 0.5) / width


@pytest.mark.parametrize(("axes", "flipped"), ORDERS)
def test_a_right_anterior_superior_mark_is_where_radiologists_expect_it(axes, flipped):
    array, geometry = stored(marked(10, 9, 6), axes, flipped)
    down, across = place_of_mark(array, geometry, Plane.AXIAL, 6)
    assert down < 0.1, "anterior is up"
    assert across < 0.2, "the patient's right is on the left"
    down, across = place_of_mark(array, geometry, Plane.CORONAL, 9)
    assert down < 0.2, "superior is up"
    assert across < 0.2, "the patient's right is on the left"
    down, across = place_of_mark(array, geometry, Plane.SAGITTAL, 10)
    assert down < 0.2, "superior is up"
    assert across < 0.1, "anterior is on the left"


@pytest.mark.parametrize(("axes", "flipped"), ORDERS)
def test_pixels_keep_their_size_in_every_voxel_order(axes, flipped):
    array, geometry = stored(np.zeros(SHAPE), axes, flipped)
    display = Display(geometry)
    assert display.shape == SHAPE
    assert display.pixel_mm(Plane.AXIAL) == pytest.approx((2.0, 1.0))
    assert display.pixel_mm(Plane.CORONAL) == pytest.approx((4.0, 1.0))
    assert display.pixel_mm(Plane.SAGITTAL) == pytest.approx((4.0, 2.0))
    assert display.slice(array, Plane.CORONAL, 0).shape == (8, 12)


@pytest.mark.parametrize(("axes", "flipped"), ORDERS)
def test_the_picture_does_not_depend_on_the_voxel_order(axes, flipped):
    array = np.random.default_rng(0).normal(size=SHAPE)
    turned, geometry = stored(array, axes, flipped)
    for plane in Plane:
        expected = Display(RAS).slice(array, plane, 3)
        np.testing.assert_array_equal(
            Display(geometry).slice(turned, plane, 3), expected
        )


def test_areas_count_the_pixels_of_the_slices_shown():
    labels = np.random.default_rng(1).integers(0, 4, SHAPE, dtype=np.uint8)
    turned, geometry = stored(labels, (2, 0, 1), (True, False, True))
    display = Display(geometry)
    for plane in Plane:
        areas = display.areas(turned, plane, 4)
        for index in range(display.shape[plane.value]):
            pixels = display.slice(turned, plane, index)
            assert areas[index].tolist() == [(pixels == n).sum() for n in range(5)]


def test_the_telling_slice_shows_the_small_structure_too():
    areas = np.array([[0, 900, 0], [0, 950, 0], [0, 800, 3], [0, 100, 1]])
    assert telling_slice(areas) == 2
    assert largest_slice(areas, 1) == 1
    assert largest_slice(areas, 2) == 2


def test_without_structures_the_middle_is_shown():
    assert telling_slice(np.zeros((9, 3), int)) == 4
    assert telling_slice(np.zeros((9, 1), int)) == 4


def test_slices_are_spread_over_what_is_labelled():
    areas = np.zeros((100, 2), int)
    areas[20:81, 1] = 5
    assert spread_slices(areas, 6) == [25, 35, 45, 55, 65, 75]
    areas[22:, 1] = 0
    assert spread_slices(areas, 6) == [20, 21]


@given(st.data())
def test_boxes_hold_the_mask_and_stay_in_the_picture(data):
    height, width = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    mask = np.zeros((height, width), bool)
    row = data.draw(st.integers(0, height - 1))
    column = data.draw(st.integers(0, width - 1))
    mask[row : row + data.draw(st.integers(1, 20)), column : column + 5] = True
    pixel_mm = data.draw(st.tuples(*[st.floats(0.3, 5)] * 2))
    square = square_around(mask, pixel_mm, margin_mm=4.0, least_mm=12.0)
    for box in (square, box_around(mask, pixel_mm, margin_mm=4.0)):
        assert 0 <= box.row_start < box.row_stop <= height
        assert 0 <= box.column_start < box.column_stop <= width
        assert box.cut(mask).sum() == mask.sum()


def test_a_square_box_is_square_in_millimetres():
    mask = np.zeros((100, 100), bool)
    mask[50:55, 40:60] = True
    box = square_around(mask, (2.0, 1.0), margin_mm=10.0, least_mm=30.0)
    assert box == Box(42, 62, 30, 70)
