"""Contours give the mask back that they were traced round, voxel by voxel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path as Polygon
from numpy.testing import assert_array_equal
from scipy import ndimage

from medseg.io.rtstruct.polygons import (
    ON_EDGE,
    Patch,
    combine,
    combine_by_xor,
    fill,
    trace,
)

MASKS = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda shape: arrays(bool, shape)
)


def filled_in(loop, shape):
    plane = np.zeros(shape, dtype=bool)
    patch = fill(loop, shape)
    plane[patch.box] = patch.pixels
    return plane


def refilled(mask):
    filled = [filled_in(loop, mask.shape) for loop in trace(mask)]
    return np.sum(filled, axis=0, dtype=int) if filled else np.zeros(mask.shape, int)


@given(MASKS)
def test_any_mask_comes_back_and_no_part_lies_in_another(mask):
    assert_array_equal(refilled(mask), mask)


@pytest.mark.parametrize("seed", range(5))
def test_blobs_with_holes_come_back(seed):
    noise = np.random.default_rng(seed).random((90, 70))
    mask = ndimage.gaussian_filter(noise, 2) > 0.5
    assert_array_equal(refilled(mask), mask)


def test_one_contour_a_part_whatever_its_holes():
    mask = np.zeros((20, 30), dtype=bool)
    mask[1:12, 1:20] = True
    mask[3:5, 3:5] = mask[7:9, 10:15] = False
    mask[15:18, 20:29] = True
    assert len(trace(mask)) == 2


def test_an_island_in_a_hole_is_a_part_of_its_own():
    mask = np.zeros((11, 11), dtype=bool)
    mask[1:10, 1:10] = True
    mask[3:8, 3:8] = False
    mask[5, 5] = True
    assert len(trace(mask)) == 2
    assert_array_equal(refilled(mask), mask)


def test_a_contour_keeps_the_area_of_a_large_structure():
    i, j = np.indices((200, 200))
    disc = np.hypot(i - 100, j - 100) < 80
    (loop,) = trace(disc)
    x, y = loop.T
    area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    assert area == pytest.approx(disc.sum(), rel=1e-3)


def test_straight_edges_have_no_points_between_corners():
    box = np.zeros((40, 40), dtype=bool)
    box[5:35, 5:35] = True
    (loop,) = trace(box)
    assert len(loop) == 8


@given(st.integers(0, 2**32 - 1))
def test_matplotlib_agrees_on_points_within_any_polygon(seed):
    rng = np.random.default_rng(seed)
    loop = rng.uniform(-3, 15, (rng.integers(3, 9), 2))
    centres = np.moveaxis(np.indices((12, 12)), 0, -1).reshape(-1, 2)
    wound = np.zeros(len(centres), dtype=int)
    for start, end in edges(loop):
        triangle = Polygon([loop[0], start, end])
        wound += triangle.contains_points(centres)
    clear = np.min([away(centres, *edge) for edge in edges(loop)], axis=0) > 2 * ON_EDGE
    filled = filled_in(loop, (12, 12)).ravel()
    assert_array_equal(filled[clear], (wound % 2 == 1)[clear])


def edges(loop):
    return zip(loop, np.roll(loop, -1, axis=0), strict=True)


def away(points, start, end):
    """Distance of points from a line between two others."""
    along = end - start
    share = np.clip((points - start) @ along / (along @ along), 0, 1)
    return np.linalg.norm(points - start - np.outer(share, along), axis=1)


def test_a_centre_on_the_path_is_inside():
    square = np.array([[2.0, 2.0], [6.0, 2.0], [6.0, 5.0], [2.0, 5.0]])
    expected = np.zeros((9, 9), dtype=bool)
    expected[2:7, 2:6] = True
    assert_array_equal(filled_in(square, (9, 9)), expected)


def test_what_lies_outside_of_the_picture_is_cut_off():
    square = np.array([[-5.0, -5.0], [50.0, -5.0], [50.0, 50.0], [-5.0, 50.0]])
    assert filled_in(square, (6, 4)).all()
    assert not filled_in(square + 100, (6, 4)).any()
    assert not filled_in(square - 100, (6, 4)).any()


SHAPE = (12, 12)


def square(start, end):
    pixels = np.ones((end - start, end - start), dtype=bool)
    return Patch(start=(start, start), pixels=pixels)


def mask(start, end):
    plane = np.zeros(SHAPE, dtype=bool)
    plane[start:end, start:end] = True
    return plane


def test_a_contour_within_another_is_a_hole_and_in_that_an_island():
    combined = combine([square(5, 6), square(1, 10), square(3, 8)], SHAPE)
    assert_array_equal(combined.plane, (mask(1, 10) ^ mask(3, 8)) | mask(5, 6))
    assert combined.crossing == combined.repeated == 0


def test_contours_that_cross_are_added_and_counted():
    combined = combine([square(1, 6), square(4, 9)], SHAPE)
    assert_array_equal(combined.plane, mask(1, 6) | mask(4, 9))
    assert combined.crossing == 1


def test_a_contour_that_is_there_twice_does_not_cut_itself_out():
    combined = combine([square(1, 6), square(1, 6)], SHAPE)
    assert_array_equal(combined.plane, mask(1, 6))
    assert combined.repeated == 1


def test_exclusive_or_takes_out_what_is_in_both():
    plane = combine_by_xor([square(1, 6), square(4, 9)], SHAPE)
    assert_array_equal(plane, mask(1, 6) ^ mask(4, 9))
    assert not combine_by_xor([], SHAPE).any()
    assert not combine([], SHAPE).plane.any()
