import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from tests.core.classical.scenes import SPACING_MM, ball, dice, noise, scan

SHAPE = (30, 40, 22)
LEFT = ball(SHAPE, (12, 18, 22), 8)
RIGHT = ball(SHAPE, (33, 18, 22), 8)
SEED_RAS_MM = (12.0, 18.0, 22.0)


def two_balls(deviation: float) -> medseg.Volume:
    return scan(np.where(LEFT | RIGHT, 100, 0) + noise(SHAPE, deviation))


def test_only_the_ball_with_the_seed_grows():
    settings = medseg.classical.GrowSettings(lower=50.0, upper=200.0)

    found = medseg.classical.grow(two_balls(3), SEED_RAS_MM, settings)

    assert_array_equal(found.mask("region"), LEFT)


def test_growing_agrees_with_scikit_image():
    segmentation = pytest.importorskip("skimage.segmentation")
    volume = two_balls(10)
    seed = tuple(np.round(np.array(SEED_RAS_MM) / SPACING_MM).astype(int))
    centre = float(volume.array[0][seed])
    settings = medseg.classical.GrowSettings(lower=centre - 40, upper=centre + 40)

    found = medseg.classical.grow(volume, SEED_RAS_MM, settings)

    theirs = segmentation.flood(volume.array[0], seed, tolerance=40, connectivity=1)
    assert_array_equal(found.array > 0, theirs)


def test_several_seeds_grow_together():
    settings = medseg.classical.GrowSettings(lower=50.0)
    seeds = [SEED_RAS_MM, (33.0, 18.0, 22.0)]

    found = medseg.classical.grow(two_balls(3), seeds, settings)

    assert_array_equal(found.mask("region"), LEFT | RIGHT)


def test_confidence_learns_the_range():
    settings = medseg.classical.ConfidenceSettings(deviations=3.0)

    found = medseg.classical.grow_by_confidence(two_balls(8), SEED_RAS_MM, settings)

    assert dice(found.mask("region"), LEFT) > 0.97


def test_a_seed_outside_is_refused():
    with pytest.raises(medseg.WrongUse, match="outside the scan"):
        medseg.classical.grow(two_balls(0), (-30.0, 0.0, 0.0))


def test_without_a_seed_nothing_can_grow():
    with pytest.raises(medseg.WrongUse, match="no seed"):
        medseg.classical.grow(two_balls(0), [])
