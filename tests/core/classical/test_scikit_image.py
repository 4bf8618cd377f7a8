"""Methods beside scikit-image's own, where no other test has them side by side."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg
from tests.core.classical.scenes import ball, dice, labels, noise, scan

pytest.importorskip("skimage")
CUBES_MM = (1.0, 1.0, 1.0)
SHAPE = (40, 40, 40)
CENTRE_MM = (20.0, 20.0, 20.0)
BALL = ball(SHAPE, CENTRE_MM, 12, CUBES_MM)


def grey_ball(deviation: float = 3.0) -> medseg.Volume:
    image = np.where(BALL, 100, 0) + noise(SHAPE, deviation)
    return scan(image.astype(np.float32), CUBES_MM)


def test_hysteresis_is_scikit_images():
    filters = pytest.importorskip("skimage.filters")
    weak_island = ball(SHAPE, (4, 4, 4), 3, CUBES_MM)
    values = np.where(BALL | weak_island, 50, 0) + np.where(
        ball(SHAPE, CENTRE_MM, 4, CUBES_MM), 60, 0
    )
    settings = medseg.classical.HysteresisSettings(weak=40.0, strong=90.0)

    found = medseg.classical.hysteresis(scan(values.astype(np.float32)), settings)

    theirs = filters.apply_hysteresis_threshold(values, 40, 90)
    assert_array_equal(found.mask("foreground"), theirs)


def test_gradient_edges_are_where_scikit_images_sobel_is_steep():
    """A wide Gaussian hill, whose steepness hardly changes from voxel to voxel."""
    filters = pytest.importorskip("skimage.filters")
    squares = sum((axis - 20.0) ** 2 for axis in np.ogrid[:40, :40, :40])
    hill = (200 * np.exp(-squares / (2 * 6.0**2))).astype(np.float32)
    settings = medseg.classical.GradientSettings(sigma_mm=0.5, steepness=8.0)

    edges = medseg.classical.gradient_edges(scan(hill, CUBES_MM), settings).array > 0

    ramp = np.arange(9.0)[:, None, None] * np.ones((9, 9, 9))  # 1 a voxel
    theirs = filters.sobel(hill) / filters.sobel(ramp)[4, 4, 4] >= 8.0
    assert dice(edges, theirs) > 0.95
    assert edges.any()


def test_basins_are_those_of_scikit_image_from_the_same_minima():
    segmentation = pytest.importorskip("skimage.segmentation")
    morphology = pytest.importorskip("skimage.morphology")
    measure = pytest.importorskip("skimage.measure")
    volume = grey_ball(2.0)
    settings = medseg.classical.WatershedSettings(level=8.0, sigma_mm=1.0)

    found = medseg.classical.watershed(volume, settings)

    image = sitk.GetImageFromArray(volume.array[0])
    steep = sitk.GetArrayFromImage(sitk.GradientMagnitudeRecursiveGaussian(image, 1.0))
    hundredths = np.round(100 * steep).astype(np.int32)
    faces = ndimage.generate_binary_structure(3, 1)
    filled = morphology.reconstruction(
        hundredths + 800, hundredths, method="erosion", footprint=faces
    )
    lowest = morphology.local_minima(filled.astype(np.int32), connectivity=1)
    minima = measure.label(lowest, connectivity=1)
    theirs = segmentation.watershed(hundredths, minima)
    assert len(found.labels) == theirs.max() == 2
    same = found.array == found.array[20, 20, 20]
    assert dice(same, theirs == theirs[20, 20, 20]) > 0.97


def test_an_active_contour_ends_where_scikit_images_does():
    segmentation = pytest.importorskip("skimage.segmentation")
    volume = grey_ball()
    start = ball(SHAPE, CENTRE_MM, 8, CUBES_MM)
    settings = medseg.classical.ContourSettings(balloon=0.5, iterations=200)

    moved = medseg.classical.active_contour(
        volume, labels(start, CUBES_MM), "lesion", settings
    )

    speed = segmentation.inverse_gaussian_gradient(volume.array[0] / 100, 1000, 1.0)
    theirs = segmentation.morphological_geodesic_active_contour(
        speed, 20, start, smoothing=1, threshold=0.3, balloon=1
    )
    assert dice(moved.mask("lesion"), theirs > 0) > 0.9
    assert dice(moved.mask("lesion"), BALL) > 0.95


def achievable(pieces: np.ndarray, truth: np.ndarray) -> float:
    """Share of voxels that are right when each piece takes its commonest label."""
    inside = np.bincount(pieces.ravel(), truth.ravel())
    total = np.bincount(pieces.ravel())
    return float(np.maximum(inside, total - inside).sum() / truth.size)


def test_supervoxels_follow_an_edge_as_well_as_scikit_images():
    segmentation = pytest.importorskip("skimage.segmentation")
    volume = grey_ball(5.0)
    settings = medseg.classical.SupervoxelSettings(edge_mm=6.0)

    ours = medseg.classical.supervoxels(volume, settings)

    theirs = segmentation.slic(
        volume.array[0] / 100,
        n_segments=len(ours.labels),
        compactness=0.2,
        channel_axis=None,
    )
    assert achievable(ours.array, BALL) > 0.97
    assert achievable(ours.array, BALL) > achievable(theirs, BALL) - 0.01


def test_the_largest_piece_is_scikit_images():
    measure = pytest.importorskip("skimage.measure")
    mask = BALL | ball(SHAPE, (4, 4, 4), 3, CUBES_MM)

    found = medseg.classical.keep_largest(labels(mask, CUBES_MM), "lesion")

    regions = measure.regionprops(measure.label(mask))
    largest = max(regions, key=lambda region: region.area)
    assert_array_equal(np.argwhere(found.mask("lesion")), largest.coords)


def test_a_hole_is_what_scikit_images_flood_from_outside_does_not_reach():
    segmentation = pytest.importorskip("skimage.segmentation")
    hollow = BALL & ~ball(SHAPE, CENTRE_MM, 5, CUBES_MM)

    found = medseg.classical.fill_holes(labels(hollow, CUBES_MM), "lesion")

    outside = segmentation.flood(hollow, (0, 0, 0), connectivity=1)
    assert_array_equal(found.mask("lesion"), ~outside)
