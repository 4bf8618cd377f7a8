"""Which windows are left out, and that nobody misses them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from medseg import Device, InferenceSettings, Precision, Progress
from medseg.core.prepared import Prepared
from medseg.inference import Asked, with_margin
from medseg.inference.layout import Layout
from medseg.inference.needed import Occupancy, body_of, is_constant
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


def test_windows_of_any_scan_without_contrast_are_left_out():
    prepared = prepared_of(64, 12, 8)
    prepared.image[:, :40] = 0
    layout = layout_of(prepared, plan=TINY_PLAN)
    left_out = [w.within[0].stop for w in layout.windows if not w.is_needed]
    assert left_out
    assert max(left_out) <= 39  # what is beside it counts
    assert all(w.is_needed for w in layout.windows if w.within[0].stop > 39)


def test_an_empty_scan_takes_no_network_at_all():
    prepared = prepared_of(*SHAPE)
    prepared.image[...] = 0
    heard: list[Progress] = []
    logits = predict_logits([network()], prepared, PLAN, EXACT, heard.append)
    assert not heard
    assert (logits.argmax(0) == 0).all()


def test_one_other_voxel_makes_a_window_matter():
    image = np.zeros((2, 20, 20, 20), np.float32)
    assert is_constant(image)
    image[1, 3, 5, 7] = 1
    assert not is_constant(image)


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
