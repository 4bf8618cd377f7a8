import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg
from tests.core.classical.scenes import SPACING_MM, ball, labels

SHAPE = (50, 60, 34)


def touching(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two to four balls in a row, each reaching a little into the one before."""
    count = int(rng.integers(2, 5))
    radii = rng.uniform(6, 8, count)
    place = np.array([10.0, 14.0, 34.0]) + rng.uniform(-1, 1, 3)
    truth = np.zeros(SHAPE, int)
    way = np.array([0.92, 0.4, 0.0])
    for number, radius in enumerate(radii, start=1):
        inside = ball(SHAPE, (place[0], place[1], place[2]), radius)
        truth[inside & (truth == 0)] = number
        if number < count:
            place = place + way * (radius + radii[number]) * 0.88
    return truth > 0, truth


def test_touching_balls_are_counted_right():
    settings = medseg.classical.SplitSettings(neck_mm=0.5)
    right = 0
    for seed in range(20):
        mask, truth = touching(np.random.default_rng(seed))
        assert ndimage.label(mask)[1] == 1  # components alone miscount
        split = medseg.classical.split_touching(labels(mask), "lesion", settings)
        right += len(split.labels) == len(np.unique(truth[truth > 0]))

    assert right >= 18


def test_every_voxel_goes_to_its_own_ball():
    first, second = ball(SHAPE, (20, 25, 34), 10), ball(SHAPE, (36, 25, 34), 9)

    split = medseg.classical.split_touching(labels(first | second), "lesion")

    assert_array_equal(split.array > 0, first | second)
    own = first & ~second
    assert np.mean(split.mask("lesion 1")[own]) > 0.98
    assert split.volume_ml("lesion 1") > split.volume_ml("lesion 2")


def test_a_single_ball_stays_whole():
    split = medseg.classical.split_touching(
        labels(ball(SHAPE, (30, 30, 34), 14)), "lesion"
    )

    assert split.labels.names == ("lesion 1",)


def test_a_cut_parts_the_balls_and_takes_little():
    mask = ball(SHAPE, (20, 25, 34), 10) | ball(SHAPE, (36, 25, 34), 9)

    cut = medseg.classical.cut_touching(labels(mask), "lesion").mask("lesion")

    assert ndimage.label(cut, np.ones((3, 3, 3)))[1] == 2
    assert not (cut & ~mask).any()
    assert cut.sum() > 0.9 * mask.sum()


def test_splitting_agrees_with_scikit_image():
    segmentation = pytest.importorskip("skimage.segmentation")
    mask = ball(SHAPE, (20, 25, 34), 10) | ball(SHAPE, (36, 25, 34), 9)
    depth = ndimage.distance_transform_edt(mask, sampling=SPACING_MM)
    seeds = np.zeros(SHAPE, int)
    seeds[13, 25, 17], seeds[24, 25, 17] = 1, 2

    split = medseg.classical.split_touching(labels(mask), "lesion")

    theirs = segmentation.watershed(-depth, seeds, mask=mask)
    assert np.mean(split.array[mask] != theirs[mask]) < 0.03
