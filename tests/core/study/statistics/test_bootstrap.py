from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import norm, skew

from medseg.study.statistics.bootstrap import (
    Resampling,
    acceleration,
    bca,
    mean_interval,
    median_interval,
    ratio_interval,
    structure_mean_interval,
    structure_means,
)
from medseg.study.statistics.design import BootstrapSettings, Design
from tests.core.study.statistics.making import (
    QUICK,
    clustered,
    independent,
    surrounds_its_value,
)

SKEWED = np.random.default_rng(1).lognormal(1.0, 0.8, 40)


def scipy_interval(data, statistic, replicates, *, paired=False):
    """SciPy's BCa interval from samples that are given."""
    start = scipy_bootstrap(
        data, statistic, n_resamples=2, method="basic", paired=paired, rng=0
    )
    return scipy_bootstrap(
        data,
        statistic,
        n_resamples=0,
        bootstrap_result=replace(start, bootstrap_distribution=replicates),
        method="BCa",
        paired=paired,
    ).confidence_interval


def means_of(values, resampling: Resampling):
    return resampling.replicates(lambda each: structure_means(values[:, None], each))


# What is drawn


@given(
    st.lists(st.integers(1, 3), min_size=16, max_size=40),
    st.integers(1, 3),
    st.integers(0, 2**32),
)
def test_each_sample_draws_whole_patients_as_many_in_each_centre_as_there_are(
    scans, centres, seed
):
    patient = np.repeat(np.arange(len(scans)), scans)
    drawn = clustered(
        patient, patient % centres, BootstrapSettings(resamples=100, seed=seed)
    )
    by_patient = np.full((100, len(scans)), -1)
    for case, number in enumerate(patient):
        is_first = by_patient[:, number] < 0
        assert (is_first | (by_patient[:, number] == drawn.weights[:, case])).all()
        by_patient[:, number] = drawn.weights[:, case]
    for number in np.unique(drawn.stratum):
        inside = drawn.stratum == number
        assert (by_patient[:, inside].sum(axis=1) == inside.sum()).all()


def test_draws_are_those_of_the_multinomial_distribution():
    weights = independent(10, BootstrapSettings(resamples=20_000)).weights
    assert weights.mean(axis=0) == pytest.approx(np.ones(10), abs=0.03)
    assert weights.var(axis=0) == pytest.approx(np.full(10, 0.9), abs=0.04)
    covariance = np.cov(weights.T)[np.triu_indices(10, 1)]
    assert covariance == pytest.approx(np.full(45, -0.1), abs=0.03)


def test_a_seed_gives_the_same_samples_and_another_seed_others():
    one, same = independent(20), independent(20)
    other = independent(20, replace(QUICK, seed=1))
    assert np.array_equal(one.weights, same.weights)
    assert not np.array_equal(one.weights, other.weights)


# The same as SciPy, from the same samples


def test_interval_of_a_mean_is_scipys():
    drawn = independent(len(SKEWED))
    found = mean_interval(SKEWED, drawn)
    known = scipy_interval((SKEWED,), np.mean, means_of(SKEWED, drawn))
    assert (found.low, found.high) == pytest.approx(known, rel=1e-9)
    assert found.value == pytest.approx(SKEWED.mean())


@pytest.mark.parametrize("cases", [40, 41])
def test_interval_of_a_median_is_scipys(cases):
    values = np.random.default_rng(2).lognormal(1.0, 0.8, cases)
    drawn = independent(cases)
    medians = np.array([np.median(np.repeat(values, each)) for each in drawn.weights])
    found = median_interval(values, drawn)
    known = scipy_interval((values,), np.median, medians)
    assert (found.low, found.high) == pytest.approx(known, rel=1e-9)
    assert found.value == np.median(values)


def test_interval_with_clusters_is_scipys_over_patients():
    patient = np.repeat(np.arange(20), np.tile([1, 3], 10))
    drawn = clustered(patient)
    sums, counts = np.bincount(patient, SKEWED), np.bincount(patient) * 1.0
    found = mean_interval(SKEWED, drawn)
    known = scipy_interval(
        (sums, counts),
        lambda sums, counts, axis=-1: sums.sum(axis=axis) / counts.sum(axis=axis),
        means_of(SKEWED, drawn),
        paired=True,
    )
    assert (found.low, found.high) == pytest.approx(known, rel=1e-9)
    assert (found.n, found.patients) == (40, 20)


def test_interval_with_centres_is_scipys_of_several_samples():
    """SciPy takes the centres as samples by themselves."""
    centre = np.repeat([0, 1, 2], [20, 12, 8])
    values = SKEWED + 5.0 * centre
    drawn = clustered(np.arange(40), centre)
    found = mean_interval(values, drawn)
    known = scipy_interval(
        tuple(values[centre == number] for number in range(3)),
        lambda a, b, c, axis=-1: (
            (20 * a.mean(axis=axis) + 12 * b.mean(axis=axis) + 8 * c.mean(axis=axis))
            / 40
        ),
        means_of(values, drawn),
    )
    assert (found.low, found.high) == pytest.approx(known, rel=1e-9)


def test_interval_of_a_pooled_ratio_is_scipys():
    lesions = np.tile([0.0, 1.0, 2.0, 5.0], 10)
    found_lesions = np.minimum(lesions, np.tile([1.0, 0.0, 2.0, 4.0, 0.0], 8))
    drawn = independent(40)
    found = ratio_interval(found_lesions, lesions, drawn)
    known = scipy_interval(
        (found_lesions, lesions),
        lambda a, b, axis=-1: a.sum(axis=axis) / b.sum(axis=axis),
        drawn.replicates(lambda each: (each @ found_lesions) / (each @ lesions)),
        paired=True,
    )
    assert (found.low, found.high) == pytest.approx(known, rel=1e-9)
    assert found.value == pytest.approx(found_lesions.sum() / lesions.sum())
    assert found.n == 30


def test_our_draws_and_scipys_give_nearly_the_same_interval():
    found = mean_interval(SKEWED, independent(40, BootstrapSettings()))
    known = scipy_bootstrap((SKEWED,), np.mean, n_resamples=9999, rng=5)
    ends = known.confidence_interval
    assert found.low == pytest.approx(ends.low, abs=0.05 * known.standard_error)
    assert found.high == pytest.approx(ends.high, abs=0.1 * known.standard_error)


# The formulas, by hand


def test_acceleration_of_a_mean_is_its_skewness():
    """Efron (1987): skewness / (6 sqrt(n))."""
    n = len(SKEWED)
    without = (SKEWED.sum() - SKEWED) / (n - 1)
    stratum = np.zeros(n, dtype=np.int64)
    assert acceleration(without, stratum) == pytest.approx(skew(SKEWED) / 6 / n**0.5)


def test_without_bias_and_acceleration_the_ends_are_percentiles():
    replicates = np.linspace(-1, 1, 1001)
    low, high = bca(0.0, replicates, np.array([-1.0, 1.0]), independent(2))
    assert (low, high) == pytest.approx((-0.95, 0.95))


def test_the_bias_moves_both_ends_by_twice_z0():
    replicates = np.linspace(0, 1, 10_001)
    low, high = bca(0.6, replicates, np.array([-1.0, 1.0]), independent(2))
    bias = norm.ppf(0.6)
    expected = norm.cdf(2 * bias + norm.ppf([0.025, 0.975]))
    assert (low, high) == pytest.approx(expected, abs=2e-4)


def test_an_estimate_beyond_all_samples_gives_ends_among_them():
    replicates = np.linspace(0, 1, 200)
    for value in (-5.0, 5.0):
        low, high = bca(value, replicates, np.array([0.0, 0.0, 9.0]), independent(3))
        assert 0 <= low <= high <= 1


# What has no value


def test_cases_without_a_value_count_for_nothing():
    values = np.concatenate([SKEWED, np.full(10, np.nan)])
    found = mean_interval(values, independent(50))
    assert found.value == pytest.approx(SKEWED.mean())
    assert (found.n, found.patients) == (40, 40)
    assert surrounds_its_value(found)


def test_the_median_leaves_out_cases_without_a_value():
    values = np.concatenate([SKEWED, np.full(10, np.nan)])
    found = median_interval(values, independent(50))
    assert found.value == np.median(SKEWED)
    assert surrounds_its_value(found)


def test_equal_values_have_an_interval_of_no_width():
    found = mean_interval(np.full(12, 0.7), independent(12))
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.7, 0.7))


def test_one_patient_has_no_interval_however_many_scans():
    found = mean_interval(np.array([0.5, 0.6, 0.9]), clustered(np.zeros(3, int)))
    assert found.value == pytest.approx(2 / 3)
    assert (found.low, found.high, found.patients) == (None, None, 1)


@pytest.mark.parametrize("interval_of", [mean_interval, median_interval])
def test_no_value_at_all_is_not_a_number_without_an_interval(interval_of):
    found = interval_of(np.full(4, np.nan), independent(4))
    assert np.isnan(found.value)
    assert (found.low, found.high, found.n, found.patients) == (None, None, 0, 0)


def test_centres_of_one_patient_each_still_have_an_interval():
    drawn = clustered(np.arange(12), np.arange(12))
    found = mean_interval(SKEWED[:12], drawn)
    assert surrounds_its_value(found)


# Means over structures


def test_structures_count_the_same_however_many_cases_have_them():
    table = np.column_stack([SKEWED, np.full(40, np.nan), np.full(40, 0.0)])
    table[10:, 2] = np.nan
    found = structure_mean_interval(table, independent(40))
    assert found.value == pytest.approx(SKEWED.mean() / 2)


def test_samples_that_lack_a_structure_are_left_out():
    """Else the mean would jump to that of the other structures."""
    table = np.full((20, 2), np.nan)
    table[:, 0] = np.linspace(0.88, 0.92, 20)
    table[:2, 1] = (0.28, 0.32)
    found = structure_mean_interval(table, independent(20))
    assert found.value == pytest.approx(0.6)
    assert (found.low, found.high) == pytest.approx((0.6, 0.6), abs=0.03)
    assert surrounds_its_value(found)


def test_no_interval_where_hardly_a_sample_has_all_structures():
    table = np.where(np.eye(12) > 0, 0.5, np.nan)
    found = structure_mean_interval(table, independent(12))
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high, found.patients) == (None, None, 12)


# Properties


@given(st.integers(0, 2**32))
def test_the_order_of_cases_does_not_matter(seed):
    order = np.random.default_rng(seed).permutation(40)
    patient, centre = np.arange(40) // 2, np.arange(40) // 20
    found = mean_interval(SKEWED, clustered(patient, centre))
    turned = mean_interval(SKEWED[order], clustered(patient[order], centre[order]))
    assert (turned.value, turned.low, turned.high) == pytest.approx(
        (found.value, found.low, found.high), rel=1e-9
    )


def test_clusters_of_one_are_plain_cases():
    plain = Resampling.of(Design.independent(40), QUICK)
    of_one = Resampling.of(
        Design(patients=plain_names(40), strata=("only",) * 40), QUICK
    )
    assert np.array_equal(plain.weights, of_one.weights)
    assert not of_one.is_clustered


def plain_names(cases: int) -> tuple[str, ...]:
    return tuple(str(case) for case in range(cases))


@given(st.floats(-100, 100), st.floats(0.01, 100))
def test_intervals_of_means_follow_shift_and_scale(shift, scale):
    drawn = independent(40)
    found = mean_interval(SKEWED, drawn)
    moved = mean_interval(shift + scale * SKEWED, drawn)
    expected = [shift + scale * each for each in (found.value, found.low, found.high)]
    assert (moved.value, moved.low, moved.high) == pytest.approx(expected, rel=1e-6)


def test_repeated_scans_make_no_narrower_interval():
    """Three identical scans of a patient know no more than one."""
    one = mean_interval(SKEWED, clustered(np.arange(40)))
    three = mean_interval(SKEWED.repeat(3), clustered(np.arange(40).repeat(3)))
    assert (three.low, three.high) == pytest.approx((one.low, one.high))


def test_paired_draws_make_a_constant_difference_certain():
    drawn = independent(40)
    found = mean_interval((SKEWED + 0.5) - SKEWED, drawn)
    assert (found.low, found.high) == pytest.approx((0.5, 0.5))
