"""The same box with other numbers of voxels, against PyTorch and formulas."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.ndimage import gaussian_filter1d
from torch.nn import functional

from medseg import Geometry
from medseg.preprocessing import resampling
from medseg.preprocessing.resampling import (
    resample_image,
    resample_labels,
)
from tests.core.little_memory import LittleMemory
from tests.core.making import ellipsoid, shapes


def noise(*shape, seed=0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_the_same_grid_keeps_the_very_image_and_labels():
    image = noise(2, 5, 6, 7)
    labels = (image[0] > 0).byte()
    assert torch.equal(resample_image(image, (5, 6, 7)), image)
    assert torch.equal(resample_labels(labels, (5, 6, 7), 2), labels)


@settings(deadline=None, max_examples=30)
@given(shapes(1, 12), shapes(1, 20))
def test_a_constant_image_stays_constant(shape, target):
    result = resample_image(torch.full((2, *shape), 3.5), target)
    assert result.shape == (2, *target)
    assert torch.allclose(result, torch.tensor(3.5))


def test_a_finer_image_is_pytorchs_trilinear():
    image = noise(2, 5, 6, 7)
    expected = functional.interpolate(image[None], size=(9, 6, 11), mode="trilinear")
    assert torch.equal(resample_image(image, (9, 6, 11)), expected[0])


def test_a_ramp_keeps_its_place_in_the_patient():
    """Both grids fill the same box, so a linear ramp has the value of its place."""
    fine = Geometry.from_spacing((40, 4, 4), (1.0, 1.0, 1.0))
    coarse = fine.with_shape((16, 4, 4))
    ramp = torch.arange(40.0).view(1, 40, 1, 1).expand(1, 40, 4, 4)
    result = resample_image(ramp, (16, 4, 4))[0, :, 0, 0]
    places = coarse.to_world([(i, 0, 0) for i in range(16)])[:, 0]
    np.testing.assert_allclose(result[3:-3], places[3:-3], atol=1e-4)


def test_a_coarser_image_does_not_alias():
    """The finest stripes average out; plain interpolation would keep them."""
    stripes = (torch.arange(60) % 2).float().view(1, 60, 1, 1).expand(1, 60, 4, 4)
    image = stripes * 2 - 1
    plain = functional.interpolate(image[None], size=(20, 4, 4), mode="trilinear")
    assert plain.abs().max() == 1
    assert resample_image(image, (20, 4, 4))[:, 2:-2].abs().max() < 0.01


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("slab_bytes", [1, 3000, 2**23])
def test_a_coarser_axis_is_smoothed_as_by_scipy(axis, slab_bytes, monkeypatch):
    """Before it is interpolated; however few rows there is memory for."""
    monkeypatch.setattr(resampling, "_SLAB_BYTES", slab_bytes)
    image = noise(2, 21, 26, 31)
    kept = image.clone()
    target = [21, 26, 31]
    target[axis] = 10
    factor = image.shape[1 + axis] / 10
    sd = 0.5 * (factor**2 - 1) ** 0.5
    smooth = gaussian_filter1d(
        image.double().numpy(), sd, 1 + axis, mode="nearest", radius=round(3 * sd)
    )
    expected = functional.interpolate(
        torch.from_numpy(smooth).float()[None], size=target, mode="trilinear"
    )
    i, j, k = target
    result = resample_image(image, (i, j, k))
    torch.testing.assert_close(result, expected[0], rtol=0, atol=1e-6)
    assert torch.equal(image, kept)


def test_a_coarser_image_takes_no_more_than_itself_at_once(monkeypatch):
    """No copy with repeated borders, which is larger than the scan."""
    monkeypatch.setattr(resampling, "_SLAB_BYTES", 10_000)
    image = noise(1, 40, 30, 20)
    with LittleMemory(image.numel()):
        result = resample_image(image, (13, 11, 9))
    assert result.shape == (1, 13, 11, 9)


def test_a_coarser_image_keeps_its_mean():
    image = noise(1, 48, 48, 48).abs() + 1
    assert resample_image(image, (20, 24, 30)).mean() == pytest.approx(
        float(image.mean()), rel=0.01
    )


@pytest.mark.parametrize("target", [(20, 24, 30), (60, 50, 40), (40, 40, 24)])
def test_resampled_labels_keep_their_volumes(target):
    geometry = Geometry.from_spacing((40, 40, 40), (1.0, 1.0, 1.0))
    big = ellipsoid(geometry, (16.0, 14.0, 15.0))
    small = ellipsoid(geometry, (6.0, 7.0, 8.0))
    labels = torch.from_numpy(big.astype(np.uint8) + small.astype(np.uint8))
    result = resample_labels(labels, target, 3)
    share = labels.numel() / result.numel()
    for label in (1, 2):
        voxels = int((labels == label).sum())
        assert float((result == label).sum()) * share == pytest.approx(voxels, rel=0.05)
