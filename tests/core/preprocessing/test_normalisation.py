"""Intensities brought to what a network takes."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from medseg.core.plan import NormalisationKind
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


def test_a_z_score_of_what_is_not_zero_leaves_the_rest_zero():
    how = replace(Z_SCORE, kind=NormalisationKind.Z_SCORE_NONZERO)
    values = np.array([[[0, 0, 10, 20, 30]]], np.float32)
    sd = np.sqrt(200 / 3)
    assert_allclose(
        normalised(values, how), [[[0, 0, -10 / sd, 0, 10 / sd]]], rtol=1e-6
    )
    with_hole = np.array([[[False, True, True, True, True]]])
    expected = (values - 15) / values[with_hole].std()
    expected[0, 0, 0] = 0
    assert_allclose(normalised(values, how, with_hole), expected, rtol=1e-6)
    assert not normalised(np.zeros((2, 2, 2), np.float32), how).any()


def test_the_smallest_value_becomes_0_and_the_largest_1():
    how = replace(Z_SCORE, kind=NormalisationKind.MIN_MAX)
    values = np.array([[[-5, 0, 15]]], np.float32)
    assert_allclose(normalised(values, how), [[[0, 0.25, 1]]])
    assert_allclose(normalised(np.full((1, 1, 2), 3.0, np.float32), how), 0.0)


def test_values_may_stay_as_they_are():
    values = np.array([[[-5, 0, 15]]], np.float32)
    assert normalised(values, replace(Z_SCORE, kind=NormalisationKind.NONE)) is values
