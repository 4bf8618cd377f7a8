import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, rankdata

from medseg.core.metric import metric_named
from medseg.study.statistics.ranking import kendall_tau_b, rank_models
from tests.core.study.statistics.making import independent

DIFFICULTY = np.random.default_rng(8).beta(2, 14, (40, 1))


def ranking(models, metric="dice", drawn=None):
    cases = len(next(iter(models.values())))
    return rank_models(
        models,
        drawn or independent(cases),
        structure="liver",
        metric=metric_named(metric),
    )


def test_models_are_ranked_by_their_means():
    found = ranking({"b": 0.8 - DIFFICULTY, "a": 0.9 - DIFFICULTY})
    assert [(each.model, each.rank) for each in found.models] == [("a", 1), ("b", 2)]
    assert found.models[0].mean == pytest.approx(0.9 - DIFFICULTY.mean())


def test_of_distances_the_smallest_is_best():
    found = ranking({"a": 9 + DIFFICULTY, "b": 5 + DIFFICULTY}, "hd95_mm")
    assert found.models[0].model == "b"


def test_a_model_that_is_better_in_every_case_is_always_first():
    found = ranking({"a": 0.9 - DIFFICULTY, "b": 0.8 - DIFFICULTY})
    assert [each.rank_shares for each in found.models] == [(1, 0), (0, 1)]
    assert found.kendall_tau == 1


def test_two_models_alike_share_the_places_evenly():
    noise = np.random.default_rng(9).normal(0, 0.05, (40, 2))
    noise -= noise.mean(axis=0) - [0.0, 0.001]
    found = ranking({"a": 0.8 + noise[:, :1], "b": 0.8 + noise[:, 1:]})
    for each in found.models:
        assert sum(each.rank_shares) == pytest.approx(1)
        assert each.rank_shares[0] == pytest.approx(0.5, abs=0.15)
    assert abs(found.kendall_tau) < 0.3


def test_shares_are_counted_over_the_samples_drawn():
    """Against ranks of each sample by itself, its cases written out."""
    tables = np.random.default_rng(10).normal(0.8, 0.05, (3, 12, 1))
    drawn = independent(12)
    found = ranking(dict(zip("abc", tables, strict=True)), drawn=drawn)
    means = np.array(
        [[np.repeat(t[:, 0], each).mean() for t in tables] for each in drawn.weights]
    )
    ranks = rankdata(-means, axis=1)
    here = rankdata(-tables.mean(axis=(1, 2)))
    taus = [kendalltau(here, each).statistic for each in ranks]
    assert found.kendall_tau == pytest.approx(np.mean(taus))
    for each in found.models:
        column = ranks[:, "abc".index(each.model)]
        expected = [np.mean(column == place) for place in (1, 2, 3)]
        assert each.rank_shares == pytest.approx(expected)


def test_equal_models_share_a_rank_and_nothing_is_said_of_stability():
    values = 0.9 - DIFFICULTY
    found = ranking({"a": values, "b": values.copy()})
    assert [each.rank for each in found.models] == [1.5, 1.5]
    assert [each.rank_shares for each in found.models] == [(1, 0), (1, 0)]
    assert found.kendall_tau is None


def test_there_is_no_ranking_of_one_model_of_none_or_of_signed_differences():
    values = 0.9 - DIFFICULTY
    assert ranking({"a": values}) is None
    assert ranking({"a": values, "b": np.full((40, 1), np.nan)}) is None
    assert ranking({"a": values, "b": values}, "volume_difference_ml") is None


def test_there_is_no_ranking_where_no_sample_has_all_structures():
    table = np.where(np.eye(12) > 0, 0.5, np.nan)
    assert ranking({"a": table, "b": table + 0.1}) is None


@given(
    st.integers(2, 7).flatmap(
        lambda n: st.tuples(
            st.lists(st.integers(1, n), min_size=n, max_size=n),
            st.lists(st.integers(1, n), min_size=n, max_size=n),
        )
    )
)
def test_tau_b_is_scipys(ranks):
    one, other = (rankdata(each) for each in ranks)
    found = kendall_tau_b(one, other[None])[0]
    known = kendalltau(one, other, variant="b").statistic
    assert found == pytest.approx(known, nan_ok=True)
