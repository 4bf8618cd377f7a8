"""Rank correlation, ROC and risk-coverage: by other libraries and by definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import auc, roc_auc_score

from medseg import risk_coverage
from medseg.core.model_quality import quality_result
from medseg.core.selective import auroc_of_poor, rank_correlation

# In steps of an eighth, so that there are many ties and no rounding.
shares = st.integers(0, 8).map(lambda n: n / 8)
cases = st.lists(st.tuples(shares, shares), min_size=2, max_size=30)


@given(cases)
def test_rank_correlation_is_that_of_scipy(pairs):
    predicted, dice = zip(*pairs, strict=True)
    found = rank_correlation(predicted, dice)
    if len(set(predicted)) == 1 or len(set(dice)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(predicted, dice).statistic, abs=1e-9)


@given(cases)
def test_area_under_roc_is_that_of_scikit_learn(pairs):
    predicted, dice = zip(*pairs, strict=True)
    poor = np.array(dice) < 0.5
    found = auroc_of_poor(predicted, dice, 0.5)
    if poor.all() or not poor.any():
        assert found is None
    else:
        theirs = roc_auc_score(poor, -np.array(predicted))
        assert found == pytest.approx(theirs, abs=1e-9)


@given(st.permutations(range(12)), st.lists(shares, min_size=12, max_size=12))
def test_without_ties_the_risk_is_the_mean_over_the_most_trusted(order, dice):
    predicted = [place / 12 for place in order]
    curve = risk_coverage(predicted, dice)
    by_trust = [d for _, d in sorted(zip(predicted, dice, strict=True), reverse=True)]
    expected = [np.mean([1 - d for d in by_trust[:n]]) for n in range(1, 13)]
    assert curve.risk == pytest.approx(expected, abs=1e-12)
    assert curve.coverage == pytest.approx(np.arange(1, 13) / 12)
    assert curve.aurc == pytest.approx(np.mean(expected))


@given(cases)
def test_no_order_is_better_than_the_oracles(pairs):
    predicted, dice = zip(*pairs, strict=True)
    curve = risk_coverage(predicted, dice)
    assert curve.excess_aurc >= -1e-12
    assert risk_coverage(dice, dice).excess_aurc == pytest.approx(0, abs=1e-12)
    assert curve.risk[-1] == pytest.approx(1 - np.mean(dice))


def test_an_order_that_tells_nothing_has_the_mean_risk_throughout():
    curve = risk_coverage([0.5] * 4, [0.1, 0.9, 0.4, 0.6])
    assert curve.risk == pytest.approx([0.5] * 4)
    assert curve.aurc == curve.random_aurc == pytest.approx(0.5)


def test_of_many_cases_the_mean_is_the_area_that_scikit_learn_finds():
    rng = np.random.default_rng(0)
    dice = rng.uniform(0, 1, 2000)
    predicted = np.clip(dice + rng.normal(0, 0.2, 2000), 0, 1)
    curve = risk_coverage(predicted.tolist(), dice.tolist())
    assert curve.aurc == pytest.approx(auc(curve.coverage, curve.risk), abs=1e-3)


def test_a_result_by_hand():
    """Dice 0.9, 0.5, 0.7 in the order of trust: risks 0.1, 0.3, 0.9 / 3."""
    result = quality_result("liver", [0.8, 0.7, 0.6], [0.9, 0.5, 0.7], 0.6)
    assert result.cases == 3
    assert result.mean_absolute_error == pytest.approx(0.4 / 3)
    assert result.aurc == pytest.approx((0.1 + 0.3 + 0.3) / 3)
    assert result.excess_aurc == pytest.approx((0.3 - 0.2) / 3)
    assert result.rank_correlation == pytest.approx(0.5)
    assert result.poor == 1
    assert result.auroc_of_poor == pytest.approx(0.5)


def test_as_many_predictions_as_cases_are_wanted():
    with pytest.raises(ValueError, match="2 predictions of 1"):
        risk_coverage([0.1, 0.2], [0.3])
