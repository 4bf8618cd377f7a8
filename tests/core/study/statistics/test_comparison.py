import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import PermutationMethod, wilcoxon
from statsmodels.stats.multitest import multipletests

from medseg.core.metric import metric_named
from medseg.study.statistics.bootstrap import mean_interval
from medseg.study.statistics.comparison import (
    Question,
    compare_pair,
    holm,
    patient_means,
    rank_biserial,
    signed_rank_p,
    with_holm,
)
from tests.core.study.statistics.making import clustered, independent

RNG = np.random.default_rng(3)
FIRST = RNG.beta(16, 2, (30, 1))
SECOND = FIRST - RNG.normal(0.02, 0.03, (30, 1))


def question(metric: str = "dice", margin: float | None = None) -> Question:
    return Question(
        first="ours",
        second="theirs",
        structure="liver",
        metric=metric_named(metric),
        margin=margin,
    )


def compared(*arguments):
    return compare_pair(*arguments)


def test_difference_is_that_of_the_means_with_its_paired_interval():
    drawn = independent(30)
    found = compared(question(), FIRST, SECOND, drawn)
    alone = mean_interval((FIRST - SECOND)[:, 0], drawn)
    assert found.difference.value == pytest.approx(FIRST.mean() - SECOND.mean())
    assert found.difference.low == pytest.approx(alone.low)
    assert found.difference.high == pytest.approx(alone.high)
    assert found.larger + found.smaller == 30


def test_turning_the_models_round_turns_the_signs_round():
    drawn = independent(30)
    one = compared(question(), FIRST, SECOND, drawn)
    other = compared(question(), SECOND, FIRST, drawn)
    assert other.difference.value == pytest.approx(-one.difference.value)
    assert other.difference.low == pytest.approx(-one.difference.high, abs=1e-6)
    assert other.rank_biserial == pytest.approx(-one.rank_biserial)
    assert other.p_value == pytest.approx(one.p_value)
    assert (other.larger, other.smaller) == (one.smaller, one.larger)


def test_p_value_is_scipys_over_patients_mean_differences():
    patient = np.arange(30) // 2
    found = compared(question(), FIRST, SECOND, clustered(patient))
    by_patient = (FIRST - SECOND).reshape(15, 2).mean(axis=1)
    assert found.p_value == pytest.approx(
        wilcoxon(by_patient, zero_method="pratt").pvalue
    )


def test_only_cases_that_both_have_are_compared():
    first, second = FIRST.copy(), SECOND.copy()
    first[:3], second[-4:] = np.nan, np.nan
    found = compared(question(), first, second, independent(30))
    assert found.difference.n == 23
    assert found.difference.value == pytest.approx((FIRST - SECOND)[3:-4].mean())


def test_models_without_a_common_case_are_not_compared():
    first, second = np.full((2, 4, 1), np.nan)
    first[0], second[1] = 0.8, 0.9
    assert compared(question(), first, second, independent(4)) is None


def test_equal_models_have_no_p_value_and_no_effect():
    found = compared(question(margin=0.01), FIRST, FIRST, independent(30))
    assert (found.p_value, found.rank_biserial) == (None, None)
    assert (found.difference.low, found.difference.high) == (0, 0)
    assert found.non_inferiority.is_shown


def test_five_patients_are_not_tested_and_six_are():
    assert signed_rank_p(np.arange(1.0, 6.0)) is None
    assert signed_rank_p(np.arange(1.0, 7.0)) == pytest.approx(2 / 2**6)


@settings(max_examples=25)
@given(st.lists(st.integers(-4, 4), min_size=6, max_size=9).filter(any))
def test_p_values_of_few_patients_are_scipys_exact_ones_with_ties_and_zeros(values):
    differences = np.array(values, dtype=np.float64)
    known = wilcoxon(differences, zero_method="pratt", method=PermutationMethod())
    assert signed_rank_p(differences) == pytest.approx(known.pvalue)


@pytest.mark.parametrize("patients", [6, 13, 14, 50, 60])
def test_p_values_without_ties_are_scipys_at_any_size(patients):
    differences = np.random.default_rng(13).normal(0.3, 1, patients)
    known = wilcoxon(differences, zero_method="pratt").pvalue
    assert signed_rank_p(differences) == pytest.approx(known)


def test_differences_equal_but_for_rounding_are_ties():
    first = np.array([[0.3], [0.9], [0.5], [0.8], [0.7], [0.6], [0.2]])
    second = first - np.array([[0.1], [0.1], [0.1], [-0.1], [0.1], [0.0], [0.1]])
    found = compared(question(), first, second, independent(7))
    clean = np.array([0.1, 0.1, 0.1, -0.1, 0.1, 0.0, 0.1])
    assert found.p_value == pytest.approx(wilcoxon(clean, zero_method="pratt").pvalue)
    assert found.rank_biserial == pytest.approx((5 - 1) / 6)


# Effect size


def test_rank_biserial_by_hand():
    """Ranks 1, 2, 3, 4; only that of rank 2 is negative: (8 - 2) / 10."""
    assert rank_biserial(np.array([0.1, -0.2, 0.3, 0.4])) == pytest.approx(0.6)


def test_zeros_take_the_lowest_ranks_as_in_pratts_test():
    """Ranks 1.5, 1.5 for the zeros, then 3, 4, 5: (8 - 4) / 12."""
    assert rank_biserial(np.array([0, 0, 0.1, -0.2, 0.3])) == pytest.approx(1 / 3)


@given(st.lists(st.integers(-9, 9), min_size=6, max_size=30).filter(any))
def test_rank_biserial_is_the_tests_statistic_on_a_scale_of_one(differences):
    values = np.array(differences, dtype=np.float64)
    test = wilcoxon(
        values, zero_method="pratt", alternative="greater", method="asymptotic"
    )
    other = wilcoxon(
        -values, zero_method="pratt", alternative="greater", method="asymptotic"
    )
    total = test.statistic + other.statistic
    expected = (test.statistic - other.statistic) / total
    assert rank_biserial(values) == pytest.approx(expected)


# Holm


def test_holm_by_hand_leaves_out_what_was_not_tested():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([None]) == [None]
    assert holm([]) == []


@pytest.mark.parametrize("tests", [1, 2, 7, 40])
def test_holm_is_that_of_statsmodels(tests):
    p_values = np.random.default_rng(tests).uniform(0, 0.2, tests).round(2)
    wanted = multipletests(p_values, method="holm")[1]
    assert holm(p_values.tolist()) == pytest.approx(wanted)


def test_comparisons_are_corrected_as_one_family():
    drawn = independent(30)
    family = [
        compared(question(), FIRST, SECOND, drawn),
        compared(question(), FIRST, FIRST, drawn),
        compared(question(), SECOND, FIRST - 0.02, drawn),
    ]
    corrected = with_holm(family)
    assert corrected[1].p_holm is None
    assert [each.p_holm for each in corrected[::2]] == pytest.approx(
        multipletests([each.p_value for each in family[::2]], method="holm")[1]
    )


# Non-inferiority


@pytest.mark.parametrize(
    ("metric", "loss", "margin", "is_shown"),
    [
        ("dice", 0.00, 0.03, True),
        ("dice", 0.05, 0.03, False),
        ("dice", -0.05, 0.0, True),
        ("hd95_mm", -0.05, 0.03, False),
        ("hd95_mm", 0.05, 0.03, True),
    ],
)
def test_a_model_is_no_worse_when_the_whole_interval_is_within_the_margin(
    metric, loss, margin, is_shown
):
    noise = np.random.default_rng(4).normal(0, 0.01, (30, 1))
    noise -= noise.mean()
    found = compared(
        question(metric, margin), FIRST - loss + noise, FIRST, independent(30)
    )
    assert found.non_inferiority.margin == margin
    assert found.non_inferiority.is_shown is is_shown


def test_too_few_patients_show_nothing():
    found = compared(question(margin=0.5), FIRST[:1], SECOND[:1], independent(1))
    assert not found.non_inferiority.is_shown


@pytest.mark.parametrize(
    ("metric", "margin"), [("dice", None), ("volume_difference_ml", 1.0)]
)
def test_without_a_margin_or_a_better_side_there_is_no_such_test(metric, margin):
    found = compared(question(metric, margin), FIRST, SECOND, independent(30))
    assert found.non_inferiority is None


def test_patient_means_are_over_cases_and_structures_that_have_a_value():
    table = np.array([[1.0, 3.0], [4.0, np.nan], [np.nan, np.nan], [5.0, 7.0]])
    patient = np.array([0, 0, 1, 2])
    assert patient_means(table, patient).tolist() == [3.0, 6.0]
