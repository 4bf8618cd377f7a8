"""Changes of intensity, many images at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from medseg.training.appearance import (
    UNCHANGED,
    Appearance,
    draw_appearance,
    with_appearances,
)
from medseg.training.samples import counter_rng


def image(*shape, seed=0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def changed(given: torch.Tensor, appearance: Appearance) -> torch.Tensor:
    """One image (channel, i, j, k) among others that change otherwise."""
    others = image(2, *given.shape, seed=5)
    batch = torch.stack([others[0], given, others[1]])
    busy = replace(appearance, gain=1.1, blur_sd_voxels=0.9, gamma=1.3, noise_sd=0.1)
    return with_appearances(batch, (busy, appearance, UNCHANGED))[1]


def test_the_default_appearance_changes_nothing():
    given = image(2, 5, 6, 7)
    assert torch.equal(changed(given, UNCHANGED), given)


def test_gain_and_shift_are_what_they_say():
    given = image(1, 5, 6, 7)
    result = changed(given, Appearance(gain=1.2, shift=-0.3))
    torch.testing.assert_close(result, given * 1.2 - 0.3)


def test_noise_has_its_sd_and_follows_from_its_seed():
    given = torch.zeros(1, 30, 30, 30)
    noisy = changed(given, Appearance(noise_sd=0.2, noise_seed=5))
    again = changed(given, Appearance(noise_sd=0.2, noise_seed=5))
    other = changed(given, Appearance(noise_sd=0.2, noise_seed=6))
    assert torch.equal(noisy, again)
    assert not torch.equal(noisy, other)
    assert float(noisy.std()) == pytest.approx(0.2, rel=0.02)
    assert float(noisy.mean()) == pytest.approx(0, abs=0.005)


@pytest.mark.parametrize("sd_voxels", [0.5, 0.8, 1.0])
def test_blur_is_scipys_gaussian_filter(sd_voxels):
    given = image(2, 12, 9, 5)
    expected = [
        ndimage.gaussian_filter(channel, sd_voxels, mode="nearest", radius=3)
        for channel in given.numpy()
    ]
    result = changed(given, Appearance(blur_sd_voxels=sd_voxels)).numpy()
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("zoom", [0.5, 0.63, 0.9])
def test_low_resolution_is_torchs_trilinear_interpolation_there_and_back(zoom):
    given = image(2, 16, 11, 7)
    coarse = [max(1, round(n * zoom)) for n in (16, 11, 7)]
    small = torch.nn.functional.interpolate(given[None], coarse, mode="trilinear")
    expected = torch.nn.functional.interpolate(small, (16, 11, 7), mode="trilinear")[0]
    result = changed(given, Appearance(zoom=zoom))
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("voxels", [40, 41])
def test_low_resolution_leaves_a_structure_where_its_labels_are(voxels):
    place = torch.arange(voxels).float()
    moved = []
    for centre in range(15, 25):
        blob = torch.exp(-((place - centre) ** 2) / 50)
        line = blob.view(1, -1, 1, 1).expand(1, voxels, 8, 8)
        for zoom in np.linspace(0.5, 0.95, 10):
            coarse = changed(line, Appearance(zoom=float(zoom)))[0, :, 4, 4]
            moved.append(float((coarse * place).sum() / coarse.sum()) - centre)
    assert np.abs(moved).max() < 0.05


def test_blur_comes_before_the_loss_of_resolution():
    given = image(1, 10, 10, 10)
    one_by_one = changed(
        changed(given, Appearance(blur_sd_voxels=0.7)), Appearance(zoom=0.6)
    )
    both = changed(given, Appearance(blur_sd_voxels=0.7, zoom=0.6))
    torch.testing.assert_close(both, one_by_one, rtol=1e-4, atol=1e-5)


def test_contrast_widens_about_the_mean_of_each_channel_and_keeps_the_range():
    given = image(2, 8, 8, 8) + torch.tensor([0.0, 10.0]).view(2, 1, 1, 1)
    wider = changed(given, Appearance(contrast=1.2))
    flatter = changed(given, Appearance(contrast=0.8))
    for channel in range(2):
        before = given[channel]
        assert wider[channel].min() == before.min()
        assert wider[channel].max() == before.max()
        centred = before - before.mean()
        torch.testing.assert_close(
            flatter[channel], before.mean() + 0.8 * centred, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("invert", [False, True])
def test_gamma_keeps_mean_sd_and_order_of_each_channel(invert):
    given = image(2, 8, 8, 8) * torch.tensor([1.0, 5.0]).view(2, 1, 1, 1)
    bent = changed(given, Appearance(gamma=1.4, invert=invert))
    for mine, theirs in zip(bent, given, strict=True):
        assert float(mine.mean()) == pytest.approx(float(theirs.mean()), abs=1e-4)
        assert float(mine.std()) == pytest.approx(float(theirs.std()), rel=1e-4)
        assert torch.equal(mine.flatten().argsort(), theirs.flatten().argsort())
        assert not torch.allclose(mine, theirs, atol=0.01)


def test_a_constant_patch_survives_every_change():
    constant = torch.full((1, 6, 6, 6), 2.0)
    for n in range(50):
        result = changed(constant, draw_appearance(counter_rng(0, n, 0)))
        assert torch.isfinite(result).all()


def test_most_changes_are_absent_most_of_the_time():
    drawn = [draw_appearance(counter_rng(0, n, 0)) for n in range(250)]
    for name, chance in (
        ("noise_sd", 0.15),
        ("zoom", 0.2),
        ("gamma", 0.3),
        ("contrast", 0.15),
    ):
        differing = [getattr(a, name) != getattr(UNCHANGED, name) for a in drawn]
        assert np.mean(differing) == pytest.approx(chance, abs=0.08)
