import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg
from tests.core.classical.scenes import SPACING_MM, ball, dice, noise, scan

SHAPE = (30, 40, 22)
LEFT = ball(SHAPE, (12, 18, 22), 8)
RIGHT = ball(SHAPE, (33, 18, 22), 8)
SEED_RAS_MM = (12.0, 18.0, 22.0)
CUBES_MM = (1.0, 1.0, 1.0)
ABOVE = medseg.classical.GrowSettings(lower=50.0)


def two_balls(deviation: float) -> medseg.Volume:
    return scan(np.where(LEFT | RIGHT, 100, 0) + noise(SHAPE, deviation))


def test_only_the_ball_with_the_seed_grows():
    chosen = medseg.classical.GrowSettings(lower=50.0, upper=200.0)

    found = medseg.classical.grow(two_balls(3), SEED_RAS_MM, chosen)

    assert_array_equal(found.mask("region"), LEFT)


def test_growing_agrees_with_scikit_image():
    segmentation = pytest.importorskip("skimage.segmentation")
    volume = two_balls(10)
    seed = tuple(np.round(np.array(SEED_RAS_MM) / SPACING_MM).astype(int))
    centre = float(volume.array[0][seed])
    chosen = medseg.classical.GrowSettings(lower=centre - 40, upper=centre + 40)

    found = medseg.classical.grow(volume, SEED_RAS_MM, chosen)

    theirs = segmentation.flood(volume.array[0], seed, tolerance=40, connectivity=1)
    assert_array_equal(found.array > 0, theirs)


def test_several_seeds_grow_together():
    chosen = medseg.classical.GrowSettings(lower=50.0)
    seeds = [SEED_RAS_MM, (33.0, 18.0, 22.0)]

    found = medseg.classical.grow(two_balls(3), seeds, chosen)

    assert_array_equal(found.mask("region"), LEFT | RIGHT)


def test_confidence_learns_the_range():
    chosen = medseg.classical.ConfidenceSettings(deviations=3.0)

    found = medseg.classical.grow_by_confidence(two_balls(8), SEED_RAS_MM, chosen)

    assert dice(found.mask("region"), LEFT) > 0.97


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_growing_is_the_face_connected_piece_of_scipy(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 3, rng.integers(1, 12, 3)).astype(np.int16)
    volume = scan(values, tuple(rng.uniform(0.4, 6.0, 3)))
    index = tuple(int(rng.integers(n)) for n in values.shape)
    at_seed = float(values[index])

    found = medseg.classical.grow(
        volume,
        volume.geometry.to_world(index),
        medseg.classical.GrowSettings(lower=at_seed, upper=at_seed),
    )

    pieces, _ = ndimage.label(values == at_seed)
    assert_array_equal(found.array > 0, pieces == pieces[index])


def test_confidence_agrees_with_itk_where_voxels_are_cubes():
    for seed in [(10, 10, 10), (4, 14, 9), (15, 5, 12)]:
        values = np.where(ball((20,) * 3, (9, 9, 9), 7, (1.0, 1.0, 1.0)), 60.0, 0.0)
        volume = scan(
            (values + noise((20,) * 3, 10)).astype(np.float32), (1.0, 1.0, 1.0)
        )
        ours = medseg.classical.grow_by_confidence(
            volume,
            [seed],
            medseg.classical.ConfidenceSettings(iterations=3, radius_mm=1.0),
        )

        theirs = sitk.ConfidenceConnected(
            sitk.GetImageFromArray(volume.array[0].T.copy()),
            [seed],
            numberOfIterations=3,
            multiplier=2.5,
            initialNeighborhoodRadius=1,
        )

        assert dice(ours.array > 0, sitk.GetArrayFromImage(theirs).T > 0) > 0.99


def test_a_seed_that_is_unlike_its_surroundings_still_grows():
    values = (np.where(LEFT, 100, 0) + noise(SHAPE, 3)).astype(np.float32)
    values[8, 18, 11] = 160  # the voxel that is clicked on

    found = medseg.classical.grow_by_confidence(scan(values), SEED_RAS_MM)

    assert dice(found.mask("region"), LEFT) > 0.9


def test_voxels_larger_than_the_box_still_have_neighbours():
    large = (6.0, 4.0, 8.0)
    values = np.where(ball(SHAPE, (48, 72, 88), 32, large), 100, 0) + noise(SHAPE, 8)
    volume = scan(values.astype(np.float32), large)

    found = medseg.classical.grow_by_confidence(volume, (48.0, 72.0, 88.0))

    assert dice(found.mask("region"), LEFT) > 0.9


@pytest.mark.parametrize(
    "seed", [(-30.0, 0.0, 0.0), (np.nan, 0.0, 0.0), (1e30, 0.0, 0.0)]
)
def test_a_seed_outside_is_refused(seed):
    with pytest.raises(medseg.WrongUse, match="outside the scan"):
        medseg.classical.grow(two_balls(0), seed, ABOVE)


@pytest.mark.parametrize("seeds", [[], [1.0, 2.0]])
def test_without_a_seed_nothing_can_grow(seeds):
    with pytest.raises(medseg.WrongUse, match="no seed"):
        medseg.classical.grow(two_balls(0), seeds, ABOVE)


def test_a_range_without_an_end_or_the_wrong_way_round_is_refused():
    wrong = medseg.classical.GrowSettings(lower=9.0, upper=-9.0)

    with pytest.raises(medseg.WrongUse, match="everything is found"):
        medseg.classical.grow(two_balls(0), SEED_RAS_MM)
    with pytest.raises(medseg.WrongUse, match="lower 9 is above upper -9"):
        medseg.classical.grow(two_balls(0), SEED_RAS_MM, wrong)


@pytest.mark.parametrize(
    ("method", "chosen"),
    [
        (medseg.classical.grow, medseg.classical.GrowSettings(lower=50.0)),
        (
            medseg.classical.grow_by_confidence,
            medseg.classical.ConfidenceSettings(),
        ),
    ],
)
def test_where_a_region_grew_from_is_kept(method, chosen):
    made = method(two_balls(1), SEED_RAS_MM, chosen).provenance

    assert made is not None
    assert made.settings[-1] == ("seeds_ras_mm", "12.0 18.0 22.0")
