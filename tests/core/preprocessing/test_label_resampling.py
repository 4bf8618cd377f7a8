"""Label maps on other grids, by nearest neighbour."""

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from medseg import Geometry
from medseg.core.geometry import LPS_TO_RAS
from medseg.preprocessing import resample_nearest
from tests.core.making import (
    ORIENTATIONS,
    geometries,
    segmentation_of,
    turned,
    turned_geometry,
)


def labels_on(geometry, seed=0):
    labels = np.random.default_rng(seed).choice([0, 1, 4], geometry.shape)
    return segmentation_of(labels.astype(np.uint8), geometry)


@given(geometries())
def test_its_own_grid_changes_nothing(geometry):
    labels = labels_on(geometry)
    assert_array_equal(resample_nearest(labels, geometry).array, labels.array)


@given(geometries(), st.sampled_from(ORIENTATIONS))
def test_the_same_voxels_in_another_order_are_the_same_map(geometry, orientation):
    labels = labels_on(geometry)
    resampled = resample_nearest(labels, geometry.permuted(*orientation))
    assert_array_equal(resampled.array, turned(labels.array, *orientation))


def test_finer_voxels_repeat_coarse_ones():
    labels = labels_on(Geometry.from_spacing((4, 5, 3), (2.0, 2.0, 4.0)))
    fine = resample_nearest(labels, labels.geometry.with_shape((8, 10, 12)))
    repeated = labels.array.repeat(2, 0).repeat(2, 1).repeat(4, 2)
    assert_array_equal(fine.array, repeated)


def test_outside_is_background():
    labels = segmentation_of(np.ones((4, 4, 4), np.uint8))
    around = resample_nearest(labels, labels.geometry.cropped((-2, 0, 3), (8, 4, 4)))
    expected = np.zeros((8, 4, 4), np.uint8)
    expected[2:6, :, :1] = 1
    assert_array_equal(around.array, expected)


@pytest.mark.parametrize("tilt_deg", [0, 7, 33])
def test_it_is_what_simpleitk_gives(tilt_deg):
    labels = labels_on(turned_geometry((19, 23, 11), (0.9, 1.1, 2.5), tilt_deg=3))
    grid = turned_geometry(
        (17, 14, 30), (1.3, 1.4, 0.83), (1, 0, 2), (True, False, False), tilt_deg
    )
    grid = Geometry(grid.shape, grid.affine + shift_of(labels.geometry, grid))
    ours = resample_nearest(labels, grid).array
    theirs = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(
            as_image(labels.array, labels.geometry),
            as_image(np.zeros(grid.shape, np.uint8), grid),
            SimpleITK.Transform(),
            SimpleITK.sitkNearestNeighbor,
            0,
        )
    ).T
    assert len(np.unique(ours)) == 3
    assert_array_equal(ours, theirs)


def shift_of(geometry, grid):
    """What brings the middles of two grids together, nearly."""
    shift = np.zeros((4, 4))
    shift[:3, 3] = geometry.centre_ras_mm - grid.centre_ras_mm + (0.31, 0.17, -0.23)
    return shift


def as_image(array, geometry):
    image = SimpleITK.GetImageFromArray(array.T)
    lps = LPS_TO_RAS @ geometry.affine
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / geometry.spacing_mm).ravel().tolist())
    return image
