import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg
from tests.core.classical.scenes import noise, scan

SHAPE = (24, 24, 16)


def layers(deviation: float) -> tuple[np.ndarray, medseg.Volume]:
    """Three slabs, the brightest one thin."""
    truth = np.ones(SHAPE, int)
    truth[10:], truth[20:] = 2, 3
    means = np.array([0.0, -80.0, 60.0, 200.0])
    return truth, scan((means[truth] + noise(SHAPE, deviation)).astype(np.float32))


def test_kmeans_finds_the_slabs():
    truth, volume = layers(12)

    found = medseg.classical.kmeans(volume)

    assert_array_equal(found.array, truth)


def test_kmeans_agrees_with_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster")
    _, volume = layers(60)
    values = volume.array[0].reshape(-1, 1)

    found = medseg.classical.kmeans(volume).array.ravel()
    fit = cluster.KMeans(3, n_init=5, random_state=0).fit(values)

    rank = np.argsort(np.argsort(fit.cluster_centers_.ravel())) + 1
    assert np.mean(found != rank[fit.labels_]) < 0.005


def test_kmeans_is_what_multi_otsu_looks_for():
    _, volume = layers(40)

    clusters = medseg.classical.kmeans(volume).array
    otsu = medseg.classical.otsu(volume, medseg.classical.OtsuSettings(classes=3))

    assert np.mean(clusters - 1 != otsu.array) < 0.005


def test_a_mixture_tells_a_wide_class_from_a_narrow_one():
    rng = np.random.default_rng(1)
    truth = np.ones(SHAPE, int)
    truth[4:] = 2
    values = np.where(truth == 1, rng.normal(0, 4, SHAPE), rng.normal(60, 30, SHAPE))
    volume = scan(values.astype(np.float32))
    settings = medseg.classical.ClusterSettings(classes=2)

    mixture = np.mean(
        medseg.classical.gaussian_mixture(volume, settings).array != truth
    )
    kmeans = np.mean(medseg.classical.kmeans(volume, settings).array != truth)

    assert mixture < 0.05
    assert mixture < kmeans / 2


def test_a_mixture_agrees_with_scikit_learn():
    mixture = pytest.importorskip("sklearn.mixture")
    _, volume = layers(50)
    values = volume.array[0].reshape(-1, 1).astype(np.float64)

    found = medseg.classical.gaussian_mixture(volume).array.ravel()
    fit = mixture.GaussianMixture(3, tol=1e-6, max_iter=500, random_state=0).fit(values)

    rank = np.argsort(np.argsort(fit.means_.ravel())) + 1
    assert np.mean(found != rank[fit.predict(values)]) < 0.02


def test_supervoxels_help_against_noise():
    truth, volume = layers(70)
    by_voxel = medseg.classical.kmeans(volume).array
    settings = medseg.classical.ClusterSettings(supervoxel_mm=5.0)

    by_piece = medseg.classical.kmeans(volume, settings).array

    assert np.mean(by_piece != truth) < np.mean(by_voxel != truth) / 2


def test_supervoxels_are_connected_and_of_the_size_asked_for():
    _, volume = layers(5)
    settings = medseg.classical.SupervoxelSettings(edge_mm=6.0)

    found = medseg.classical.supervoxels(volume, settings)

    volume_mm3 = np.prod(np.array(SHAPE) * volume.geometry.spacing_mm)
    assert len(found.labels) == pytest.approx(volume_mm3 / 6**3, rel=0.5)
    pieces = [
        ndimage.label(found.array == id_, np.ones((3, 3, 3)))[1]
        for id_ in found.labels.ids[:20]
    ]
    assert set(pieces) == {1}


def test_a_scan_of_one_value_is_one_class():
    flat = scan(np.full(SHAPE, 7, np.int16))

    for method in (medseg.classical.kmeans, medseg.classical.gaussian_mixture):
        assert len(np.unique(method(flat).array)) == 1


@pytest.mark.parametrize("shape", [(1, 1, 1), (11, 10, 1), (33, 37, 1), (2, 30, 3)])
def test_supervoxels_may_be_larger_than_the_scan(shape):
    volume = scan(noise(shape, 50), (1.0, 1.0, 5.0))
    chosen = medseg.classical.SupervoxelSettings(edge_mm=20.0)

    found = medseg.classical.supervoxels(volume, chosen)

    assert found.array.min() == 1
    assert set(np.unique(found.array)) == set(found.labels.ids)


@pytest.mark.parametrize(
    "method",
    [medseg.classical.kmeans, medseg.classical.gaussian_mixture],
)
def test_fewer_values_than_classes_leave_classes_empty(method):
    values = np.zeros(SHAPE, np.uint8)
    values[12:] = 1

    found = method(scan(values), medseg.classical.ClusterSettings(classes=5)).array

    assert len(np.unique(found)) == 2
    assert found[0, 0, 0] < found[-1, 0, 0]


def test_pieces_are_the_same_each_time():
    _, volume = layers(30)

    first, again = (medseg.classical.supervoxels(volume).array for _ in range(2))

    assert_array_equal(first, again)
