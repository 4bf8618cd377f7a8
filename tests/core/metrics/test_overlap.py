"""Voxel counts, Dice and IoU against formulas and other libraries."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from monai.metrics.meandice import DiceMetric
from monai.metrics.meaniou import MeanIoU
from sklearn.metrics import f1_score, jaccard_score

from medseg.core.structure_score import MaskState
from medseg.metrics.overlap import Overlap, count_voxels

LABELS = 4


@st.composite
def pairs_of_label_maps(draw):
    shape = draw(npst.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6))
    label_maps = npst.arrays(np.uint8, shape, elements=st.integers(0, LABELS))
    return draw(label_maps), draw(label_maps)


def counts(predicted: int, reference: int, shared: int) -> Overlap:
    return Overlap(predicted=predicted, reference=reference, shared=shared)


def test_dice_and_iou_of_two_overlapping_boxes_follow_from_their_sizes():
    prediction = np.zeros((20, 20, 20), np.uint8)
    reference = np.zeros((20, 20, 20), np.uint8)
    prediction[4:10, 4:10, 4:10] = 1
    reference[6:12, 4:10, 4:10] = 1
    overlap = count_voxels(prediction, reference).of(1)
    assert overlap == counts(216, 216, 4 * 6 * 6)
    assert overlap.dice == pytest.approx(2 / 3)
    assert overlap.iou == pytest.approx(1 / 2)


def test_one_more_slice_of_a_hundred_gives_the_published_dice():
    """DeepMind's surface_distance_test: 100 x 100 x 50 against 100 x 100 x 51."""
    prediction = np.zeros((100, 100, 100), np.uint8)
    reference = np.zeros((100, 100, 100), np.uint8)
    prediction[:51], reference[:50] = 1, 1
    assert count_voxels(prediction, reference).of(1).dice == pytest.approx(100 / 101)


def test_a_cross_over_a_square_gives_the_published_dice():
    """MetricsReloaded's test: 11 x 11, square of 5, cross of 9: Dice 0.862."""
    reference = np.zeros((11, 11, 1), np.uint8)
    reference[3:8, 3:8] = 1
    prediction = reference.copy()
    prediction[5, 1:10], prediction[1:10, 5] = 1, 1
    dice = count_voxels(prediction, reference).of(1).dice
    assert dice == pytest.approx(0.862, abs=5e-4)


@given(pairs_of_label_maps())
def test_scores_agree_with_scikit_learn(maps):
    prediction, reference = maps
    counted = count_voxels(prediction, reference)
    present = sorted({*counted.predicted_labels, *counted.reference_labels})
    if not present:
        return
    labels = reference.ravel(), prediction.ravel()
    dice = f1_score(*labels, labels=present, average=None, zero_division=0)
    iou = jaccard_score(*labels, labels=present, average=None, zero_division=0)
    overlaps = [counted.of(label) for label in present]
    assert [each.dice for each in overlaps] == pytest.approx(list(dice))
    assert [each.iou for each in overlaps] == pytest.approx(list(iou))


def test_scores_agree_with_monai():
    rng = np.random.default_rng(0)
    prediction, reference = rng.integers(0, 4, (2, 12, 10, 8))
    one_hot = [
        torch.nn.functional.one_hot(torch.from_numpy(each), 4).movedim(-1, 0)[None]
        for each in (prediction, reference)
    ]
    dice = DiceMetric(include_background=False)(*one_hot)[0]
    iou = MeanIoU(include_background=False)(*one_hot)[0]
    counted = count_voxels(prediction, reference)
    for label in (1, 2, 3):
        assert counted.of(label).dice == pytest.approx(float(dice[label - 1]))
        assert counted.of(label).iou == pytest.approx(float(iou[label - 1]))


@given(pairs_of_label_maps(), st.integers(1, LABELS))
def test_dice_is_symmetric_and_iou_follows_from_it(maps, label):
    prediction, reference = maps
    there = count_voxels(prediction, reference).of(label)
    back = count_voxels(reference, prediction).of(label)
    assert there.dice == back.dice
    if there.dice is not None and there.iou is not None:
        assert 0 <= there.iou <= there.dice <= 1
        assert there.iou == pytest.approx(there.dice / (2 - there.dice))


@given(pairs_of_label_maps(), st.permutations((0, 1, 2)), st.booleans())
def test_the_order_of_the_voxels_does_not_matter(maps, axes, flip):
    turned = [each.transpose(axes)[:: -1 if flip else 1] for each in maps]
    plain, other = count_voxels(*maps), count_voxels(*turned)
    np.testing.assert_array_equal(plain.shared, other.shared)
    np.testing.assert_array_equal(plain.predicted, other.predicted)
    np.testing.assert_array_equal(plain.reference, other.reference)


@given(pairs_of_label_maps())
def test_every_voxel_is_counted_once(maps):
    counted = count_voxels(*maps)
    assert counted.predicted.sum() == counted.reference.sum() == maps[0].size
    assert counted.shared.sum() == (maps[0] == maps[1]).sum()


def test_a_map_with_itself_scores_one():
    labels = np.arange(27, dtype=np.uint16).reshape(3, 3, 3) * 2000
    counted = count_voxels(labels, labels)
    assert counted.predicted_labels == counted.reference_labels
    assert {counted.of(each).dice for each in counted.reference_labels} == {1.0}
    assert {counted.of(each).iou for each in counted.reference_labels} == {1.0}


@pytest.mark.parametrize(
    ("overlap", "state", "dice"),
    [
        (counts(3, 4, 2), MaskState.BOTH_PRESENT, 4 / 7),
        (counts(3, 4, 0), MaskState.BOTH_PRESENT, 0.0),
        (counts(3, 0, 0), MaskState.REFERENCE_EMPTY, 0.0),
        (counts(0, 4, 0), MaskState.PREDICTION_EMPTY, 0.0),
        (counts(0, 0, 0), MaskState.BOTH_EMPTY, None),
    ],
)
def test_an_empty_mask_is_a_state_and_not_a_number(overlap, state, dice):
    assert overlap.state is state
    assert overlap.dice == pytest.approx(dice)
    assert (overlap.iou is None) == (overlap.dice is None)


def test_slabs_leave_nothing_out_of_a_large_scan():
    reference = np.zeros((200, 190, 180), np.uint8, order="F")
    reference[10:180, 20:150, 30:170] = 7
    prediction = np.ascontiguousarray(np.roll(reference, 5, axis=2))
    overlap = count_voxels(prediction, reference).of(7)
    assert overlap == counts(170 * 130 * 140, 170 * 130 * 140, 170 * 130 * 135)
