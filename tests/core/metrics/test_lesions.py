"""Lesions: told apart, measured, counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage
from scipy.spatial.transform import Rotation

from medseg.core.geometry import Geometry
from medseg.core.lesions import (
    BratsRules,
    Connectivity,
    LesionRules,
    LesionScores,
    Side,
)
from medseg.metrics.brats import brats_score
from medseg.metrics.lesions import score_lesions
from tests.core.making import geometries

MASKS = npst.arrays(bool, (5, 4, 3))


def scored(prediction, reference, rules=None, affine=None) -> LesionScores:
    prediction, reference = np.asarray(prediction), np.asarray(reference)
    geometry = Geometry(
        affine=np.eye(4) if affine is None else affine, shape=reference.shape
    )
    return score_lesions(
        prediction,
        reference,
        geometry,
        rules or LesionRules(),
        structure="tumour",
        label=1,
    )


def boxes(*corners, shape=(20, 20, 20)) -> np.ndarray:
    """A mask of boxes, each given by its slices along i; 4 x 4 along j and k."""
    mask = np.zeros(shape, bool)
    for start, stop in corners:
        mask[start:stop, 2:6, 2:6] = True
    return mask


def counts(scores: LesionScores, threshold=0.0) -> tuple[int, int, int]:
    for each in scores.detections:
        if each.iou_threshold == threshold:
            return each.found, each.missed, each.spurious
    raise AssertionError(threshold)


@pytest.mark.parametrize(
    ("second", "connectivity", "lesions"),
    [
        ((1, 0, 0), Connectivity.FACES, 1),
        ((1, 1, 0), Connectivity.FACES, 2),
        ((1, 1, 0), Connectivity.EDGES, 1),
        ((1, 1, 1), Connectivity.EDGES, 2),
        ((1, 1, 1), Connectivity.CORNERS, 1),
        ((2, 0, 0), Connectivity.CORNERS, 2),
    ],
)
def test_two_voxels_are_one_lesion_by_the_declared_neighbours(
    second, connectivity, lesions
):
    mask = np.zeros((4, 4, 4), bool)
    mask[0, 0, 0] = mask[second] = True
    rules = LesionRules(connectivity=connectivity)
    found = scored(np.zeros_like(mask), mask, rules)
    assert counts(found) == (0, lesions, 0)


def test_two_lesions_that_one_prediction_covers_are_one_found_and_one_missed():
    reference = boxes((0, 4), (6, 9))
    found = scored(boxes((0, 9)), reference)
    assert counts(found) == (1, 1, 0)
    # 4 of 9 slices agree with the larger lesion
    assert found.detections[0].summed_iou == pytest.approx(4 / 9)


def test_a_lesion_split_in_two_is_found_once_with_one_spurious_piece():
    assert counts(scored(boxes((0, 4), (6, 9)), boxes((0, 9)))) == (1, 0, 1)


def test_a_match_needs_more_than_the_threshold():
    half = scored(boxes((0, 2)), boxes((0, 4)))
    assert counts(half, 0.25) == (1, 0, 0)
    assert counts(half, 0.5) == (0, 1, 1)


def test_small_pieces_are_left_out_of_both_maps():
    speck = np.zeros((20, 20, 20), bool)
    speck[15, 15, 15] = True
    rules = LesionRules(minimum_mm3=10.0)
    affine = np.diag([2.0, 1.0, 3.0, 1.0])  # a voxel has 6 mm3
    found = scored(boxes((0, 2)) | speck, boxes((0, 2)), rules, affine)
    assert counts(found) == (1, 0, 0)
    assert counts(scored(boxes((0, 2)), boxes((0, 2)) | speck, rules, affine)) == (
        1,
        0,
        0,
    )
    exactly = LesionRules(minimum_mm3=6.0)
    assert counts(scored(boxes((0, 2)) | speck, boxes((0, 2)), exactly, affine))[2] == 1


def test_volume_and_centre_are_those_in_the_patient():
    affine = np.array(
        [[0, -2.0, 0, 30], [1.5, 0, 0, -7], [0, 0, 4.0, 11], [0, 0, 0, 1]]
    )
    reference = np.zeros((8, 9, 10), bool)
    reference[3:5, 4, 6:9] = True
    (lesion,) = scored(np.zeros_like(reference), reference, affine=affine).lesions
    assert lesion.side is Side.REFERENCE
    assert lesion.volume_ml == pytest.approx(6 * 12 / 1000)
    wanted = affine @ [3.5, 4, 7, 1]
    assert lesion.centre_ras_mm == pytest.approx(tuple(wanted[:3]))


def test_partners_name_each_other_and_share_the_overlap():
    found = scored(boxes((0, 3), (10, 12)), boxes((0, 4), (15, 17)))
    reference = [each for each in found.lesions if each.side is Side.REFERENCE]
    predicted = [each for each in found.lesions if each.side is Side.PREDICTION]
    assert [each.number for each in reference] == [1, 2]
    assert [each.partner for each in reference] == [1, None]
    assert [each.partner for each in predicted] == [1, None]
    assert [each.iou for each in reference] == pytest.approx([0.75, 0])
    assert [each.iou for each in predicted] == pytest.approx([0.75, 0])


def test_without_any_lesion_nothing_is_defined():
    empty = np.zeros((3, 3, 3), bool)
    found = scored(empty, empty)
    assert found.lesions == ()
    for each in found.detections:
        assert (each.found, each.missed, each.spurious) == (0, 0, 0)
        assert each.f1 is each.sensitivity is each.precision is None
        assert each.panoptic_quality is each.segmentation_quality is None


@given(prediction=MASKS, reference=MASKS)
@settings(deadline=None, max_examples=60)
def test_swapping_the_maps_swaps_missed_and_spurious(prediction, reference):
    there, back = scored(prediction, reference), scored(reference, prediction)
    for a, b in zip(there.detections, back.detections, strict=True):
        assert (a.found, a.missed, a.spurious) == (b.found, b.spurious, b.missed)
        assert a.summed_iou == pytest.approx(b.summed_iou)
        assert a.f1 == b.f1
        if a.found and a.precision and a.sensitivity:
            harmonic = 2 / (1 / a.precision + 1 / a.sensitivity)
            assert a.f1 == pytest.approx(harmonic)
        if a.segmentation_quality and a.f1:
            assert a.panoptic_quality == pytest.approx(a.segmentation_quality * a.f1)


def test_where_the_lesions_lie_in_the_image_does_not_matter():
    reference, prediction = boxes((0, 4), (6, 9)), boxes((1, 4), (12, 14))
    here = scored(prediction, reference)
    there = scored(np.pad(prediction, 5), np.pad(reference, 5))
    assert here.detections == there.detections
    assert [each.volume_ml for each in here.lesions] == [
        each.volume_ml for each in there.lesions
    ]


@given(data=st.data(), geometry=geometries())
@settings(deadline=None, max_examples=60)
def test_each_lesion_is_where_and_as_large_as_its_voxels_say(data, geometry):
    mask = data.draw(npst.arrays(bool, geometry.shape))
    laid_out = data.draw(st.sampled_from([np.asarray, np.asfortranarray]))(mask)
    numbers, count = ndimage.label(mask, ndimage.generate_binary_structure(3, 3))
    found = scored(laid_out, np.zeros_like(mask), affine=geometry.affine).lesions
    assert [each.number for each in found] == list(range(1, count + 1))
    by_first_voxel = list(dict.fromkeys(numbers[numbers > 0].tolist()))
    for lesion, number in zip(found, by_first_voxel, strict=True):
        places = np.argwhere(numbers == number)
        wanted = geometry.to_world(places).mean(axis=0)
        assert lesion.side is Side.PREDICTION
        assert lesion.centre_ras_mm == pytest.approx(tuple(wanted), abs=1e-6)
        volume_ml = len(places) * np.prod(geometry.spacing_mm) / 1000
        assert lesion.volume_ml == pytest.approx(volume_ml)


def turned_as_files_keep_it(spacing_mm=(1.0, 1.0, 1.0)) -> np.ndarray:
    """The affine of a tilted scan, in the 32 bits that NIfTI has for it."""
    turn = Rotation.from_euler("xyz", (11, -7, 23), degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = (turn * spacing_mm).astype(np.float32)
    return affine


def test_rounding_of_the_affine_does_not_make_a_lesion_too_small():
    affine = turned_as_files_keep_it((1.0, 1.0, 0.7))
    mask = boxes((0, 2))
    for voxel_mm3 in (0.7, 0.7 * (1 - 1e-7), 0.7 * (1 + 1e-7)):
        rules = LesionRules(minimum_mm3=mask.sum() * voxel_mm3)
        assert counts(scored(mask, mask, rules, affine)) == (1, 0, 0)
    more = LesionRules(minimum_mm3=(mask.sum() + 0.01) * 0.7)
    assert counts(scored(mask, mask, more, affine)) == (0, 0, 0)


def test_lesions_left_out_leave_no_gap_in_the_numbers():
    speck = np.zeros((20, 20, 20), bool)
    speck[5, 4, 4] = True
    mask = boxes((0, 3), (8, 12)) | speck
    found = scored(mask, mask, LesionRules(minimum_mm3=2.0))
    assert [(each.number, each.partner) for each in found.lesions] == [
        (1, 1),
        (2, 2),
    ] * 2
    assert [each.volume_ml for each in found.lesions] == [0.048, 0.064] * 2
    assert found.lesions[1].centre_ras_mm == (9.5, 3.5, 3.5)


def test_a_lesion_at_the_end_of_a_row_is_not_one_with_the_next_rows_first():
    mask = np.zeros((3, 3, 4), bool)
    mask[0, 0, 3] = mask[0, 1, 0] = mask[2, 2, 3] = True
    found = scored(mask, np.zeros_like(mask)).lesions
    centres = [each.centre_ras_mm for each in found]
    assert centres == [(0, 0, 3), (0, 1, 0), (2, 2, 3)]


def test_the_challenges_scores_come_with_the_lesions_when_asked_for():
    reference, prediction = boxes((2, 6), (12, 15)), boxes((3, 6))
    rules = LesionRules(brats=BratsRules.METASTASES, minimum_mm3=1e6)
    affine = turned_as_files_keep_it((1.0, 0.5, 2.0))
    found = scored(prediction, reference, rules, affine)
    assert found.lesions == ()  # the challenge has a minimum of its own
    assert found.brats is not None
    spacing_mm = Geometry(reference.shape, affine).spacing_mm
    wanted = brats_score(prediction, reference, spacing_mm, BratsRules.METASTASES)
    assert found.brats == wanted
    assert scored(prediction, reference).brats is None
