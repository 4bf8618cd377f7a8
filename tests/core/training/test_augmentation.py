"""Changes that leave a patient a plausible patient."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from medseg.training.augmentation import (
    Appearance,
    draw_appearance,
    draw_deformation,
    with_appearance,
)
from medseg.training.samples import counter_rng
from tests.core.making import TINY_PLAN


def deformations(spacing_mm, mirror_axes=()) -> np.ndarray:
    """Many drawn ones, as matrices on offsets in millimetres."""
    plan = replace(TINY_PLAN, spacing_mm=spacing_mm, mirror_axes=mirror_axes)
    drawn = np.array([draw_deformation(counter_rng(0, n, 0), plan) for n in range(150)])
    scale = np.array(spacing_mm)
    return np.asarray(drawn * scale[:, None] / scale)


def image(*shape, seed=0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.7, 1.1, 2.0)])
def test_a_deformation_is_a_rotation_of_a_scaling_in_millimetres(spacing_mm):
    """So a sphere stays a sphere, up to its scaling, whatever the grid."""
    matrices = deformations(spacing_mm)
    products = matrices.transpose(0, 2, 1) @ matrices
    scales = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    diagonals = np.eye(3) * (scales**2)[:, None]
    assert_allclose(products, diagonals, atol=1e-9)
    assert (scales > 0.8 * np.exp(-0.15) - 1e-9).all()
    assert (scales < 1.25 * np.exp(0.15) + 1e-9).all()
    assert (np.linalg.det(matrices) > 0).all()


def test_angles_stay_within_twenty_degrees_an_axis():
    matrices = deformations((1.0, 1.0, 1.0))
    units = matrices / np.linalg.norm(matrices, axis=1, keepdims=True)
    angles = np.degrees(np.arccos(((np.trace(units, 0, 1, 2) - 1) / 2).clip(-1, 1)))
    assert 20 < angles.max() < 60
    assert 0.35 < (angles < 1e-3).mean() < 0.65


def test_a_coarse_axis_is_not_mixed_with_the_others():
    matrices = deformations((1.0, 1.0, 4.0))
    assert_allclose(matrices[:, 2, :2], 0, atol=1e-12)
    assert_allclose(matrices[:, :2, 2], 0, atol=1e-12)
    assert (np.abs(matrices[:, 0, 1]) > 0.01).any()


def test_half_the_patients_are_mirrored_where_the_plan_allows_it():
    assert (np.linalg.det(deformations((1.0, 1.0, 1.0))) > 0).all()
    mirrored = np.linalg.det(deformations((1.0, 1.0, 1.0), mirror_axes=(0,))) < 0
    assert 0.4 < mirrored.mean() < 0.6


def test_the_default_appearance_changes_nothing():
    given = image(2, 5, 6, 7)
    assert torch.equal(with_appearance(given, Appearance()), given)


def test_gain_and_shift_are_what_they_say():
    given = image(1, 5, 6, 7)
    changed = with_appearance(given, Appearance(gain=1.2, shift=-0.3))
    torch.testing.assert_close(changed, given * 1.2 - 0.3)


def test_noise_has_its_sd_and_follows_from_its_seed():
    given = torch.zeros(1, 30, 30, 30)
    noisy = with_appearance(given, Appearance(noise_sd=0.2, noise_seed=5))
    again = with_appearance(given, Appearance(noise_sd=0.2, noise_seed=5))
    other = with_appearance(given, Appearance(noise_sd=0.2, noise_seed=6))
    assert torch.equal(noisy, again)
    assert not torch.equal(noisy, other)
    assert float(noisy.std()) == pytest.approx(0.2, rel=0.02)
    assert float(noisy.mean()) == pytest.approx(0, abs=0.005)


def test_blur_spreads_a_point_by_its_sd_and_keeps_its_sum():
    point = torch.zeros(1, 11, 11, 11)
    point[0, 5, 5, 5] = 1
    blurred = with_appearance(point, Appearance(blur_sd_voxels=0.7))
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-5)
    profile = blurred[0].sum((1, 2)).numpy()
    variance = (profile * (np.arange(11) - 5) ** 2).sum()
    assert variance == pytest.approx(0.7**2, rel=0.03)


def test_a_coarser_scan_keeps_its_shape_and_loses_detail():
    given = image(2, 16, 16, 16)
    coarse = with_appearance(given, Appearance(zoom=0.5))
    assert coarse.shape == given.shape
    assert coarse.std() < 0.9 * given.std()
    constant = torch.full((1, 8, 8, 8), 3.0)
    torch.testing.assert_close(
        with_appearance(constant, Appearance(zoom=0.5)), constant
    )


@pytest.mark.parametrize("invert", [False, True])
def test_gamma_keeps_the_mean_the_sd_and_the_order_of_intensities(invert):
    given = image(1, 8, 8, 8)
    bent = with_appearance(given, Appearance(gamma=1.4, invert=invert))
    assert float(bent.mean()) == pytest.approx(float(given.mean()), abs=1e-4)
    assert float(bent.std()) == pytest.approx(float(given.std()), rel=1e-4)
    assert torch.equal(bent.flatten().argsort(), given.flatten().argsort())
    assert not torch.allclose(bent, given, atol=0.01)


def test_a_constant_patch_survives_every_change():
    constant = torch.full((1, 6, 6, 6), 2.0)
    for n in range(50):
        changed = with_appearance(constant, draw_appearance(counter_rng(0, n, 0)))
        assert torch.isfinite(changed).all()


def test_most_changes_are_absent_most_of_the_time():
    drawn = [draw_appearance(counter_rng(0, n, 0)) for n in range(250)]
    plain = Appearance()
    for name, chance in (("noise_sd", 0.15), ("zoom", 0.2), ("gamma", 0.3)):
        changed = [getattr(a, name) != getattr(plain, name) for a in drawn]
        assert np.mean(changed) == pytest.approx(chance, abs=0.08)
