"""Lesions: told apart, matched one to one, counted."""

from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra import numpy as npst
from monai.metrics.panoptic_quality import compute_panoptic_quality
from scipy import ndimage

from medseg.core.geometry import Geometry
from medseg.core.lesions import Connectivity, LesionRules, LesionScores, Side
from medseg.metrics.lesions import score_lesions

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


def test_more_matches_win_over_a_greater_overlap():
    """A chain: greedy matching by IoU would take the middle and find only one."""
    reference = boxes((0, 4), (5, 9))
    prediction = boxes((3, 8)) | np.roll(boxes((0, 1)), (0, 0), (0, 1))
    prediction[1:3] = False
    found = scored(prediction, reference)
    assert counts(found) == (2, 0, 0)


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


def best_by_brute_force(ious: np.ndarray, threshold: float) -> tuple[int, float]:
    """Most matches, then the greatest sum, over all one-to-one matchings."""
    best = (0, 0.0)
    rows, columns = ious.shape
    for size in range(1, min(rows, columns) + 1):
        for chosen in combinations(range(rows), size):
            for partners in permutations(range(columns), size):
                values = ious[list(chosen), list(partners)]
                if (values > threshold).all():
                    best = max(best, (size, float(values.sum())))
    return best


@given(prediction=MASKS, reference=MASKS)
@settings(deadline=None, max_examples=60)
def test_the_matching_is_the_best_there_is(prediction, reference):
    faces = LesionRules(connectivity=Connectivity.FACES)
    a, predictions = ndimage.label(prediction)
    b, references = ndimage.label(reference)
    if predictions > 5 or references > 5:
        return
    ious = np.zeros((predictions, references))
    for p in range(predictions):
        for r in range(references):
            shared = np.count_nonzero((a == p + 1) & (b == r + 1))
            ious[p, r] = shared / np.count_nonzero((a == p + 1) | (b == r + 1))
    for each in scored(prediction, reference, faces).detections:
        wanted, summed = best_by_brute_force(ious, each.iou_threshold)
        assert each.found == wanted
        assert each.summed_iou == pytest.approx(summed)
        assert each.missed == references - wanted
        assert each.spurious == predictions - wanted


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


@pytest.mark.parametrize("seed", range(12))
def test_panoptic_quality_is_monais_on_the_same_instances(seed):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(24, 24, 24)), 1.6)
    reference = noise > np.quantile(noise, 0.85)
    moved = noise + 0.05 * ndimage.gaussian_filter(rng.normal(size=noise.shape), 1)
    prediction = np.roll(moved > np.quantile(moved, 0.86), 1, axis=0)
    box = ndimage.generate_binary_structure(3, 3)
    a, _ = ndimage.label(prediction, box)
    b, _ = ndimage.label(reference, box)
    for each in scored(prediction, reference).detections:
        if each.iou_threshold == 0 or not each.found:
            continue  # MONAI divides by zero, and has no threshold of 0
        values = {
            name: compute_panoptic_quality(
                torch.from_numpy(a),
                torch.from_numpy(b),
                metric_name=name,
                match_iou_threshold=each.iou_threshold,
            ).item()
            for name in ("pq", "sq", "rq")
        }
        assert each.f1 == pytest.approx(values["rq"], abs=1e-4)
        if each.iou_threshold == 0.5:  # below, MONAI matches by the sum of IoUs alone
            assert each.panoptic_quality == pytest.approx(values["pq"], abs=1e-4)
            assert each.segmentation_quality == pytest.approx(values["sq"], abs=1e-4)


def test_where_the_lesions_lie_in_the_image_does_not_matter():
    reference, prediction = boxes((0, 4), (6, 9)), boxes((1, 4), (12, 14))
    here = scored(prediction, reference)
    there = scored(np.pad(prediction, 5), np.pad(reference, 5))
    assert here.detections == there.detections
    assert [each.volume_ml for each in here.lesions] == [
        each.volume_ml for each in there.lesions
    ]
