import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from medseg.study.statistics.risk_coverage import risk_coverage


def curve(confidence, dice):
    return risk_coverage(
        np.array(confidence, dtype=np.float64),
        np.array(dice, dtype=np.float64),
        model="ours",
        structure="liver",
    )


def test_by_hand():
    """Risks 0.1, then (0.1 + 0.5) / 2, then (0.1 + 0.5 + 0.3) / 3."""
    found = curve([0.9, 0.5, 0.7], [0.9, 0.7, 0.5])
    assert found.coverage == pytest.approx((1 / 3, 2 / 3, 1))
    assert found.risk == pytest.approx((0.1, 0.3, 0.3))
    assert found.aurc == pytest.approx(0.7 / 3)
    assert found.random_aurc == pytest.approx(0.3)
    assert found.best_aurc == pytest.approx((0.1 + 0.2 + 0.3) / 3)
    assert found.spearman == pytest.approx(0.5)
    assert found.n == 3


def test_losses_of_nothing_and_one_have_a_closed_form():
    """Half the cases right, the surest: risk 0, then 1 - n / (2 k) at k of n."""
    n = 50
    found = curve(np.arange(n), np.arange(n) >= n // 2)
    kept = np.arange(n // 2 + 1, n + 1)
    assert found.aurc == pytest.approx((1 - n / 2 / kept).sum() / n)
    assert found.aurc == pytest.approx(found.best_aurc)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30, unique=True))
def test_the_best_order_is_that_of_dice_and_the_worst_its_reverse(dice):
    best, worst = curve(dice, dice), curve([-each for each in dice], dice)
    assert best.aurc == pytest.approx(best.best_aurc)
    assert best.aurc <= best.random_aurc + 1e-12 <= worst.aurc + 2e-12
    assert best.risk[-1] == pytest.approx(worst.risk[-1])


def test_a_random_order_has_the_mean_risk_on_average():
    rng = np.random.default_rng(11)
    dice = rng.beta(8, 2, 20)
    areas = [curve(rng.permutation(20), dice).aurc for _ in range(2000)]
    error = np.std(areas) / np.sqrt(len(areas))
    assert np.mean(areas) == pytest.approx(1 - dice.mean(), abs=4 * error)


def test_doubt_that_tells_nothing_is_the_random_order():
    found = curve(np.full(6, 0.5), [0.9, 0.1, 0.7, 0.2, 0.8, 0.3])
    assert found.aurc == pytest.approx(found.random_aurc)
    assert found.spearman is None


@given(st.permutations(range(8)))
def test_the_order_of_cases_does_not_matter_even_with_ties(order):
    confidence = np.array([0.9, 0.9, 0.9, 0.5, 0.5, 0.4, 0.3, 0.3])
    dice = np.array([0.9, 0.2, 0.8, 0.7, 0.1, 0.6, 0.4, 0.5])
    found = curve(confidence[list(order)], dice[list(order)])
    assert found.risk == pytest.approx(curve(confidence, dice).risk)


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(12)
    confidence, dice = rng.random((2, 15))
    found = curve(confidence, dice)
    assert found.spearman == pytest.approx(spearmanr(confidence, dice).statistic)


def test_cases_without_dice_or_confidence_are_left_out():
    found = curve([0.9, np.nan, 0.8, 0.7], [0.9, 0.5, np.nan, 0.8])
    assert found.n == 2
    assert found.risk == pytest.approx((0.1, 0.15))
    assert curve([np.nan, 0.5], [0.5, np.nan]) is None
