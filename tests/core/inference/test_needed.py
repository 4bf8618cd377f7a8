"""Which windows are left out, and that nobody misses them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from medseg import Device, InferenceSettings, Precision, Progress
from medseg.core.plan import NormalisationKind
from medseg.core.prepared import Prepared
from medseg.inference import Asked, with_margin
from medseg.inference.layout import Layout
from medseg.inference.needed import Emptiness, Occupancy, body_of
from medseg.preprocessing.normalisation import normalised
from tests.core.inference.streaming import predict_logits, prepared_of
from tests.core.making import CT, TINY_PLAN, ellipsoid, turned_geometry

EXACT = InferenceSettings(device=Device("cpu"), precision=Precision.FLOAT32)
PLAN = replace(
    TINY_PLAN,
    channels=("CT",),
    normalisation=(
        replace(
            CT,
            statistics=replace(
                CT.statistics, percentile_00_5=-1000.0, percentile_99_5=300.0
            ),
        ),
    ),
)
SHAPE = (72, 60, 40)
MASKED = replace(CT, kind=NormalisationKind.Z_SCORE_NONZERO)


def trunk():
    """A trunk with lungs on noisy air, in HU, and where it is."""
    geometry = turned_geometry(SHAPE, (1.0, 1.0, 1.0))
    body = ellipsoid(geometry, (20, 15, 16))
    lungs = ellipsoid(geometry, (14, 9, 9))
    noise = np.random.default_rng(0).normal(0, 20, SHAPE)
    hounsfield = np.select([lungs, body], [-850.0, 40.0], -1000.0) + noise
    return hounsfield.astype(np.float32), body, lungs


def prepared_ct(hounsfield) -> Prepared:
    image = normalised(hounsfield, PLAN.normalisation[0])
    return replace(prepared_of(*hounsfield.shape), image=image[None])


def network() -> nn.Module:
    """One that sees its neighbours, and zeros outside a window."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 3, 1))


class Brighter(nn.Module):
    """Label 1 where a voxel is above -0.5."""

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        value = windows[:, :1] + 0.5
        return torch.cat([-value, value, torch.full_like(value, -9)], 1)


def layout_of(prepared, settings=EXACT, plan=PLAN, region=None) -> Layout:
    return Layout.of(prepared, plan, settings, region)


def test_leaving_out_air_changes_nothing_in_the_body_and_saves_windows():
    hounsfield, body, _ = trunk()
    prepared = prepared_ct(hounsfield)
    layout = layout_of(prepared)
    assert 0 < layout.needed < len(layout.windows)
    all_of_it = replace(EXACT, skip_air=False)
    assert layout_of(prepared, all_of_it).needed == len(layout.windows)
    less = predict_logits([network()], prepared, PLAN, EXACT)
    full = predict_logits([network()], prepared, PLAN, all_of_it)
    near = ndimage.binary_dilation(body, np.ones((3, 3, 3)))
    assert torch.equal(less[:, near], full[:, near])


def test_what_is_left_out_is_background_and_all_else_is_as_it_was():
    hounsfield, _, _ = trunk()
    prepared = prepared_ct(hounsfield)
    less = predict_logits([network()], prepared, PLAN, EXACT)
    full = predict_logits([network()], prepared, PLAN, replace(EXACT, skip_air=False))
    differs = ~torch.isclose(less, full, rtol=0, atol=0).all(0)
    assert differs.any()
    assert (less.argmax(0)[differs] == 0).all()


def test_a_window_within_a_lung_is_computed():
    hounsfield, _, lungs = trunk()
    body = body_of(prepared_ct(hounsfield).image, PLAN)
    assert body is not None
    inside = [slice(int(c.min()), int(c.max()) + 1) for c in np.nonzero(lungs)]
    i, j, k = ((side.start + side.stop) // 2 for side in inside)
    middle = (slice(i, i + 2), slice(j, j + 2), slice(k, k + 2))
    assert body.touches(middle)
    assert not body.touches((slice(0, 4), slice(0, 4), slice(0, 4)))


def test_where_no_body_is_found_everything_is_computed():
    air = np.random.default_rng(0).normal(-1000, 20, SHAPE).astype(np.float32)
    prepared = prepared_ct(air)
    assert body_of(prepared.image, PLAN) is None
    layout = layout_of(prepared)
    assert layout.needed == len(layout.windows)


def test_only_a_ct_has_air_that_is_known():
    hounsfield, _, _ = trunk()
    assert body_of(prepared_ct(hounsfield).image, TINY_PLAN) is None


def test_windows_of_any_scan_with_nothing_in_them_are_left_out():
    prepared = prepared_of(64, 12, 8)
    prepared.image[:, :40] = prepared.image.min()
    layout = layout_of(prepared, plan=TINY_PLAN)
    left_out = [w.within[0].stop for w in layout.windows if not w.is_needed]
    assert left_out
    assert max(left_out) <= 39  # what is beside it counts
    assert all(w.is_needed for w in layout.windows if w.within[0].stop > 39)


@pytest.mark.parametrize("value", [0.0, 1.0, 5.0])
def test_a_structure_without_contrast_within_it_is_computed(value):
    """Here larger than a window, and brighter than the rest or as the mean."""
    prepared = prepared_of(64, 48, 32)
    prepared.image[...] = -1
    organ = np.zeros(prepared.image.shape[1:], dtype=bool)
    organ[8:56, 6:42, 4:28] = True
    prepared.image[0, organ] = value
    found = predict_logits([Brighter()], prepared, TINY_PLAN, EXACT).argmax(0)
    np.testing.assert_array_equal(found.numpy() == 1, organ)


def test_what_was_outside_the_mask_of_the_intensities_is_left_out():
    """There they are 0, and darker tissue is below it."""
    prepared = prepared_of(64, 12, 8)
    prepared.image[:, :40] = 0
    masked = replace(TINY_PLAN, normalisation=(MASKED,))
    count = len(layout_of(prepared, plan=masked).windows)
    assert layout_of(prepared, plan=masked).needed < count
    assert layout_of(prepared, plan=TINY_PLAN).needed == count


def test_a_window_with_a_structure_of_the_first_stage_is_computed():
    prepared = prepared_of(64, 12, 8)
    prepared.image[:, :40] = prepared.image.min()
    stage = np.zeros(prepared.image.shape[1:], np.uint8)
    stage[5, 6, 4] = 2
    cascade = replace(prepared, first_stage=stage, first_stage_structures=2)
    alone, both = (layout_of(each, plan=TINY_PLAN) for each in (prepared, cascade))
    first = (slice(0, 16), slice(0, 12), slice(0, 8))
    assert not next(w for w in alone.windows if w.within == first).is_needed
    assert next(w for w in both.windows if w.within == first).is_needed
    assert both.needed < len(both.windows)


def heart_in_lung(shape, lung=-850.0, noise=30.0):
    """A scan that ends within the lung all round, as one of the heart may, in HU."""
    hounsfield = np.random.default_rng(0).normal(lung, noise, shape)
    middle = [0.8 * shape[0], 0.75 * shape[1], 0.4 * shape[2]]
    away = np.indices(shape) - np.reshape(middle, (3, 1, 1, 1))
    heart = (away**2).sum(0) < (0.22 * shape[0]) ** 2
    hounsfield[heart] = 40
    return hounsfield.astype(np.float32)


@pytest.mark.parametrize("edge", [16, 24, 32])
@pytest.mark.parametrize("clip", [-1000.0, -950.0, -880.0])
def test_lung_to_the_border_of_the_scan_is_computed(edge, clip):
    known = replace(PLAN.normalisation[0].statistics, percentile_00_5=clip)
    how = replace(PLAN.normalisation[0], statistics=known)
    plan = replace(PLAN, normalisation=(how,), patch_shape=(edge,) * 3)
    image = normalised(heart_in_lung((80, 80, 64)), how)[None]
    layout = layout_of(replace(prepared_of(80, 80, 64), image=image), plan=plan)
    assert layout.needed == len(layout.windows)


def test_emphysema_at_the_border_of_the_scan_is_computed():
    """As thin as air, but with lung on both sides of it at the face of the scan."""
    hounsfield = heart_in_lung((80, 80, 64))
    thin = (slice(0, 24), slice(24, 56), slice(16, 48))
    hounsfield[thin] = -1000
    layout = layout_of(prepared_ct(hounsfield))
    assert layout.needed == len(layout.windows)


def test_an_empty_scan_takes_no_network_at_all():
    prepared = prepared_ct(np.full(SHAPE, -1000, np.float32))
    heard: list[Progress] = []
    logits = predict_logits([network()], prepared, PLAN, EXACT, heard.append)
    assert not heard
    assert (logits.argmax(0) == 0).all()


def test_one_other_voxel_makes_a_window_matter():
    plan = replace(TINY_PLAN, channels=("a", "b"), normalisation=(MASKED, MASKED))
    prepared = prepared_of(20, 20, 20, channels=2)
    prepared.image[...] = 0
    whole = (slice(0, 20), slice(0, 20), slice(0, 20))
    assert Emptiness.of(prepared, plan).fills(whole)
    prepared.image[1, 3, 5, 7] = 1
    assert not Emptiness.of(prepared, plan).fills(whole)


@pytest.mark.parametrize("shape", [(72, 60, 40), (10, 60, 5)])
def test_outside_a_region_is_background_and_inside_is_as_without(shape):
    prepared = prepared_of(*shape)
    region = np.zeros(shape, dtype=bool)
    region[2:8, 30:37, 1:5] = True
    near = predict_logits(
        [network()], prepared, TINY_PLAN, EXACT, asked=Asked(region=region)
    )
    full = predict_logits([network()], prepared, TINY_PLAN, EXACT)
    assert torch.equal(near[:, region], full[:, region])
    assert (near.argmax(0)[~region] == 0).all()
    layout = layout_of(prepared, plan=TINY_PLAN, region=region)
    assert 0 < layout.needed < len(layout.windows)


def test_a_margin_reaches_as_far_along_each_axis():
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[4, 4, 4] = True
    grown = with_margin(mask, (0, 2, 3))
    expected = np.zeros_like(mask)
    expected[4, 2:7, 1:8] = True
    np.testing.assert_array_equal(grown, expected)


@pytest.mark.parametrize("seed", range(5))
def test_an_occupancy_never_misses_a_voxel(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((13, 10, 7)) > 0.995
    occupancy = Occupancy.of(mask)
    for _ in range(50):
        edges = [sorted(rng.choice(n + 1, 2, replace=False)) for n in mask.shape]
        i, j, k = (slice(first, stop) for first, stop in edges)
        box = (i, j, k)
        assert occupancy.touches(box) or not mask[box].any()
