import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import chi, norm
from statsmodels.stats.weightstats import DescrStatsW

from medseg.study.statistics.agreement import (
    icc_agreement,
    limits_of_agreement,
    volume_agreement,
)
from tests.core.study.statistics.making import clustered, independent

# Bland and Altman, Lancet 1986, table 1: peak flow in l/min, first readings.
WRIGHT, MINI_WRIGHT = np.array(
    [
        [494, 512],
        [395, 430],
        [516, 520],
        [434, 428],
        [476, 500],
        [557, 600],
        [413, 364],
        [442, 380],
        [650, 658],
        [433, 445],
        [417, 432],
        [656, 626],
        [267, 260],
        [478, 477],
        [178, 259],
        [423, 350],
        [427, 451],
    ],
    dtype=np.float64,
).T
# Shrout and Fleiss, Psychological Bulletin 1979, table 2: six targets, four judges.
JUDGES = np.array(
    [
        [9, 2, 5, 8],
        [6, 1, 3, 2],
        [8, 4, 6, 8],
        [7, 1, 2, 6],
        [10, 5, 6, 9],
        [6, 2, 4, 7],
    ],
    dtype=np.float64,
)


def agreement(prediction, reference, resampling=None):
    return volume_agreement(
        prediction,
        reference,
        resampling or independent(len(reference)),
        model="ours",
        structure="liver",
    )


def icc(ratings):
    return icc_agreement(ratings, 0.95)


# Bland-Altman


def test_limits_are_those_bland_and_altman_published():
    """They wrote 2 for 1.96: -2.1 - 2 x 38.8 = -79.7 and 75.5."""
    found = agreement(WRIGHT, MINI_WRIGHT)
    sd = (found.upper_limit_ml.value - found.bias_ml.value) / 1.959964
    assert found.bias_ml.value == pytest.approx(-2.1, abs=0.05)
    assert sd == pytest.approx(38.8, abs=0.05)
    assert found.bias_ml.value - 2 * sd == pytest.approx(-79.7, abs=0.1)
    assert found.bias_ml.value + 2 * sd == pytest.approx(75.5, abs=0.1)


def test_interval_of_the_bias_is_the_one_they_published():
    found = agreement(WRIGHT, MINI_WRIGHT).bias_ml
    assert (found.low, found.high) == pytest.approx((-22.0, 17.8), abs=0.15)
    ends = DescrStatsW(WRIGHT - MINI_WRIGHT).tconfint_mean()
    assert (found.low, found.high) == pytest.approx(ends)


def test_intervals_of_the_limits_are_near_the_approximate_ones_they_published():
    """40.9 to 110.1 and -114.3 to -45.1; the exact ones lie farther out."""
    found = agreement(WRIGHT, MINI_WRIGHT)
    upper, lower = found.upper_limit_ml, found.lower_limit_ml
    assert (upper.low, upper.high) == pytest.approx((40.9, 110.1), abs=16)
    assert (lower.low, lower.high) == pytest.approx((-114.3, -45.1), abs=16)
    assert upper.high > 110.1
    assert lower.low < -114.3


@pytest.mark.parametrize("n", [3, 17, 100, 2000])
def test_exact_intervals_end_where_the_limit_seen_would_be_a_rare_one(n):
    """Were the true limit there: the chance of one as low, over all SDs."""
    differences = np.random.default_rng(5).normal(2, 3, n)
    lower, _, upper = limits_of_agreement(differences, 0.95)
    mean, sd = differences.mean(), differences.std(ddof=1)

    def chance(limit):
        def at(spread: float) -> float:
            """Of a mean low enough, times the density of an SD of this many sigma."""
            below = norm.cdf(((limit - mean) / sd * spread - 1.959963985) * np.sqrt(n))
            density = chi.pdf(spread * np.sqrt(n - 1), n - 1) * np.sqrt(n - 1)
            return float(below * density)

        share, _ = quad(at, 0, 1 + 10 / np.sqrt(n), limit=500, points=[1.0])
        return float(share)

    assert chance(upper.low) == pytest.approx(0.025, rel=1e-5)
    assert chance(upper.high) == pytest.approx(0.975, rel=1e-5)
    assert upper.high - mean == pytest.approx(mean - lower.low)
    assert upper.low - mean == pytest.approx(mean - lower.high)


def test_proportional_bias_is_the_regression_of_difference_on_mean():
    reference = np.linspace(10, 90, 25)
    prediction = 1.1 * reference + np.random.default_rng(6).normal(0, 3, 25)
    found = agreement(prediction, reference)
    line = sm.OLS(
        prediction - reference, sm.add_constant((prediction + reference) / 2)
    ).fit()
    assert found.slope.value == pytest.approx(line.params[1])
    assert (found.slope.low, found.slope.high) == pytest.approx(line.conf_int()[1])
    assert found.slope_p == pytest.approx(line.pvalues[1])


def test_a_constant_shift_is_bias_without_slope():
    reference = np.array([10.0, 20.0, 40.0, 80.0])
    found = agreement(reference + 2, reference)
    assert found.bias_ml.value == pytest.approx(2)
    assert found.upper_limit_ml.value == pytest.approx(2)
    assert found.slope.value == pytest.approx(0)
    assert found.slope_p is None
    assert found.volumes_ml[3] == (80.0, 82.0)


def test_equal_volumes_agree_wholly():
    found = agreement(WRIGHT, WRIGHT)
    assert (found.bias_ml.value, found.upper_limit_ml.high) == (0, 0)
    assert (found.icc.value, found.icc.low) == pytest.approx((1, 1))


def test_volumes_that_do_not_vary_have_no_icc_and_no_tested_slope():
    found = agreement(np.full(5, 6.0), np.full(5, 5.0))
    assert found.icc is None
    assert (found.slope.low, found.slope_p) == (None, None)


def test_absent_cases_are_left_out_and_two_are_too_few():
    reference = np.array([10.0, np.nan, 20.0, 30.0, 35.0])
    prediction = np.array([11.0, 3.0, np.nan, 29.0, 37.0])
    found = agreement(prediction, reference)
    assert found.bias_ml.n == 3
    assert len(found.volumes_ml) == 3
    assert agreement(prediction[:4], reference[:4]) is None


# ICC


def test_icc_is_the_one_shrout_and_fleiss_published():
    value, _, _ = icc(JUDGES)
    assert value == pytest.approx(0.29, abs=0.005)


def test_interval_of_the_icc_is_that_of_the_r_package_psych():
    """psych::ICC of the same table prints ICC2 0.29, 0.019 to 0.76."""
    _, low, high = icc(JUDGES)
    assert (low, high) == pytest.approx((0.019, 0.76), abs=0.005)


def test_icc_of_two_raters_by_their_moments():
    """Variance of the means against all variance, from sums of squares by hand."""
    found = agreement(WRIGHT, MINI_WRIGHT).icc
    d, m = WRIGHT - MINI_WRIGHT, (WRIGHT + MINI_WRIGHT) / 2
    rows, error, columns = 2 * m.var(ddof=1), d.var(ddof=1) / 2, 17 * d.mean() ** 2 / 2
    expected = (rows - error) / (rows + error + 2 / 17 * (columns - error))
    assert found.value == pytest.approx(expected)
    assert found.low < found.value < found.high


@given(st.floats(-1000, 1000), st.floats(0.01, 1000))
def test_icc_follows_no_shift_and_no_scale_of_both(shift, scale):
    assert icc(shift + scale * JUDGES) == pytest.approx(icc(JUDGES), abs=1e-6)


# Several cases a patient


def test_with_several_cases_a_patient_the_estimates_stay_and_intervals_widen():
    volume = np.repeat(np.linspace(50, 150, 20), 3)
    error = np.repeat(np.random.default_rng(7).normal(0, 5, 20), 3)
    patient = np.arange(20).repeat(3)
    together = agreement(volume + error, volume, clustered(patient))
    apart = agreement(volume + error, volume)
    for name in ("bias_ml", "lower_limit_ml", "upper_limit_ml", "slope", "icc"):
        one, other = getattr(together, name), getattr(apart, name)
        assert one.value == pytest.approx(other.value)
        assert one.low < one.value < one.high
        assert (one.n, one.patients) == (60, 20)
        if name != "icc":
            assert one.high - one.low > 1.2 * (other.high - other.low)
    assert together.slope_p is None


def test_with_several_cases_a_patient_absent_cases_are_left_out():
    volume = np.linspace(50, 150, 30)
    volume[::7] = np.nan
    found = agreement(volume + 2, volume, clustered(np.arange(30) // 2))
    assert found.bias_ml.value == pytest.approx(2)
    assert found.bias_ml.n == 25


def test_with_several_cases_a_patient_constant_volumes_have_no_icc():
    found = agreement(np.full(6, 6.0), np.full(6, 5.0), clustered(np.arange(6) // 2))
    assert found.icc is None
    assert (found.slope.value, found.slope.low) == (0, None)
