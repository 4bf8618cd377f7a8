import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from tests.core.classical.scenes import SPACING_MM, ball, labels, noise, scan

SHAPE = (30, 40, 22)
BALL = ball(SHAPE, (20, 20, 22), 10)


def grey_ball(deviation: float = 2.0) -> medseg.Volume:
    return scan(np.where(BALL, 100, 0) + noise(SHAPE, deviation))


def markers() -> medseg.Segmentation:
    seeds = np.zeros(SHAPE, np.uint8)
    seeds[ball(SHAPE, (20, 20, 22), 3)] = 1
    seeds[:2], seeds[:, :2] = 2, 2
    return labels(seeds)


def test_a_basin_is_a_ball():
    settings = medseg.classical.WatershedSettings(level=8.0, sigma_mm=1.0)

    found = medseg.classical.watershed(grey_ball(), settings)

    assert len(found.labels) == 2
    inner = found.array[14, 20, 11]
    # an edge lies between two voxels, either of which may get it
    shell = BALL ^ ball(SHAPE, (20, 20, 22), 8.5)
    near = shell | (ball(SHAPE, (20, 20, 22), 11.5) & ~BALL)
    assert_array_equal((found.array == inner)[~near], BALL[~near])


def test_markers_spread_up_to_the_edge():
    found = medseg.classical.watershed_from_markers(grey_ball(), markers())

    wrong = found.mask("lesion") != BALL
    assert wrong.mean() < 0.01
    assert found.array.min() >= 1


def test_markers_agree_with_scikit_image():
    segmentation = pytest.importorskip("skimage.segmentation")
    sitk = pytest.importorskip("SimpleITK")
    volume = grey_ball(5.0)
    settings = medseg.classical.MarkerSettings(sigma_mm=1.5)
    image = sitk.GetImageFromArray(volume.array[0].T)
    image.SetSpacing(SPACING_MM)
    relief = sitk.GetArrayFromImage(
        sitk.GradientMagnitudeRecursiveGaussian(image, 1.5)
    ).T

    found = medseg.classical.watershed_from_markers(volume, markers(), settings)

    theirs = segmentation.watershed(relief, markers().array)
    assert np.mean(found.array != theirs) < 0.002  # voxels as far from either


def test_without_any_marker_nothing_is_flooded():
    with pytest.raises(medseg.WrongUse, match="there is no marker"):
        medseg.classical.watershed_from_markers(grey_ball(), labels(np.zeros(SHAPE)))


def test_markers_of_another_grid_are_refused():
    other = labels(np.ones((4, 4, 4)))

    with pytest.raises(medseg.UnusableInput, match="GRID_MISMATCH"):
        medseg.classical.watershed_from_markers(grey_ball(), other)
