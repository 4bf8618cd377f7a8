"""Which model is best, and how firm that is."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from jaxtyping import Float, Float64
from scipy.stats import rankdata

from medseg.core.metric import Metric
from medseg.study.results import RankedModel, Ranking
from medseg.study.statistics.bootstrap import (
    LEAST_SAMPLES,
    Resampling,
    structure_means,
)

Table = Float[np.ndarray, "case structure"]

_DIGITS = 12  # means that differ by rounding only are ties


def rank_models(
    models: Mapping[str, Table],
    resampling: Resampling,
    *,
    structure: str,
    metric: Metric,
) -> Ranking | None:
    """Rank models by their mean, and again in every bootstrap sample.

    Args:
        models: Values by name, one column a structure; not a number where there is
            none.
        resampling: The draws of patients.
        structure: Name, or `ALL_STRUCTURES`.
        metric: What the values are.

    Returns:
        None with fewer than two models, where one has no mean, where neither side of
        the measure is better, or where hardly a sample has all structures.
    """
    if metric.is_higher_better is None or len(models) < 2:
        return None
    everyone = np.ones((1, len(resampling.patient)))
    tables = list(models.values())
    means = np.array([structure_means(table, everyone)[0] for table in tables])
    if np.isnan(means).any():
        return None
    drawn = np.stack(
        [resampling.replicates(partial(structure_means, table)) for table in tables],
        axis=1,
    )
    drawn = drawn[~np.isnan(drawn).any(axis=1)]
    if len(drawn) < LEAST_SAMPLES:
        return None
    sign = -1 if metric.is_higher_better else 1
    rank = rankdata(sign * np.round(means, _DIGITS))
    ranks = rankdata(sign * np.round(drawn, _DIGITS), axis=1)
    shares = [
        tuple(float(np.mean(np.floor(column) == place)) for place in _places(models))
        for column in ranks.T
    ]
    ranked = [
        RankedModel(model=name, mean=mean, rank=place, rank_shares=share)
        for name, mean, place, share in zip(
            models, means.tolist(), rank.tolist(), shares, strict=True
        )
    ]
    taus = kendall_tau_b(rank, ranks)
    taus = taus[~np.isnan(taus)]
    return Ranking(
        structure=structure,
        metric=metric.name,
        models=tuple(sorted(ranked, key=lambda each: each.rank)),
        kendall_tau=float(taus.mean()) if len(taus) else None,
    )


def kendall_tau_b(
    rank: Float64[np.ndarray, " model"], ranks: Float64[np.ndarray, "sample model"]
) -> Float64[np.ndarray, " sample"]:
    """Kendall's tau-b between one ranking and each of many.

    Not a number where either ranking is one single tie.
    """
    first, second = np.triu_indices(len(rank), 1)
    here = np.sign(rank[first] - rank[second])
    there = np.sign(ranks[:, first] - ranks[:, second])
    pairs = np.abs(here).sum() * np.abs(there).sum(axis=1)
    taus = np.full(len(ranks), np.nan)
    np.divide((here * there).sum(axis=1), np.sqrt(pairs), out=taus, where=pairs > 0)
    return taus


def _places(models: Mapping[str, Table]) -> range:
    return range(1, len(models) + 1)
