"""Lesions matched one to one: the best there is, by brute force, SciPy and MONAI."""

from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis.extra import numpy as npst
from monai.metrics.panoptic_quality import compute_panoptic_quality
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from medseg.core.geometry import Geometry
from medseg.core.lesions import Connectivity, LesionRules, LesionScores, Side
from medseg.metrics.lesions import score_lesions

MASKS = npst.arrays(bool, (5, 4, 3))
FACES = LesionRules(connectivity=Connectivity.FACES)


def scored(prediction, reference, rules=None) -> LesionScores:
    geometry = Geometry(affine=np.eye(4), shape=reference.shape)
    return score_lesions(
        prediction,
        reference,
        geometry,
        rules or LesionRules(),
        structure="tumour",
        label=1,
    )


def row(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and reference in a row of voxels: p, r, or b for both."""
    there = np.array(list(text))[:, None, None]
    return np.isin(there, ["p", "b"]), np.isin(there, ["r", "b"])


def instances(prediction, reference, connectivity=1):
    shape = ndimage.generate_binary_structure(3, connectivity)
    return ndimage.label(prediction, shape), ndimage.label(reference, shape)


def all_ious(prediction, reference, connectivity=1) -> np.ndarray:
    """IoU of each piece of the prediction with each of the reference."""
    (a, predictions), (b, references) = instances(prediction, reference, connectivity)
    places = np.stack([a.ravel(), b.ravel()])
    shared = np.zeros((predictions + 1, references + 1))
    np.add.at(shared, tuple(places), 1)
    union = shared.sum(1)[:, None] + shared.sum(0) - shared
    return np.asarray(shared[1:, 1:] / union[1:, 1:])


def test_the_worked_example_of_monai_has_its_values():
    """Their 4 x 4 example, each pixel 4 voxels long, so that instances are pieces.

    Matches are IoU 0.4, 0.4 and 1; one reference lesion and one predicted are alone.
    """
    text = "rbbbpbbbbbbbbrrrrrbbbpbbbbbbbbrrrrrrrr.pppppppp.bbbb"
    rules = LesionRules(iou_thresholds=(0.3, 0.5))
    at_03, at_05 = scored(*row(text), rules).detections
    assert at_05.panoptic_quality == pytest.approx(0.25)
    assert at_03.segmentation_quality == pytest.approx(0.6)
    assert at_03.f1 == pytest.approx(0.75)


def test_more_matches_win_over_a_greater_overlap():
    """Greedy by IoU takes the long overlap in the middle and leaves two alone."""
    chain = row("rrbppbbbbbrrbpp")
    ious = all_ious(*chain)
    assert ious[0, 1] == ious.max()
    detection = scored(*chain).detections[0]
    assert (detection.found, detection.missed, detection.spurious) == (2, 0, 0)
    assert detection.summed_iou == pytest.approx(ious[0, 0] + ious[1, 1])
    assert detection.summed_iou < ious.max()


def test_of_equally_many_matches_those_with_the_greatest_sum_win():
    prediction, reference = row("bbrrrbbbb")
    assert scored(prediction, reference).detections[0].summed_iou == pytest.approx(
        4 / 9
    )
    partners = [each.partner for each in scored(prediction, reference).lesions]
    assert partners == [2, None, 1]


def test_ties_are_counted_once():
    found = scored(*row("bbrbb"))
    detection = found.detections[0]
    assert (detection.found, detection.missed, detection.spurious) == (1, 0, 1)
    assert detection.summed_iou == pytest.approx(0.4)
    (lesion, *pieces) = found.lesions
    assert sorted(each.partner is None for each in pieces) == [False, True]
    assert [each.number for each in pieces if each.partner] == [lesion.partner]


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
    ious = all_ious(prediction, reference)
    predictions, references = ious.shape
    assume(max(ious.shape) <= 5)
    for each in scored(prediction, reference, FACES).detections:
        wanted, summed = best_by_brute_force(ious, each.iou_threshold)
        assert each.found == wanted
        assert each.summed_iou == pytest.approx(summed)
        assert each.missed == references - wanted
        assert each.spurious == predictions - wanted


@pytest.mark.parametrize("share", [0.05, 0.2, 0.32, 0.5])
def test_the_matching_of_thousands_is_as_good_as_scipys(share):
    """Noise in both maps: the hardest to match, since pieces form long chains."""
    rng = np.random.default_rng(int(100 * share))
    prediction, reference = rng.random((2, 28, 26, 24)) < share
    ious = all_ious(prediction, reference)
    for each in scored(prediction, reference, FACES).detections:
        worth = np.where(ious > each.iou_threshold, ious + min(ious.shape) + 1, 0)
        chosen = linear_sum_assignment(worth, maximize=True)
        matched = ious[chosen][worth[chosen] > 0]
        assert each.found == len(matched)
        assert each.summed_iou == pytest.approx(matched.sum())


@given(prediction=MASKS, reference=MASKS)
@settings(deadline=None, max_examples=60)
def test_partners_are_one_to_one_and_give_their_own_iou(prediction, reference):
    ious = all_ious(prediction, reference)
    found = scored(prediction, reference, FACES)
    wanted, predicted = (
        {each.number: each for each in found.lesions if each.side is side}
        for side in Side
    )
    for number, lesion in predicted.items():
        if lesion.partner is None:
            assert lesion.iou == 0
            continue
        assert wanted[lesion.partner].partner == number
        assert wanted[lesion.partner].iou == lesion.iou
        assert lesion.iou == pytest.approx(ious[number - 1, lesion.partner - 1])
    pairs = [each for each in predicted.values() if each.partner]
    assert len(pairs) == sum(each.partner is not None for each in wanted.values())
    assert len(pairs) == found.detections[0].found


@pytest.mark.parametrize("seed", range(12))
def test_panoptic_quality_is_monais_on_the_same_instances(seed):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(24, 24, 24)), 1.6)
    reference = noise > np.quantile(noise, 0.85)
    moved = noise + 0.05 * ndimage.gaussian_filter(rng.normal(size=noise.shape), 1)
    prediction = np.roll(moved > np.quantile(moved, 0.86), 1, axis=0)
    (a, _), (b, _) = instances(prediction, reference, connectivity=3)
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
