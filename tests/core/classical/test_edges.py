import numpy as np
import pytest
from scipy import ndimage

import medseg
from tests.core.classical.scenes import SPACING_MM, ball, dice, labels, noise, scan

SHAPE = (40, 56, 28)
BALL = ball(SHAPE, (29, 27, 27), 14)


def grey_ball(deviation: float = 3.0) -> medseg.Volume:
    return scan(np.where(BALL, 100, 0) + noise(SHAPE, deviation))


def distance_from_surface_mm() -> np.ndarray:
    axes = [np.arange(n) * d for n, d in zip(SHAPE, SPACING_MM, strict=True)]
    i, j, k = np.meshgrid(*axes, indexing="ij")
    radius = np.sqrt((i - 29) ** 2 + (j - 27) ** 2 + (k - 27) ** 2)
    distance: np.ndarray = np.abs(radius - 14)
    return distance


def test_canny_edges_are_a_thin_shell_on_the_surface():
    settings = medseg.classical.CannySettings(sigma_mm=1.5, strong=15.0, weak=8.0)

    edges = medseg.classical.canny(grey_ball(), settings).mask("edge")

    assert distance_from_surface_mm()[edges].max() < 2.5
    # closed: it parts the inside from the outside
    pieces, _ = ndimage.label(~edges)
    assert pieces[19, 27, 13] != pieces[0, 0, 0]


def test_canny_agrees_with_scikit_image_in_the_plane():
    feature = pytest.importorskip("skimage.feature")
    disc = ball((48, 48, 1), (24, 24, 0), 14, (1.0, 1.0, 1.0))
    plane = np.where(disc[..., 0], 100.0, 0.0) + noise((48, 48, 1), 2)[..., 0]
    volume = scan(np.repeat(plane[..., None], 8, 2).astype(np.float32), (1.0, 1.0, 1.0))
    settings = medseg.classical.CannySettings(sigma_mm=1.5, strong=12.0, weak=6.0)

    ours = medseg.classical.canny(volume, settings).array[..., 4] > 0
    theirs = feature.canny(plane, 1.5, low_threshold=6, high_threshold=12)

    far = ndimage.distance_transform_edt(~theirs)[ours]
    back = ndimage.distance_transform_edt(~ours)[theirs]
    assert max(far.max(), back.max()) <= 1.5
    assert abs(int(ours.sum()) - int(theirs.sum())) < 0.15 * theirs.sum()


def test_steepness_is_in_intensity_per_mm():
    ramp = np.arange(30)[:, None, None] * np.ones((30, 12, 12)) * 6.0
    volume = scan(ramp.astype(np.float32))  # 6 a voxel of 1.5 mm: 4 a mm
    low = medseg.classical.GradientSettings(sigma_mm=1.0, steepness=3.9)
    high = medseg.classical.GradientSettings(sigma_mm=1.0, steepness=4.1)

    inner = np.s_[6:-6]

    assert medseg.classical.gradient_edges(volume, low).array[inner].all()
    assert not medseg.classical.gradient_edges(volume, high).array[inner].any()


def test_a_shrunken_structure_moves_out_to_the_edge():
    start = labels(ball(SHAPE, (29, 27, 27), 11))
    settings = medseg.classical.ContourSettings(balloon=0.5, iterations=200)

    moved = medseg.classical.active_contour(grey_ball(), start, "lesion", settings)

    assert dice(moved.mask("lesion"), BALL) > 0.95
    assert dice(start.mask("lesion"), BALL) < 0.7


def test_a_structure_too_large_is_pulled_in():
    start = labels(ball(SHAPE, (29, 27, 27), 17))
    settings = medseg.classical.ContourSettings(iterations=200)

    moved = medseg.classical.active_contour(grey_ball(), start, "lesion", settings)

    assert dice(moved.mask("lesion"), BALL) > 0.95


def test_another_structure_is_not_run_over():
    array = labels(ball(SHAPE, (29, 27, 27), 11)).array.copy()
    array[:, 36:] = 2
    settings = medseg.classical.ContourSettings(balloon=0.5, iterations=200)

    moved = medseg.classical.active_contour(
        grey_ball(), labels(array), "lesion", settings
    )

    assert (moved.array[:, 36:] == 2).all()


def test_an_empty_structure_stays_empty():
    moved = medseg.classical.active_contour(
        grey_ball(), labels(np.zeros(SHAPE)), "lesion"
    )

    assert not moved.array.any()


@pytest.mark.parametrize("shape", [(30, 40, 1), (1, 1, 1), (3, 20, 2)])
def test_a_contour_moves_in_a_scan_of_few_slices(shape):
    inside = np.ones(shape, bool)
    inside[:, shape[1] // 2 :] = shape[1] == 1

    moved = medseg.classical.active_contour(
        scan(np.where(inside, 100, 0).astype(np.int16)), labels(inside), "lesion"
    )

    assert np.mean(moved.mask("lesion") == inside) > 0.9
