"""Arrays in the order R, A, S."""

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_array_equal

from medseg.core.plan import PatientAxes, StoredAxes
from medseg.preprocessing.orientation import network_axes, oriented
from tests.core.making import ORIENTATIONS, geometries, turned_geometry


@pytest.mark.parametrize(("axes", "flipped"), ORIENTATIONS)
def test_axes_before_the_last_three_stay(axes, flipped):
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    there = oriented(array, axes, flipped)
    assert there.shape == (2, *(array.shape[1 + axis] for axis in axes))
    assert_array_equal(there[1], oriented(array[1], axes, flipped))


@given(geometries(most_tilt_deg=20))
def test_an_oriented_grid_runs_to_the_right_front_and_top(geometry):
    assert (
        geometry.permuted(*network_axes(geometry, PatientAxes())).orientation == "RAS"
    )


@pytest.mark.parametrize(("axes", "flipped"), ORIENTATIONS)
def test_the_array_is_turned_as_its_grid_is(axes, flipped):
    geometry = turned_geometry((3, 4, 5), (1.0, 2.0, 3.0), axes, flipped)
    turn = network_axes(geometry, PatientAxes())
    index = np.moveaxis(np.indices(geometry.shape), 0, -1)
    world = np.moveaxis(geometry.to_world(index), -1, 0)
    along_r, along_a, along_s = oriented(world, *turn)
    assert (np.diff(along_r, axis=0) > 0).all()
    assert (np.diff(along_a, axis=1) > 0).all()
    assert (np.diff(along_s, axis=2) > 0).all()


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAR", "ILA"])
@pytest.mark.parametrize(("axes", "flipped"), ORIENTATIONS[::5])
def test_axes_point_where_their_codes_say(axes, flipped, codes):
    geometry = turned_geometry((3, 4, 5), (1.0, 2.0, 3.0), axes, flipped, 10)
    turn = network_axes(geometry, PatientAxes(codes=codes))
    assert geometry.permuted(*turn).orientation == codes


@given(geometries())
def test_stored_axes_are_never_flipped(geometry):
    order = (2, 0, 1)
    turn = network_axes(geometry, StoredAxes(order=order))
    assert turn == (order, (False, False, False))
