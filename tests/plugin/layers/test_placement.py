import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import medseg
from napari_medseg.layers.placement import SNAP_TOLERANCE_DEG, Placement
from tests.plugin.scans import (
    ORIENTATIONS,
    ORIGIN_RAS_MM,
    SPACING_RAS_MM,
    in_voxel_order,
    marker_image,
    rotated,
)

angles = st.floats(-180, 180)


@st.composite
def geometries(draw):
    """Any rotated grid with any spacing, of either handedness."""
    shape = tuple(draw(st.integers(2, 9)) for _ in range(3))
    a, b, c = (np.radians(draw(angles)) for _ in range(3))
    about_s = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    about_r = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    again_s = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    spacing_mm = [draw(st.floats(0.3, 8)) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = np.array(about_s) @ about_r @ again_s @ np.diag(spacing_mm)
    affine[:3, 3] = [draw(st.floats(-500, 500)) for _ in range(3)]
    affine[:3, 0] *= draw(st.sampled_from([-1, 1]))
    return medseg.Geometry(shape, affine)


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS)
def test_every_voxel_order_is_shown_the_same(axes, flips):
    image = marker_image()
    array, geometry = in_voxel_order(image, axes, flips)

    placement = Placement.of(geometry)

    assert_array_equal(placement.to_shown(array), image.transpose(2, 1, 0))
    assert_allclose(placement.scale, SPACING_RAS_MM[::-1])
    assert_allclose(placement.translate, ORIGIN_RAS_MM[::-1])


@given(geometries())
@settings(max_examples=60)
def test_an_array_shown_and_taken_back_is_the_same_array(geometry):
    array = np.arange(np.prod(geometry.shape)).reshape(geometry.shape)
    placement = Placement.of(geometry)
    shown = placement.to_shown(array)

    assert shown.shape == placement.shown.shape
    assert_array_equal(placement.to_source(shown), array)


@given(geometries())
@settings(max_examples=60)
def test_every_voxel_shown_is_where_the_exact_grid_says(geometry):
    array = np.arange(np.prod(geometry.shape)).reshape(geometry.shape)
    placement = Placement.of(geometry)
    index = tuple(size // 2 for size in placement.shown.shape)
    value = placement.to_shown(array)[index]
    source_index = np.argwhere(array == value)[0]

    assert_allclose(
        placement.shown.to_world(np.array(index)),
        geometry.to_world(source_index),
        atol=1e-9,
    )


@given(geometries())
@settings(max_examples=60)
def test_the_middle_of_any_scan_is_shown_where_it_is(geometry):
    placement = Placement.of(geometry)
    middle = (np.array(placement.shown.shape) - 1) / 2

    assert_allclose(
        middle * placement.scale + placement.translate,
        geometry.centre_ras_mm[::-1],
        atol=1e-9,
    )
    assert min(placement.scale) > 0


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS)
def test_a_transform_alone_gives_back_the_same_places(axes, flips):
    _, geometry = in_voxel_order(marker_image(), axes, flips)
    placement = Placement.of(geometry)

    found = Placement.of_transform(
        placement.shown.shape, placement.scale, placement.translate
    )

    assert found.source.is_same_grid(placement.shown)
    assert found.axes == (0, 1, 2)
    assert found.flipped == (False, False, False)


def test_noise_in_the_direction_counts_as_aligned_and_a_degree_does_not():
    _, geometry = in_voxel_order(marker_image())

    assert not Placement.of(rotated(geometry, 1e-4)).is_oblique
    assert not Placement.of(rotated(geometry, SNAP_TOLERANCE_DEG / 2)).is_oblique
    assert Placement.of(rotated(geometry, 1.0)).is_oblique


def test_a_layer_that_was_moved_no_longer_lies_on_its_grid():
    placement = Placement.of(in_voxel_order(marker_image())[1])
    shape, scale = placement.shown.shape, placement.scale
    s, a, r = placement.translate

    assert placement.is_shown_at(shape, scale, (s, a, r))
    assert not placement.is_shown_at(shape, scale, (s, a + 1, r))
    assert not placement.is_shown_at((*shape[:2], 3), scale, (s, a, r))
