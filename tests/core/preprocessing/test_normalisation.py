"""Intensities at mean 0 and SD 1."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from medseg.preprocessing.normalisation import normalised
from tests.core.making import CT, Z_SCORE


def test_ct_is_clipped_then_scaled_by_the_datasets_statistics():
    hu = np.array([[[-1000, -100, 50, 90, 200, 3000]]], np.float32)
    expected = [[[-7.5, -7.5, 0, 2, 7.5, 7.5]]]
    result = normalised(hu, CT)
    assert result.dtype == np.float32
    assert_allclose(result, expected, rtol=1e-6)


def test_a_z_score_has_mean_0_and_sd_1_whatever_the_units():
    values = np.random.default_rng(0).gamma(2.0, 300.0, (9, 8, 7)).astype(np.float32)
    result = normalised(values, Z_SCORE)
    assert result.dtype == np.float32
    assert result.mean() == pytest.approx(0, abs=1e-5)
    assert result.std() == pytest.approx(1, abs=1e-5)
    assert_allclose(normalised(values * 7 + 40, Z_SCORE), result, atol=1e-4)


def test_constant_scans_become_zero_not_nan():
    constant = np.full((3, 3, 3), 50.0, np.float32)
    flat = replace(CT, statistics=replace(CT.statistics, sd=0.0))
    for how in (Z_SCORE, CT, flat):
        assert_allclose(normalised(constant, how), 0.0)
