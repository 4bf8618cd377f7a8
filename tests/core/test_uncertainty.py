"""How unsure a model is: by the formulas, and by every network and copy kept whole."""

import json
from dataclasses import asdict, replace
from itertools import combinations
from math import log

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import entropy as scipy_entropy
from torch import nn

import medseg
from medseg import Cancelled, LabelSet, uncertainty_of
from medseg.core.plan import Recipe
from medseg.core.regions import Region
from medseg.pipeline.spread import over_copies, over_networks
from tests.core.making import TINY_PLAN, segmentation_of, volume_of
from tests.core.test_predictions import EXACT, SHAPE, model_of, region_of, scan_of

MIRRORED = replace(EXACT, mirror=True)
PLAIN = replace(EXACT, mirror=False)
BOTH_AXES = replace(TINY_PLAN, mirror_axes=(0, 2))


def voxel(*probabilities: float) -> np.ndarray:
    return np.array(probabilities, float)[:, None, None, None]


def spread_of(*networks: list[np.ndarray], overlapping=False):
    return over_networks(
        [over_copies(copies, overlapping=overlapping) for copies in networks],
        overlapping=overlapping,
    )


def test_networks_sure_of_different_labels_disagree_and_their_copies_do_not():
    found = spread_of([voxel(1, 0)] * 2, [voxel(0, 1)] * 2)
    assert found.entropy.item() == pytest.approx(1)
    assert found.disagreement is not None
    assert found.mirror_variance is not None
    assert found.disagreement.item() == pytest.approx(1)
    assert found.mirror_variance.item() == 0


def test_copies_sure_of_different_labels_vary_most_and_networks_do_not_disagree():
    copies = [voxel(1, 0, 0), voxel(0, 1, 0), voxel(0, 0, 1)]
    found = spread_of(copies, copies)
    assert found.mirror_variance is not None
    assert found.disagreement is not None
    assert found.mirror_variance.item() == pytest.approx(1)
    assert found.disagreement.item() == pytest.approx(0, abs=1e-6)
    assert found.entropy.item() == pytest.approx(1)


def test_by_hand():
    """Means (0.7, 0.3) and (0.2, 0.8); variances 0.01 and 0 for each of two labels."""
    found = spread_of([voxel(0.8, 0.2), voxel(0.6, 0.4)], [voxel(0.2, 0.8)] * 2)

    def h(p):
        return -(p * log(p) + (1 - p) * log(1 - p)) / log(2)

    assert_allclose(found.mean.ravel(), [0.45, 0.55], atol=1e-6)
    assert found.entropy.item() == pytest.approx(h(0.45), abs=1e-6)
    assert found.disagreement is not None
    apart = h(0.45) - (h(0.7) + h(0.2)) / 2
    assert found.disagreement.item() == pytest.approx(apart, abs=1e-6)
    assert found.mirror_variance is not None
    half_of_it = 2 * 0.01 / (1 - 1 / 2) / 2
    assert found.mirror_variance.item() == pytest.approx(half_of_it, abs=1e-6)


def test_one_network_and_one_copy_have_nothing_to_differ_from():
    found = spread_of([voxel(0.5, 0.5)])
    assert found.disagreement is None
    assert found.mirror_variance is None


def test_regions_vary_as_the_one_that_varies_most():
    found = spread_of([voxel(1.0, 0.5), voxel(0.0, 0.5)], overlapping=True)
    assert found.mirror_variance is not None
    assert found.mirror_variance.item() == pytest.approx(1)
    assert found.entropy.item() == pytest.approx(1)


def test_networks_that_disagree_on_one_region_do_so_however_unsure_of_another():
    found = spread_of([voxel(0.5, 0.0)], [voxel(0.5, 1.0)], overlapping=True)
    assert found.disagreement is not None
    assert found.disagreement.item() == pytest.approx(1)


def test_nothing_at_all_is_refused():
    with pytest.raises(ValueError, match="no copy"):
        over_copies([], overlapping=False)
    with pytest.raises(ValueError, match="no network"):
        over_networks([], overlapping=False)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(2, 5), st.integers(0, 99))
def test_sums_are_as_good_as_keeping_everything(networks, copies, outputs, seed):
    """NumPy's variance and SciPy's entropy of all answers at once."""
    rng = np.random.default_rng(seed)
    shape = (networks, copies, 3, 2, 2)
    every = np.moveaxis(rng.dirichlet(np.ones(outputs), shape), -1, 2)
    found = spread_of(*[list(each) for each in every])
    largest = log(outputs)
    means = every.mean(1)
    entropy = scipy_entropy(means.mean(0), axis=0) / largest
    assert_allclose(found.mean, means.mean(0), atol=1e-6)
    assert_allclose(found.entropy, entropy, atol=1e-6)
    if found.disagreement is not None:
        apart = entropy - (scipy_entropy(means, axis=1) / largest).mean(0)
        assert_allclose(found.disagreement, apart, atol=1e-5)
    if found.mirror_variance is not None:
        variance = every.var(1).sum(1).mean(0) / (1 - 1 / outputs)
        assert_allclose(found.mirror_variance, variance, atol=1e-6)
    assert (networks > 1) == (found.disagreement is not None)
    assert (copies > 1) == (found.mirror_variance is not None)


def one_by_one(model, scan):
    """Probabilities of each network over each mirrored copy of the scan's windows."""
    for network in model.networks:
        for n in range(3):
            for axes in combinations((0, 2), n):
                mirrored = nn.Sequential(Flip(axes), network, Flip(axes)).eval()
                alone = replace(model, networks=(mirrored,))
                yield medseg.segment_with_probabilities(scan, alone, PLAIN)[1].array


class Flip(nn.Module):
    """Turns round some axes of the image."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return windows.flip([axis + 2 for axis in self.axes])


@pytest.fixture(scope="module")
def both():
    """What two networks on four copies give, and their answers one by one."""
    scan, model = scan_of(), model_of(BOTH_AXES, networks=2)
    every = np.stack(list(one_by_one(model, scan))).astype(np.float64)
    return uncertainty_of(scan, model, MIRRORED), every


def test_a_scan_has_what_its_networks_and_copies_one_by_one_have(both):
    found, every = both
    by_network = every.reshape(2, 4, *every.shape[1:])
    means = by_network.mean(1)
    outputs = means.shape[1]
    assert found.maps.channels == ("entropy", "disagreement", "mirror variance")
    entropy = scipy_entropy(means.mean(0), axis=0) / log(outputs)
    apart = entropy - (scipy_entropy(means, axis=1) / log(outputs)).mean(0)
    variance = by_network.var(1).sum(1).mean(0) / (1 - 1 / outputs)
    for ours, theirs in zip(found.maps.array, (entropy, apart, variance), strict=True):
        assert_allclose(ours, theirs, atol=2e-3)
    assert variance.max() > 1e-4
    assert apart.max() > 1e-3


def test_structures_are_summed_up_where_they_are_found(both):
    found, probabilities = both
    mean = probabilities.mean(0)
    ids = np.array([0, *found.segmentation.labels.ids])
    labels = found.segmentation.array
    assert (labels == ids[mean.argmax(0)]).mean() > 0.999
    networks = probabilities.reshape(2, 4, *mean.shape).mean(1).argmax(1)
    entropy = found.maps.array[0].astype(np.float64)
    for place, each in enumerate(found.structures, start=1):
        inside = labels == each.label
        assert each.voxels == inside.sum()
        if not each.voxels:
            assert each.expected_dice is None
            continue
        p = mean[place]
        soft = 2 * p[inside].sum() / (p.sum() + inside.sum())
        assert each.expected_dice == pytest.approx(soft, abs=2e-3)
        assert each.mean_entropy == pytest.approx(entropy[inside].mean(), abs=1e-3)
        a, b = networks == place
        pair = 2 * (a & b).sum() / (a.sum() + b.sum())
        assert each.network_dice == pytest.approx(pair, abs=5e-3)
    assert any(each.voxels for each in found.structures)
    assert len(found.table().splitlines()) == 1 + len(found.structures)
    with pytest.raises(KeyError, match="there are liver, liver tumour"):
        found["heart"]


def test_one_network_without_mirroring_has_its_entropy_alone():
    scan, model = scan_of(), model_of()
    found = uncertainty_of(scan, model, PLAIN)
    assert found.maps.channels == ("entropy",)
    usual = medseg.segment(scan, model, PLAIN).array
    assert (found.segmentation.array == usual).mean() > 0.999
    assert all(each.network_dice is None for each in found.structures)
    wanted = medseg.Request(wanted=medseg.Wanted(uncertainty=True))
    theirs = medseg.predict(scan, model, PLAIN, request=wanted).uncertainty
    assert theirs is not None
    assert_allclose(found.maps.array, theirs.array, atol=2e-3)
    assert found.segmentation.provenance is not None


def test_a_model_of_regions_has_no_expected_dice():
    regions = (
        Region(name="whole", ids=(1, 4), painted_as=1),
        Region(name="core", ids=(4,), painted_as=4),
    )
    plan = replace(TINY_PLAN, regions=regions)
    found = uncertainty_of(scan_of(), model_of(plan, networks=2), MIRRORED)
    assert found.maps.channels == ("entropy", "disagreement", "mirror variance")
    assert 0 <= found.maps.array.min() <= found.maps.array.max() <= 1
    assert all(each.expected_dice is None for each in found.structures)


def test_maps_are_written_beside_the_label_map(tmp_path):
    found = uncertainty_of(scan_of(), model_of(networks=2), MIRRORED)
    path = tmp_path / "a.nii.gz"
    shares = medseg.Shares(uncertainty=found.maps, structures=found.structures)
    medseg.write_segmentation(found.segmentation, path, shares=shares)
    listed = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert listed["uncertainty"] == [asdict(each) for each in found.structures]
    file = medseg.uncertainty_path(path)
    names = dict.fromkeys(found.maps.channels, file)
    read = medseg.read_volume(file, channels=names)
    assert read.array.shape == (3, *SHAPE)
    assert_allclose(read.array, found.maps.array, atol=2e-4)


def test_progress_says_which_copy_and_may_stop_it():
    heard: list[medseg.Progress] = []
    uncertainty_of(scan_of(), model_of(networks=2), MIRRORED, heard.append)
    assert {each.stage for each in heard} == {
        f"segmenting (copy {number} of 4)" for number in range(1, 5)
    }

    def stop(_progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        uncertainty_of(scan_of(), model_of(), MIRRORED, stop)


def test_maps_alone_have_their_means_listed_beside_the_label_map(tmp_path):
    """Liver 0.25 and 0.75, tumour 0.5; another structure is found nowhere."""
    labels = LabelSet.from_names([(1, "liver"), (4, "liver tumour"), (6, "spleen")])
    array = np.array([0, 1, 1, 4])[:, None, None]
    found = segmentation_of(array, labels=labels)
    maps = np.array([[0.9, 0.25, 0.75, 0.5]], np.float16)[..., None, None]
    shares = medseg.Shares(uncertainty=volume_of(maps, channels=("entropy",)))
    medseg.write_segmentation(found, tmp_path / "a.nii.gz", shares=shares)
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    listed = {each["structure"]: each for each in content["uncertainty"]}
    means = {name: each["mean_entropy"] for name, each in listed.items()}
    assert means == {"liver": 0.5, "liver tumour": 0.5, "spleen": None}
    assert [each["voxels"] for each in listed.values()] == [2, 1, 0]
    assert listed["liver"]["mean_disagreement"] is None
    assert medseg.read_segmentation(tmp_path / "a.nii.gz").labels == labels


ALL_MAPS = medseg.Request(
    wanted=medseg.Wanted(uncertainty=True, mirror_variance=True, probabilities=True)
)


def variance_of(every: np.ndarray) -> np.ndarray:
    """NumPy's, over copies, of probabilities (network, copy, output, i, j, k)."""
    variance: np.ndarray = every.var(1).sum(1).mean(0) / (1 - 1 / every.shape[2])
    return variance


def test_predict_tells_the_variance_over_mirrored_copies(both):
    """That of the answers one by one; all else as without it."""
    _, every = both
    scan, model = scan_of(), model_of(BOTH_AXES, networks=2)
    made = medseg.predict(scan, model, MIRRORED, request=ALL_MAPS)
    assert made.uncertainty is not None
    assert made.uncertainty.channels == ("entropy", "disagreement", "mirror variance")
    expected = variance_of(every.reshape(2, 4, *every.shape[1:]))
    assert expected.max() > 0.1
    assert_allclose(made.uncertainty.array[2], expected, atol=5e-4)
    wanted = medseg.Wanted(uncertainty=True, probabilities=True)
    plain = medseg.predict(scan, model, MIRRORED, request=medseg.Request(wanted=wanted))
    assert plain.uncertainty is not None
    assert made.probabilities is not None
    assert plain.probabilities is not None
    assert plain.uncertainty.channels == ("entropy", "disagreement")
    assert (made.segmentation.array == plain.segmentation.array).mean() > 0.999
    assert_allclose(made.probabilities.array, plain.probabilities.array, atol=2e-3)
    assert_allclose(made.uncertainty.array[:2], plain.uncertainty.array, atol=2e-3)
    for ours, theirs in zip(made.structures, plain.structures, strict=True):
        inside = made.segmentation.array == ours.label
        mean = expected[inside].mean() if inside.any() else None
        assert ours.mean_mirror_variance == pytest.approx(mean, abs=2e-4)
        assert theirs.mean_mirror_variance is None
        for figure in ("mean_entropy", "mean_disagreement", "single_expected_dice"):
            figures = getattr(ours, figure), getattr(theirs, figure)
            assert figures[0] == pytest.approx(figures[1], abs=2e-3)


@pytest.mark.parametrize("networks", [1, 2])
def test_on_a_coarser_grid_and_near_a_region_it_varies_as_copies_do(networks):
    """Resampled copy by copy, as `uncertainty_of` has it; nothing far from a region."""
    plan = replace(BOTH_AXES, spacing_mm=(2.0, 1.5, 1.0))
    scan, model = scan_of(), model_of(plan, networks=networks)
    made = medseg.predict(scan, model, MIRRORED, request=ALL_MAPS).uncertainty
    slow = uncertainty_of(scan, model, MIRRORED).maps
    assert made is not None
    assert made.channels == slow.channels
    assert_allclose(made.array[-1], slow.array[-1], atol=1e-3)
    assert slow.array[-1].max() > 1e-3
    near = replace(ALL_MAPS, region=region_of(scan))
    settings = replace(MIRRORED, margin_mm=4.0)
    found = medseg.predict(scan, model, settings, request=near).uncertainty
    assert found is not None
    assert found.array[-1].any()
    assert not found.array[-1, 12:].any()


def test_regions_of_a_monai_bundle_vary_as_the_one_that_varies_most():
    """Its probabilities are resampled, and not its logits."""
    regions = (
        Region(name="whole", ids=(1, 4), painted_as=1),
        Region(name="core", ids=(4,), painted_as=4),
    )
    for recipe in (Recipe.MEDSEG, Recipe.MONAI):
        plan = replace(
            BOTH_AXES, regions=regions, recipe=recipe, spacing_mm=(2.0, 1.5, 1.0)
        )
        scan, model = scan_of(), model_of(plan, networks=2)
        made = medseg.predict(scan, model, MIRRORED, request=ALL_MAPS).uncertainty
        every = np.stack(list(one_by_one(model, scan))).astype(np.float64)
        variance = every.reshape(2, 4, *every.shape[1:]).var(1)
        assert made is not None
        assert made.channels == ("entropy", "disagreement", "mirror variance")
        expected = 4 * variance.max(1).mean(0)
        assert_allclose(made.array[2], expected, atol=1e-3)
        assert expected.max() > 5e-3


def test_without_mirroring_nothing_varies():
    made = medseg.predict(scan_of(), model_of(), PLAIN, request=ALL_MAPS).uncertainty
    assert made is not None
    assert made.channels == ("entropy",)


@pytest.mark.parametrize("networks", [1, 3])
def test_figures_of_networks_by_themselves_are_those_of_predict(networks):
    scan, model = scan_of(), model_of(networks=networks)
    request = medseg.Request(wanted=medseg.Wanted(uncertainty=True))
    quick = medseg.predict(scan, model, PLAIN, request=request).structures
    slow = uncertainty_of(scan, model, PLAIN).structures
    for a, b in zip(quick, slow, strict=True):
        assert a.single_expected_dice == pytest.approx(b.single_expected_dice, abs=2e-3)
        if networks == 1:
            assert a.single_entropy == a.mean_entropy
            assert a.single_entropy == pytest.approx(b.single_entropy, abs=2e-3)
        else:
            assert a.mean_entropy is not None
            assert a.mean_disagreement is not None
            alone = a.mean_entropy - a.mean_disagreement
            assert a.single_entropy == pytest.approx(alone)


def test_what_one_network_expects_is_the_formula_over_its_probabilities():
    scan, model = scan_of(), model_of()
    labels, shares = medseg.segment_with_probabilities(scan, model, PLAIN)
    request = medseg.Request(wanted=medseg.Wanted(uncertainty=True))
    found = medseg.predict(scan, model, PLAIN, request=request).structures
    for output, each in enumerate(found, start=1):
        p, m = shares.array[output].astype(float), labels.array == each.label
        if not m.any():
            assert each.single_expected_dice is None
            continue
        expected = 2 * p[m].sum() / (p.sum() + m.sum())
        assert each.single_expected_dice == pytest.approx(expected, abs=1e-3)
