"""The lesion-wise scores of BraTS 2023, against a slow reading of its rules."""

import numpy as np
import pytest
import surface_distance
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from medseg.core.lesions import BratsRules, BratsScore
from medseg.metrics.brats import brats_score
from tests.core.making import ORIENTATIONS, turned

CORNERS = ndimage.generate_binary_structure(3, 3)
EDGES = ndimage.generate_binary_structure(3, 2)
PARAMETERS = {
    BratsRules.GLIOMA: (3, 50),
    BratsRules.SUB_SAHARAN: (3, 50),
    BratsRules.PAEDIATRIC: (3, 50),
    BratsRules.MENINGIOMA: (1, 50),
    BratsRules.METASTASES: (1, 2),
}


def slow_scores(prediction, reference, spacing_mm, rules) -> BratsScore:
    """One lesion after the other over whole arrays."""
    dilation, ignored_mm3 = PARAMETERS[rules]
    pieces, count = ndimage.label(prediction, CORNERS)
    wide, lesions = ndimage.label(
        ndimage.binary_dilation(reference, EDGES, dilation), CORNERS
    )
    touched, values, found = set(), [], 0
    for number in range(1, lesions + 1):
        lesion = (wide == number) & reference
        near = ndimage.binary_dilation(lesion, EDGES, dilation)
        own = set(np.unique(pieces[near])) - {0}
        touched |= own
        if lesion.sum() * np.prod(spacing_mm) <= ignored_mm3:
            continue
        if not own:
            values.append((0.0, 374.0))
            continue
        found += 1
        united = np.isin(pieces, list(own))
        dice = 2 * (lesion & united).sum() / (lesion.sum() + united.sum())
        distances = surface_distance.compute_surface_distances(
            lesion, united, spacing_mm
        )
        hd95 = surface_distance.compute_robust_hausdorff(distances, 95)
        values.append((dice, hd95))
    missed, spurious = len(values) - found, count - len(touched)
    values += [(0.0, 374.0)] * spurious
    dice, hd95_mm = np.mean(values, axis=0) if values else (1.0, 0.0)
    return BratsScore(
        rules=rules,
        dice=float(dice),
        hd95_mm=float(hd95_mm),
        found=found,
        missed=missed,
        spurious=spurious,
    )


def assert_same(a: BratsScore, b: BratsScore) -> None:
    assert (a.found, a.missed, a.spurious) == (b.found, b.missed, b.spurious)
    assert a.dice == pytest.approx(b.dice)
    assert a.hd95_mm == pytest.approx(b.hd95_mm)


def blobs(seed, share, shape=(40, 36, 30)) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 2)
    return np.asarray(smooth > np.quantile(smooth, 1 - share))


@pytest.mark.filterwarnings("ignore:Please import .* from:DeprecationWarning")
@pytest.mark.parametrize("rules", BratsRules)
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_the_rules_read_slowly(rules, seed):
    spacing_mm = [(1.0, 1.0, 1.0), (1.0, 0.5, 2.0), (2.5, 1.0, 1.0)][seed]
    reference = blobs(seed, 0.04)
    prediction = np.roll(reference, 1, axis=1) & ~blobs(seed + 50, 0.3)
    prediction |= blobs(seed + 100, 0.01)
    found = brats_score(prediction, reference, spacing_mm, rules)
    assert_same(found, slow_scores(prediction, reference, spacing_mm, rules))
    assert found.found
    assert found.spurious


@pytest.mark.filterwarnings("ignore:Please import .* from:DeprecationWarning")
@pytest.mark.parametrize("rules", [BratsRules.PAEDIATRIC, BratsRules.METASTASES])
@pytest.mark.parametrize("share", [0.002, 0.01, 0.05])
def test_specks_that_reach_the_edges_of_the_image_are_scored_by_the_rules(rules, share):
    rng = np.random.default_rng(7)
    prediction, reference = rng.random((2, 18, 17, 16)) < share
    spacing_mm = (1.5, 1.0, 2.0)  # 3 mm3 a voxel
    found = brats_score(prediction, reference, spacing_mm, rules)
    assert_same(found, slow_scores(prediction, reference, spacing_mm, rules))


def cube(start, side=4, shape=(40, 20, 20)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[start : start + side, 5 : 5 + side, 5 : 5 + side] = True
    return mask


ISOTROPIC = (1.0, 1.0, 1.0)


def test_a_missed_lesion_is_a_dice_of_0_and_374_mm():
    both = cube(2) | cube(25)
    found = brats_score(cube(2), both, ISOTROPIC, BratsRules.GLIOMA)
    assert (found.found, found.missed, found.spurious) == (1, 1, 0)
    assert found.dice == pytest.approx(0.5)
    assert found.hd95_mm == pytest.approx(374 / 2)


def test_a_spurious_lesion_counts_the_same():
    both = cube(2) | cube(25)
    found = brats_score(both, cube(2), ISOTROPIC, BratsRules.GLIOMA)
    assert (found.found, found.missed, found.spurious) == (1, 0, 1)
    assert found.dice == pytest.approx(0.5)
    assert found.hd95_mm == pytest.approx(374 / 2)


def test_lesions_that_meet_when_dilated_are_one():
    near = cube(2) | cube(10)  # four voxels apart, three dilated on each side
    one = brats_score(cube(2), near, ISOTROPIC, BratsRules.GLIOMA)
    assert (one.found, one.missed) == (1, 0)
    assert one.dice == pytest.approx(2 / 3)
    two = brats_score(cube(2), near, ISOTROPIC, BratsRules.MENINGIOMA)
    assert (two.found, two.missed) == (1, 1)


def test_a_predicted_piece_counts_whole_for_every_lesion_it_touches():
    reference, prediction = cube(2) | cube(25), cube(2) | cube(25)
    prediction[2:29, 6, 6] = True  # a bridge of 19 voxels between the two
    found = brats_score(prediction, reference, ISOTROPIC, BratsRules.GLIOMA)
    assert (found.found, found.missed, found.spurious) == (2, 0, 0)
    assert found.dice == pytest.approx(2 * 64 / (64 + 128 + 19))


def test_all_pieces_that_touch_a_lesion_are_its_prediction_together():
    prediction = cube(2)
    prediction[4] = False  # 32 and 16 voxels are left
    found = brats_score(prediction, cube(2), ISOTROPIC, BratsRules.MENINGIOMA)
    assert (found.found, found.missed, found.spurious) == (1, 0, 0)
    assert found.dice == pytest.approx(2 * 48 / (64 + 48))


def test_near_is_found_though_nothing_is_shared():
    """The gap is 2 voxels: 3 dilations reach over it, 1 does not."""
    reference, prediction = cube(2), cube(8)
    found = brats_score(prediction, reference, (2.0, 1.0, 1.0), BratsRules.GLIOMA)
    assert (found.found, found.missed, found.spurious) == (1, 0, 0)
    assert (found.dice, found.hd95_mm) == (0.0, 12.0)  # 6 voxels of 2 mm
    far = brats_score(prediction, reference, (2.0, 1.0, 1.0), BratsRules.MENINGIOMA)
    assert (far.found, far.missed, far.spurious) == (0, 1, 1)
    assert (far.dice, far.hd95_mm) == (0.0, 374.0)


def test_small_lesions_are_not_missed_but_small_pieces_are_spurious():
    small = cube(25, side=3)  # 27 mm3
    missed = brats_score(cube(2), cube(2) | small, ISOTROPIC, BratsRules.GLIOMA)
    assert (missed.found, missed.missed, missed.spurious) == (1, 0, 0)
    assert missed.dice == 1.0
    speck = cube(25, side=1)
    spurious = brats_score(cube(2) | speck, cube(2), ISOTROPIC, BratsRules.GLIOMA)
    assert (spurious.found, spurious.missed, spurious.spurious) == (1, 0, 1)
    assert (spurious.dice, spurious.hd95_mm) == (0.5, 187.0)


def test_small_lesions_do_not_count_but_what_touches_them_is_not_spurious():
    small = cube(25, side=3)  # 27 mm3
    found = brats_score(cube(2) | small, cube(2) | small, ISOTROPIC, BratsRules.GLIOMA)
    assert (found.found, found.missed, found.spurious) == (1, 0, 0)
    assert (found.dice, found.hd95_mm) == (1.0, 0.0)
    counted = brats_score(cube(2), cube(2) | small, ISOTROPIC, BratsRules.METASTASES)
    assert (counted.found, counted.missed) == (1, 1)


def test_nothing_at_all_is_perfect():
    small = cube(25, side=3)
    empty = np.zeros_like(small)
    found = brats_score(empty, empty, ISOTROPIC, BratsRules.GLIOMA)
    assert (found.dice, found.hd95_mm) == (1.0, 0.0)
    only_small = brats_score(empty, small, ISOTROPIC, BratsRules.GLIOMA)
    assert (only_small.dice, only_small.hd95_mm, only_small.missed) == (1.0, 0.0, 0)


def test_a_lesion_of_just_the_threshold_does_not_count_in_a_tilted_scan():
    """50 mm3 are left out; 50 voxels of a tilted 1 mm grid have 50.00000x mm3."""
    reference = np.zeros((12, 12, 12), bool)
    reference[2:7, 2:7, 2:4] = True
    empty = np.zeros_like(reference)
    for edge_mm in (1.0, float(np.nextafter(np.float32(1), np.float32(2)))):
        found = brats_score(empty, reference, (edge_mm,) * 3, BratsRules.GLIOMA)
        assert (found.dice, found.missed) == (1.0, 0)
    reference[7, 2, 2] = True
    assert brats_score(empty, reference, ISOTROPIC, BratsRules.GLIOMA).missed == 1


@given(
    orientation=st.sampled_from(ORIENTATIONS),
    margin=st.integers(0, 3),
    rules=st.sampled_from(BratsRules),
)
@settings(deadline=None, max_examples=30)
def test_neither_orientation_nor_place_in_the_image_matters(orientation, margin, rules):
    shape = (16, 14, 12)
    spacing_mm = np.array([1.0, 2.0, 1.5])
    reference, prediction = blobs(3, 0.1, shape), blobs(3, 0.06, shape)
    prediction = np.roll(prediction, 1, axis=2)
    axes, _ = orientation
    i, j, k = spacing_mm[list(axes)].tolist()
    here = brats_score(prediction, reference, tuple(spacing_mm.tolist()), rules)
    there = brats_score(
        turned(np.pad(prediction, margin), *orientation),
        turned(np.pad(reference, margin), *orientation),
        (i, j, k),
        rules,
    )
    assert_same(there, here)
