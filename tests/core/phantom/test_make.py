"""The phantom: repeatable, anatomical, and impossible to label by HU alone."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from medseg.phantom import SAMPLE_SEED, Phantom, case_seed, make_phantom

SHAPE = (84, 84, 44)
SPACING_MM = (4.2, 4.2, 5.0)
SEEDS = tuple(range(5))


@pytest.fixture(scope="module")
def phantoms() -> list[Phantom]:
    return [make_phantom(seed, shape=SHAPE, spacing_mm=SPACING_MM) for seed in SEEDS]


@pytest.fixture(scope="module")
def sample() -> Phantom:
    return make_phantom(SAMPLE_SEED)


def centre_ras_mm(phantom: Phantom, structure: str) -> np.ndarray:
    voxels = np.argwhere(phantom.reference.mask(structure))
    return phantom.volume.geometry.to_world(voxels.mean(axis=0))


def test_the_same_seed_gives_the_same_voxels(phantoms):
    again = make_phantom(SEEDS[0], shape=SHAPE, spacing_mm=SPACING_MM)
    np.testing.assert_array_equal(again.volume.array, phantoms[0].volume.array)
    np.testing.assert_array_equal(again.reference.array, phantoms[0].reference.array)
    np.testing.assert_array_equal(again.tumours, phantoms[0].tumours)
    assert again.volume.geometry.is_same_grid(phantoms[0].volume.geometry, 0.0)


def test_other_seeds_give_other_patients(phantoms):
    volumes = [phantom.reference.volume_ml("liver") for phantom in phantoms]
    centres = [tuple(centre_ras_mm(phantom, "spleen")) for phantom in phantoms]
    assert len(set(volumes)) == len(set(centres)) == len(phantoms)


def test_it_looks_like_a_ct(sample):
    hu = sample.volume.array[0]
    assert sample.volume.is_ct
    assert hu.dtype == np.int16
    assert hu.shape == (160, 160, 72)
    assert hu.min() >= -1024
    assert hu.max() <= 3071
    assert np.median(hu[:4, :4]) == pytest.approx(-1000, abs=3)
    liver = hu[ndimage.binary_erosion(sample.reference.mask("liver"), iterations=3)]
    assert 8 < liver.std() < 22


def test_the_axes_run_to_the_left_the_back_and_the_head(sample):
    assert sample.volume.geometry.orientation == "LPS"
    assert sample.reference.geometry.is_same_grid(sample.volume.geometry, 0.0)


def test_organs_lie_on_their_own_sides(phantoms):
    for phantom in phantoms:
        liver, spleen, left, right = (
            centre_ras_mm(phantom, name)
            for name in ("liver", "spleen", "left kidney", "right kidney")
        )
        assert liver[0] > 20
        assert spleen[0] < -60
        assert left[0] < -30
        assert right[0] > 30
        assert spleen[1] < liver[1]  # further back
        assert max(left[1], right[1]) < liver[1]
        assert max(left[2], right[2]) < liver[2]  # further down


def test_organs_are_as_big_as_those_of_adults(phantoms):
    for phantom in phantoms:
        assert 700 < phantom.reference.volume_ml("liver") < 1900
        assert 50 < phantom.reference.volume_ml("spleen") < 320
        assert 60 < phantom.reference.volume_ml("left kidney") < 220
        assert 60 < phantom.reference.volume_ml("right kidney") < 220


def test_tumours_lie_within_the_liver(phantoms):
    for phantom in phantoms:
        liver = phantom.reference.mask("liver")
        tumour = phantom.reference.mask("liver tumour")
        filled = ndimage.binary_closing(liver | tumour, iterations=1)
        around = ndimage.binary_dilation(tumour) & ~tumour
        assert (liver | tumour)[filled & tumour].all()
        if around.any():
            assert liver[around].mean() > 0.6


def test_tumours_are_numbered_and_not_too_small_to_see(phantoms):
    for phantom in phantoms:
        np.testing.assert_array_equal(
            phantom.tumours > 0, phantom.reference.mask("liver tumour")
        )
        sizes = np.bincount(phantom.tumours.ravel())[1:]
        assert (sizes * phantom.volume.geometry.voxel_volume_ml >= 0.8).all()


def test_livers_hold_none_to_five_tumours():
    shape, spacing_mm = (42, 42, 24), (8.4, 8.4, 9.0)
    counts = [
        int(make_phantom(seed, shape=shape, spacing_mm=spacing_mm).tumours.max())
        for seed in range(20)
    ]
    assert set(counts) >= {0, 1, 2, 3}
    assert max(counts) <= 5


def test_the_sample_has_several_tumours_some_of_them_touching(sample):
    numbers = np.unique(sample.tumours[sample.tumours > 0])
    _, pieces = ndimage.label(sample.tumours)
    assert len(numbers) >= 3
    assert pieces < len(numbers)


def test_tumours_can_be_seen(phantoms, sample):
    for phantom in (*phantoms, sample):
        hu = phantom.volume.array[0]
        liver = ndimage.binary_erosion(phantom.reference.mask("liver"), iterations=2)
        for number in np.unique(phantom.tumours[phantom.tumours > 0]):
            core = ndimage.binary_erosion(phantom.tumours == number)
            if core.sum() >= 20:
                contrast_hu = np.median(hu[core]) - np.median(hu[liver])
                assert abs(contrast_hu) > 15


def test_hounsfield_units_alone_do_not_find_the_structures(phantoms, sample):
    """The best label for each HU, fitted on the very scan it is scored on."""
    for phantom in (*phantoms, sample):
        assert best_dice_of_a_hu_classifier(phantom) < 0.6


def best_dice_of_a_hu_classifier(phantom: Phantom) -> float:
    """Mean Dice when each structure takes the HU values that suit it best.

    Structures may even share values, so no classifier of single voxels can do better:
    for Dice the best set holds the values with the largest share of the structure.
    """
    bins = phantom.volume.array[0].ravel().astype(int) + 1024
    voxels = np.bincount(bins, minlength=4096)
    scores = []
    for structure in phantom.reference.labels:
        inside = phantom.reference.mask(structure.name).ravel()
        if not inside.any():
            continue
        hits = np.bincount(bins[inside], minlength=4096)
        order = np.argsort(-hits / np.maximum(voxels, 1), kind="stable")
        overlap, taken = np.cumsum(hits[order]), np.cumsum(voxels[order])
        scores.append(float((2 * overlap / (taken + inside.sum())).max()))
    return float(np.mean(scores))


def test_seeds_of_datasets_never_meet_those_of_single_phantoms():
    seeds = {case_seed(dataset, n) for dataset in range(5) for n in range(1000)}
    assert len(seeds) == 5000
    assert min(seeds) >= 1_000_000 > SAMPLE_SEED


def test_making_a_phantom_needs_no_reader_of_files():
    code = (
        "import sys; from medseg.phantom import make_phantom;"
        "make_phantom(0, shape=(8, 8, 4), spacing_mm=(44.0, 44.0, 54.0));"
        "heavy = {'pydicom', 'nibabel', 'SimpleITK', 'torch', 'matplotlib'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
