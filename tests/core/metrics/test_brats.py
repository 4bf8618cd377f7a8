"""The lesion-wise scores of BraTS 2023, against a slow reading of its rules."""

import numpy as np
import pytest
import surface_distance
from scipy import ndimage

from medseg.core.lesions import BratsRules
from medseg.metrics.brats import brats_score

CORNERS = ndimage.generate_binary_structure(3, 3)
EDGES = ndimage.generate_binary_structure(3, 2)
PARAMETERS = {
    BratsRules.GLIOMA: (3, 50),
    BratsRules.SUB_SAHARAN: (3, 50),
    BratsRules.PAEDIATRIC: (3, 50),
    BratsRules.MENINGIOMA: (1, 50),
    BratsRules.METASTASES: (1, 2),
}


def slow_scores(prediction, reference, spacing_mm, rules) -> tuple[float, float]:
    """Dice and HD95, one lesion after the other over whole arrays."""
    dilation, ignored_mm3 = PARAMETERS[rules]
    pieces, count = ndimage.label(prediction, CORNERS)
    wide, lesions = ndimage.label(
        ndimage.binary_dilation(reference, EDGES, dilation), CORNERS
    )
    touched, values = set(), []
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
        united = np.isin(pieces, list(own))
        dice = 2 * (lesion & united).sum() / (lesion.sum() + united.sum())
        distances = surface_distance.compute_surface_distances(
            lesion, united, spacing_mm
        )
        hd95 = surface_distance.compute_robust_hausdorff(distances, 95)
        values.append((dice, hd95))
    values += [(0.0, 374.0)] * (count - len(touched))
    return tuple(np.mean(values, axis=0)) if values else (1.0, 0.0)


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
    dice, hd95_mm = slow_scores(prediction, reference, spacing_mm, rules)
    assert found.dice == pytest.approx(dice)
    assert found.hd95_mm == pytest.approx(hd95_mm)


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


def test_small_lesions_do_not_count_but_what_touches_them_is_not_spurious():
    small = cube(25, side=3)  # 27 mm3
    found = brats_score(cube(2) | small, cube(2) | small, ISOTROPIC, BratsRules.GLIOMA)
    assert (found.found, found.missed, found.spurious) == (1, 0, 0)
    assert (found.dice, found.hd95_mm) == (1.0, 0.0)
    counted = brats_score(cube(2), cube(2) | small, ISOTROPIC, BratsRules.METASTASES)
    assert (counted.found, counted.missed) == (1, 1)


def test_nothing_at_all_is_perfect():
    empty = np.zeros((6, 6, 6), bool)
    found = brats_score(empty, empty, ISOTROPIC, BratsRules.GLIOMA)
    assert (found.dice, found.hd95_mm) == (1.0, 0.0)
