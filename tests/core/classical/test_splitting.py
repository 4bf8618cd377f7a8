from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    chosen = medseg.classical.SplitSettings(neck_mm=0.5)
    right = 0
    for seed in range(20):
        mask, truth = touching(np.random.default_rng(seed))
        assert ndimage.label(mask)[1] == 1  # components alone miscount
        split = medseg.classical.split_touching(labels(mask), "lesion", chosen)
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


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_blob_is_one_piece_and_never_of_two(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 14, 3)) < rng.uniform(0.02, 0.5)
    spacing_mm = tuple(rng.uniform(0.3, 6.0, 3))

    split = medseg.classical.split_touching(labels(mask, spacing_mm), "lesion").array

    everywhere = np.ones((3, 3, 3))
    pieces, _ = ndimage.label(mask, everywhere)
    assert_array_equal(split > 0, mask)
    for number in range(1, int(split.max(initial=0)) + 1):
        assert len(np.unique(pieces[split == number])) == 1
        assert ndimage.label(split == number, everywhere)[1] == 1


def test_small_lesions_that_do_not_touch_are_counted():
    mask = np.zeros(SHAPE, bool)
    mask[2:9, 2:9, 2:9] = True
    mask[30, 30, 15] = mask[2, 40, 15] = True  # of one voxel
    mask[40:42, 2:4, 3] = True  # in one slice

    split = medseg.classical.split_touching(labels(mask), "lesion")

    assert len(split.labels) == 4


def test_an_empty_structure_has_no_blobs():
    split = medseg.classical.split_touching(labels(np.zeros(SHAPE)), "lesion")

    assert len(split.labels) == 0
    assert not split.array.any()


def test_blobs_are_split_alike_before_a_label_map_is_stored_and_after():
    phantom = medseg.make_touching_tumours(
        0, shape=(56, 52, 44), spacing_mm=(2.2, 2.2, 2.2)
    )
    grid = phantom.reference.geometry
    stored = grid.affine.astype(np.float32).astype(np.float64)
    again = replace(phantom.reference, geometry=medseg.Geometry(grid.shape, stored))
    name = "liver tumour"

    split = medseg.classical.split_touching(phantom.reference, name)

    assert_array_equal(medseg.classical.split_touching(again, name).array, split.array)


def test_blobs_are_parted_at_the_necks_that_part_lesions():
    assert (
        medseg.classical.SplitSettings().neck_mm == medseg.DistanceWatershed().neck_mm
    )
