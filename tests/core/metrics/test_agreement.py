import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg import Agreement
from medseg.core.labels import standard_colour

LABELS = medseg.LabelSet.from_names([(1, "liver"), (2, "liver tumour")])
SHAPE = (6, 7, 8)


def label_map(array):
    geometry = medseg.Geometry.from_spacing(SHAPE, (1.0, 2.0, 0.5))
    return medseg.Segmentation(array=array, geometry=geometry, labels=LABELS)


def random_maps(seed=0):
    rng = np.random.default_rng(seed)
    prediction, reference = rng.integers(0, 3, (2, *SHAPE)).astype(np.uint8)
    return label_map(prediction), label_map(reference)


def test_the_voxels_of_an_error_map_count_to_the_dice_of_its_structure():
    prediction, reference = random_maps()
    rows = medseg.score(prediction, reference).rows

    for row in rows:
        errors = medseg.error_map(prediction, reference, row.label)
        correct, false, missed, other = (
            np.count_nonzero(errors.array == meaning) for meaning in Agreement
        )
        assert 2 * correct / (2 * correct + false + missed) == pytest.approx(row.dice)
        assert other == 0


def test_for_all_structures_a_swap_is_an_error_of_its_own():
    prediction, reference = random_maps()
    p, r = prediction.array, reference.array

    errors = medseg.error_map(prediction, reference).array

    assert_array_equal(errors == Agreement.TRUE_POSITIVE, (p == r) & (p > 0))
    assert_array_equal(errors == Agreement.FALSE_POSITIVE, (p > 0) & (r == 0))
    assert_array_equal(errors == Agreement.FALSE_NEGATIVE, (p == 0) & (r > 0))
    assert_array_equal(errors == Agreement.OTHER_STRUCTURE, (p * r > 0) & (p != r))


@pytest.mark.parametrize("label", [None, 1, 2])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_dice_of_a_slice_is_that_of_the_slice_alone(axis, label):
    prediction, reference = random_maps()

    counts = medseg.slice_agreement(prediction, reference, label)[axis]

    for n in range(SHAPE[axis]):
        p, r = prediction.array.take(n, axis), reference.array.take(n, axis)
        held = (p > 0, r > 0) if label is None else (p == label, r == label)
        shared = held[0] & held[1] & (p == r)
        total = held[0].sum() + held[1].sum()
        assert counts.dice[n] == pytest.approx(2 * shared.sum() / total)
        assert counts.wrong[n] == total - 2 * shared.sum()


def test_a_slice_that_holds_nothing_has_no_dice():
    empty = label_map(np.zeros(SHAPE, np.uint8))

    assert np.isnan(medseg.slice_agreement(empty, empty)[0].dice).all()


def test_other_grids_are_refused():
    prediction, reference = random_maps()
    moved = medseg.Geometry.from_spacing(SHAPE, (1.0, 2.0, 0.5), (9.0, 0.0, 0.0))

    for compare in (medseg.error_map, medseg.slice_agreement):
        with pytest.raises(medseg.UnusableInput, match="GRID_MISMATCH"):
            compare(prediction, replace(reference, geometry=moved))


# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def seen(colours, vision):
    """Colours in CIELAB as a reader sees them."""
    color = pytest.importorskip("skimage.color")
    to_xyz = np.array(
        [
            [0.4124, 0.3576, 0.1805],
            [0.2126, 0.7152, 0.0722],
            [0.0193, 0.1192, 0.9505],
        ]
    )
    xyz = color.rgb2xyz(np.array(list(colours))[None] / 255)[0]
    rgb = np.clip(xyz @ np.linalg.inv(to_xyz).T @ VISION[vision].T, 0, 1)
    return color.xyz2lab(rgb @ to_xyz.T)


def least_distance(some, others):
    return min(np.linalg.norm(a - b) for a, b in itertools.product(some, others))


ERRORS = [structure.colour for structure in medseg.AGREEMENT_LABELS]


@pytest.mark.parametrize("vision", VISION)
def test_colour_blind_readers_tell_the_errors_apart(vision):
    pairs = itertools.combinations(seen(ERRORS, vision), 2)

    assert min(np.linalg.norm(a - b) for a, b in pairs) > 35  # 2 is just noticeable


@pytest.mark.parametrize("vision", VISION)
def test_no_reader_takes_an_error_for_a_structure_or_for_the_scan(vision):
    structures = [standard_colour(label) for label in range(1, 29)]  # then they recur
    greys = [(grey, grey, grey) for grey in range(256)]

    errors = seen(ERRORS, vision)

    assert standard_colour(29) == standard_colour(1)
    assert least_distance(errors, seen(structures, vision)) > 18
    assert least_distance(errors, seen(greys, vision)) > 14


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_largest_error_is_in_the_middle_of_the_largest_patch_of_a_slice(axis):
    truth = np.zeros(SHAPE, np.uint8)
    wrong = np.moveaxis(truth.copy(), axis, 0)
    wrong[3, 0, 0] = 1  # one voxel off by itself
    wrong[3, 2:5, 2:5] = 1
    prediction = label_map(np.moveaxis(wrong, 0, axis))

    place = medseg.largest_error(prediction, label_map(truth), 1, axis=axis, index=3)

    expected = [3, 3]
    expected.insert(axis, 3)
    assert place == tuple(expected)


def test_of_a_ring_the_largest_error_is_a_voxel_of_it():
    truth = np.zeros(SHAPE, np.uint8)
    ring = truth.copy()
    ring[2, 1:6, 1:7] = 1
    ring[2, 2:5, 2:6] = 0

    place = medseg.largest_error(label_map(ring), label_map(truth), 1, axis=0, index=2)

    assert place is not None
    assert ring[place] == 1


def test_where_nothing_is_wrong_there_is_no_largest_error():
    prediction, _ = random_maps()

    assert medseg.largest_error(prediction, prediction, 1, axis=0, index=0) is None
