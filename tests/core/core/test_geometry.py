"""Places of voxels, against formulas and nibabel."""

import math

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from medseg import Geometry
from medseg.core.geometry import rounded_spacing
from tests.core.making import (
    ORIENTATIONS,
    geometries,
    shapes,
    turned,
    turned_geometry,
)

points = st.tuples(*[st.floats(-50, 50)] * 3)


@given(geometries(), points)
def test_world_and_back_is_the_same_voxel(geometry, index):
    world = geometry.to_world(index)
    assert_allclose(geometry.to_index(world), index, atol=1e-8)


@given(geometries())
def test_many_points_are_turned_as_one_is(geometry):
    indices = np.arange(24).reshape(2, 4, 3)
    world = geometry.to_world(indices)
    assert world.shape == (2, 4, 3)
    homogeneous = geometry.affine @ [*indices[1, 2], 1.0]
    assert_allclose(world[1, 2], homogeneous[:3])


@given(geometries(), st.sampled_from(ORIENTATIONS))
def test_a_permuted_grid_has_each_voxel_at_the_same_place(geometry, turn):
    numbers = np.arange(math.prod(geometry.shape)).reshape(geometry.shape)
    stored = turned(numbers, *turn)
    permuted = geometry.permuted(*turn)
    assert permuted.shape == stored.shape
    for index in permuted.to_index(geometry.corners_ras_mm()).round().astype(int):
        before = np.argwhere(numbers == stored[tuple(index)])[0]
        assert_allclose(permuted.to_world(index), geometry.to_world(before), atol=1e-7)


@given(geometries(most_tilt_deg=20))
def test_orientation_letters_are_those_of_nibabel(geometry):
    assert geometry.orientation == "".join(nib.aff2axcodes(geometry.affine))


@pytest.mark.parametrize(("axes", "flipped"), ORIENTATIONS)
def test_every_orientation_has_its_letters(axes, flipped):
    letters = [("RL", "AP", "SI")[a][f] for a, f in zip(axes, flipped, strict=True)]
    geometry = turned_geometry((2, 3, 4), (1, 2, 3), axes, flipped)
    assert geometry.orientation == "".join(letters)
    assert tuple(axes[v] for v in geometry.patient_axes) == (0, 1, 2)


@given(geometries(), shapes())
def test_another_shape_fills_the_same_box(geometry, shape):
    other = geometry.with_shape(shape)
    for outer in (-0.5, [n - 0.5 for n in geometry.shape]):
        index = other.to_index(geometry.to_world(np.broadcast_to(outer, 3)))
        expected = -0.5 if outer == -0.5 else np.array(shape) - 0.5
        assert_allclose(index, np.broadcast_to(expected, 3), atol=1e-7)
    volume_ml = geometry.voxel_volume_ml * math.prod(geometry.shape)
    assert other.voxel_volume_ml * math.prod(shape) == pytest.approx(volume_ml)


@given(geometries(), st.tuples(*[st.integers(-5, 5)] * 3))
def test_a_crop_begins_at_its_first_voxel(geometry, start):
    crop = geometry.cropped(start, (2, 3, 4))
    assert crop.shape == (2, 3, 4)
    assert_allclose(crop.to_world((0, 0, 0)), geometry.to_world(start), atol=1e-9)
    assert_allclose(crop.spacing_mm, geometry.spacing_mm)


@given(geometries())
def test_voxel_volume_is_the_product_of_the_spacings(geometry):
    expected_ml = math.prod(geometry.spacing_mm) / 1000
    assert geometry.voxel_volume_ml == pytest.approx(expected_ml)


def test_a_sheared_voxel_has_the_volume_of_its_determinant():
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[0, 2] = 3.0  # a tilted gantry
    assert Geometry((2, 2, 2), affine).voxel_volume_ml == pytest.approx(0.024)


def test_a_plain_grid_is_where_it_is_said_to_be():
    geometry = Geometry.from_spacing((3, 5, 7), (1.0, 2.0, 3.0), (-10.0, 20.0, 5.0))
    assert geometry.spacing_mm == (1.0, 2.0, 3.0)
    assert geometry.orientation == "RAS"
    assert geometry.obliquity_deg == 0.0
    assert_allclose(geometry.centre_ras_mm, (-9.0, 24.0, 14.0))
    assert_allclose(geometry.corners_ras_mm()[-1], (-8.0, 28.0, 23.0))


@given(st.floats(0, 30))
def test_obliquity_is_the_angle_of_the_tilt(angle_deg):
    affine = np.eye(4)
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    affine[:2, :2] = [[c, -s], [s, c]]
    geometry = Geometry((2, 2, 2), affine)
    assert geometry.obliquity_deg == pytest.approx(angle_deg, abs=1e-5)
    assert geometry.patient_axes == (0, 1, 2)


def test_grids_disagree_by_their_farthest_corner():
    geometry = Geometry.from_spacing((11, 11, 11), (1.0, 1.0, 1.0))
    stretched = Geometry.from_spacing((11, 11, 11), (1.3, 1.0, 1.4))
    assert geometry.disagreement_mm(stretched) == pytest.approx(5.0)
    assert not geometry.is_same_grid(stretched)
    assert geometry.is_same_grid(stretched, tolerance_mm=5.1)
    assert geometry.disagreement_mm(geometry.cropped((0, 0, 0), (11, 11, 10))) == (
        math.inf
    )


def test_rounding_in_a_header_leaves_the_grid_the_same():
    geometry = turned_geometry((200, 200, 80), (0.7, 0.7, 5.0), tilt_deg=10)
    stored = Geometry(geometry.shape, geometry.affine.astype(np.float32))
    assert 0 < geometry.disagreement_mm(stored) < 1e-3
    assert geometry.is_same_grid(stored)


def test_a_geometry_cannot_be_changed_nor_changes_with_its_source():
    affine = np.eye(4)
    geometry = Geometry((2, 2, 2), affine)
    affine[0, 3] = 99.0
    assert geometry.affine[0, 3] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        geometry.affine[0, 0] = 2.0


NAN = np.diag([1.0, np.nan, 1.0, 1.0])
FLAT = np.diag([1.0, 0.0, 1.0, 1.0])
SKEWED = np.diag([1.0, 1.0, 1.0, 2.0])
COPLANAR = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1.0]])


@pytest.mark.parametrize(
    ("affine", "why"),
    [
        (NAN, "finite"),
        (FLAT, "singular"),
        (COPLANAR, "singular"),
        (SKEWED, "0 0 0 1"),
    ],
)
def test_an_impossible_affine_is_refused(affine, why):
    with pytest.raises(ValueError, match=why):
        Geometry((2, 2, 2), affine)


def test_voxels_of_a_micrometre_are_not_taken_for_flat():
    assert Geometry.from_spacing((2, 2, 2), (1e-3,) * 3).voxel_volume_ml == (
        pytest.approx(1e-12)
    )
    Geometry.from_spacing((2, 2, 2), (1e-5,) * 3)


def test_an_empty_axis_is_refused():
    with pytest.raises(ValueError, match="positive"):
        Geometry.from_spacing((2, 0, 2), (1.0, 1.0, 1.0))


@given(st.integers(1, 4096), st.integers(9, 12), geometries())
def test_a_rounded_spacing_is_that_of_the_same_grid_in_float32(places, power, geometry):
    """Fields of view over a power of two, decimals, and turned grids."""
    for edge in (places / 2**power, places / 100, places / 1000):
        there = rounded_spacing((edge, edge, edge))
        stored = float(np.float32(edge))
        assert rounded_spacing((stored,) * 3) == there
        assert_allclose(there, edge, rtol=2.5e-4)
    turned_mm = geometry.spacing_mm
    assert rounded_spacing(rounded_spacing(turned_mm)) == rounded_spacing(turned_mm)
