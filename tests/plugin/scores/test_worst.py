import numpy as np
import pytest

import medseg
from napari_medseg.scores.work import compare
from napari_medseg.scores.worst import stops_of, worst_lesion, worst_slice
from tests.plugin.scans import LABELS, rotated


def label_map(array, degrees=0.0):
    geometry = medseg.Geometry.from_spacing(array.shape, (2.0, 1.5, 4.0))
    return medseg.Segmentation(
        array=array, geometry=rotated(geometry, degrees), labels=LABELS
    )


def pair(shape=(20, 22, 24)):
    return np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)


def compared(prediction, reference, degrees=0.0):
    return compare(label_map(prediction, degrees), label_map(reference, degrees), None)


def stops(comparison, label, axis=0):
    compared_pair = comparison.pair
    curves = medseg.slice_agreement(
        compared_pair.prediction, compared_pair.reference, label
    )
    return stops_of(comparison, label, curves, axis)


def voxel(comparison, stop):
    """Index (S, A, R) of the voxel a stop lies in."""
    placement = comparison.pair.placement
    index = (np.array(stop.position) - placement.translate) / placement.scale
    return tuple(np.round(index).astype(int).tolist())


def test_the_worst_slice_is_where_most_is_wrong_not_a_tip_of_few_voxels():
    prediction, reference = pair()
    prediction[5:15, 5:15, 5:15] = 1
    reference[5:15, 5:15, 4:15] = 1  # a whole slice was missed at the tip: 100 voxels
    reference[5:18, 5:18, 9] = 1  # 69 more
    reference[5:19, 5:19, 10] = 1  # 96 more
    comparison = compared(prediction, reference)

    counts = medseg.slice_agreement(
        comparison.pair.prediction, comparison.pair.reference, 1
    )[0]

    assert np.flatnonzero(counts.wrong).tolist() == [4, 9, 10]
    assert worst_slice(counts) == 4
    assert worst_slice(medseg.slice_agreement(*[comparison.pair.reference] * 2)[0]) is (
        None
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_view_goes_into_the_largest_patch_of_wrong_voxels(axis):
    prediction, reference = pair()
    prediction[5:15, 5:15, 5:15] = 1
    reference[5:15, 5:15, 5:15] = 1
    reference[2:4, 2:4, 2:4] = 1
    prediction[15:19, 16:20, 16:20] = 1
    comparison = compared(prediction, reference)

    *_, worst = stops(comparison, 1, axis)

    s, a, r = voxel(comparison, worst)
    assert prediction[r, a, s] == 1
    assert reference[r, a, s] == 0


@pytest.mark.parametrize("degrees", [0.0, 20.0])
def test_a_missed_lesion_is_worse_than_a_spurious_one(degrees):
    prediction, reference = pair()
    prediction[2:4, 2:4, 2:4] = 2  # found
    reference[2:4, 2:4, 2:5] = 2
    prediction[10:16, 10:16, 2:8] = 2  # spurious and large
    reference[2:4, 15:17, 15:17] = 2  # missed and small
    reference[10:13, 15:18, 15:18] = 2  # missed and larger
    comparison = compared(prediction, reference, degrees)

    first, lesion, _ = stops(comparison, 2)

    assert first.words == "the structure"
    assert lesion.words == "missed lesion of 0.32 ml"
    assert voxel(comparison, lesion) == (16, 16, 11)


def test_without_a_missed_one_the_spurious_is_worst_and_then_the_poorest():
    prediction, reference = pair()
    prediction[2:4, 2:4, 2:4] = 2
    reference[2:4, 2:4, 2:5] = 2
    poorest = worst_lesion(*compared(prediction, reference).scores.lesions)
    assert poorest is not None
    assert poorest.iou == pytest.approx(2 / 3)

    prediction[10:16, 10:16, 2:8] = 2
    spurious = worst_lesion(*compared(prediction, reference).scores.lesions)
    assert spurious is not None
    assert spurious.side is medseg.Side.PREDICTION
    assert spurious.partner is None


def test_what_is_perfect_or_nowhere_has_no_worst_place():
    prediction, reference = pair()
    prediction[5:15, 5:15, 5:15] = 1
    comparison = compared(prediction, prediction)

    assert [stop.words for stop in stops(comparison, 1)] == ["the structure"]
    assert stops(comparison, 2) == ()
    assert not reference.any()
