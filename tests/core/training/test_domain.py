"""Patches as another scanner might have shown them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from medseg.training.appearance import (
    Appearance,
    draw_appearance,
    draw_foreign_appearance,
    with_appearances,
)
from medseg.training.domain import BIAS_TERMS, biased, draw_bias, remapped
from medseg.training.samples import counter_rng

SHAPE = (9, 8, 7)


def patch(seed: int, channels: int = 1) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(channels, *SHAPE)), (0, 1, 1, 1))
    return torch.from_numpy((smooth * 5 + 0.3).astype(np.float32))


def network_by_scipy(image: np.ndarray, seed: int) -> np.ndarray:
    """Four layers, the numbers drawn in the same order, each convolution by SciPy."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    maps = [image.astype(float)]
    for layer in range(4):
        outputs = 1 if layer == 3 else 2
        edge = int(rng.choice((1, 3)))
        kernels = rng.standard_normal((outputs, len(maps), edge, edge, edge))
        shifts = rng.standard_normal(outputs)
        maps = [
            shift
            + sum(
                ndimage.correlate(each, weights, mode="constant")
                for each, weights in zip(maps, kernel, strict=True)
            )
            for kernel, shift in zip(kernels, shifts, strict=True)
        ]
        if layer < 3:
            maps = [np.where(each > 0, each, 0.01 * each) for each in maps]
    return maps[0]


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), share=st.floats(0.05, 1.0))
def test_a_remapped_patch_is_what_scipys_convolutions_make_of_it(seed, share):
    image = patch(seed % 1000)
    before = image[0].numpy().astype(float)
    mixed = share * network_by_scipy(before, seed) + (1 - share) * before
    expected = mixed * np.sqrt((before**2).mean() / (mixed**2).mean())
    found = remapped(image, seed, share)[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)


@given(seed=st.integers(0, 2**31), share=st.floats(0.0, 1.0))
def test_remapping_keeps_the_root_mean_square_of_each_channel(seed, share):
    image = patch(seed % 1000, channels=2)
    found = remapped(image, seed, share)
    expected = image.square().mean((1, 2, 3))
    torch.testing.assert_close(
        found.square().mean((1, 2, 3)), expected, rtol=1e-2, atol=1e-4
    )


def test_a_share_of_nothing_changes_nothing():
    image = patch(1)
    torch.testing.assert_close(remapped(image, 5, 0.0), image, rtol=1e-4, atol=1e-4)


def test_channels_do_not_see_each_other():
    both = patch(2, channels=2)
    other = torch.stack([both[0], patch(3)[0]])
    assert torch.equal(remapped(both, 7, 0.8)[0], remapped(other, 7, 0.8)[0])
    assert not torch.equal(remapped(both, 7, 0.8)[1], remapped(other, 7, 0.8)[1])


def test_contrasts_come_out_turned_round_about_as_often_as_not():
    image = patch(4)
    signs = [
        np.corrcoef(remapped(image, seed, 1.0).ravel(), image.ravel())[0, 1] > 0
        for seed in range(60)
    ]
    assert 15 <= sum(signs) <= 45


@given(seed=st.integers(0, 2**31))
def test_a_biased_patch_is_the_patch_times_the_field_with_its_mean_and_sd(seed):
    image = patch(seed % 1000, channels=2)
    coefficients = draw_bias(np.random.default_rng(seed))
    axes = [np.linspace(-1, 1, n) for n in SHAPE]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    exponent = sum(
        c * x**i * y**j * z**k
        for c, (i, j, k) in zip(coefficients, BIAS_TERMS, strict=True)
    )
    found = biased(image, coefficients).numpy().astype(float)
    for channel, before in zip(found, image.numpy().astype(float), strict=True):
        shaded = (before - before.min()) * np.exp(exponent)
        expected = (shaded - shaded.mean()) / shaded.std() * before.std()
        np.testing.assert_allclose(channel, expected + before.mean(), atol=2e-3)


def test_a_field_has_every_term_up_to_order_three_but_the_constant():
    assert len(set(BIAS_TERMS)) == 19  # (3 + 3 choose 3) - 1
    assert all(1 <= sum(term) <= 3 for term in BIAS_TERMS)


def test_a_constant_patch_stays_finite():
    image = torch.full((1, *SHAPE), 0.7)
    coefficients = draw_bias(np.random.default_rng(0))
    changed = with_appearances(
        image[None].clone(),
        [Appearance(remap_share=0.5, remap_seed=3, bias=coefficients)],
    )
    assert torch.isfinite(changed).all()


def test_foreign_patches_are_remapped_by_half_and_shaded_by_a_third():
    drawn = [draw_foreign_appearance(counter_rng(0, n, 0)) for n in range(600)]
    assert sum(each.remap_share > 0 for each in drawn) == pytest.approx(300, abs=50)
    assert sum(bool(each.bias) for each in drawn) == pytest.approx(200, abs=50)


def test_what_is_usual_is_drawn_as_it_was():
    for n in range(20):
        usual = draw_appearance(counter_rng(1, n, 2))
        foreign = draw_foreign_appearance(counter_rng(1, n, 2))
        assert (foreign.noise_sd, foreign.zoom, foreign.gamma, foreign.contrast) == (
            *(usual.noise_sd, usual.zoom, usual.gamma, usual.contrast),
        )
        assert (usual.remap_share, usual.bias) == (0.0, ())


def test_a_patch_does_not_depend_on_its_batch():
    images = torch.stack([patch(n) for n in range(3)])
    changes = [draw_foreign_appearance(counter_rng(4, n, 0)) for n in range(3)]
    together = with_appearances(images.clone(), changes)
    for n in range(3):
        alone = with_appearances(images[n : n + 1].clone(), changes[n : n + 1])
        torch.testing.assert_close(together[n : n + 1], alone, rtol=0, atol=1e-4)
