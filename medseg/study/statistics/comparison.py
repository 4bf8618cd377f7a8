"""Two models on the same cases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy.stats import rankdata, wilcoxon

from medseg.core.metric import Metric
from medseg.study.results import Comparison, Estimate, NonInferiority
from medseg.study.statistics.bootstrap import Resampling, structure_mean_interval

Table = Float[np.ndarray, "case structure"]
Differences = Float64[np.ndarray, " patient"]

_DIGITS = 12  # differences that differ by rounding only are ties

LEAST_PATIENTS = 6
"""With five the two-sided test cannot fall below 0.05 (2 / 2^5)."""

MOST_EXACT = 13
"""As in `scipy.stats.wilcoxon`, which enumerates as many."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be compared.

    Attributes:
        first: Name of the model that is subtracted from.
        second: Name of the other.
        structure: Name, or `ALL_STRUCTURES`.
        metric: The measure.
        margin: Of non-inferiority of the first, 0 or more; None without.
    """

    first: str
    second: str
    structure: str
    metric: Metric
    margin: float | None = None


def compare_pair(
    question: Question, first: Table, second: Table, resampling: Resampling
) -> Comparison | None:
    """Mean difference, test and effect size, over the cases that both have.

    Args:
        question: Names and margin.
        first: One column a structure; not a number where there is no value.
        second: The same of the other model.
        resampling: The draws of patients.

    Returns:
        None where no case has a value of both.
    """
    differences = np.round(first - second, _DIGITS)
    if np.isnan(differences).all():
        return None
    difference = structure_mean_interval(differences, resampling)
    by_patient = patient_means(differences, resampling.patient)
    by_case = _row_means(differences)
    return Comparison(
        first=question.first,
        second=question.second,
        structure=question.structure,
        metric=question.metric.name,
        difference=difference,
        p_value=signed_rank_p(by_patient),
        p_holm=None,
        rank_biserial=rank_biserial(by_patient),
        larger=int(np.count_nonzero(by_case > 0)),
        smaller=int(np.count_nonzero(by_case < 0)),
        non_inferiority=_non_inferiority(question, difference),
    )


def with_holm(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The comparisons with their p-values corrected as one family (Holm, 1979)."""
    corrected = holm([each.p_value for each in comparisons])
    return tuple(
        replace(each, p_holm=p_holm)
        for each, p_holm in zip(comparisons, corrected, strict=True)
    )


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Corrected p-values; those that are None stay so and are not counted.

    The smallest times the number of tests, the next times one less, and so on; none
    below that before it, none above 1 (Holm, 1979).
    """
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for done, (p, place) in enumerate(tested):
        largest = max(largest, min(1.0, p * (len(tested) - done)))
        corrected[place] = largest
    return corrected


def signed_rank_p(differences: Differences) -> float | None:
    """Two-sided p-value of the Wilcoxon signed-rank test, zeros as Pratt (1959).

    Up to `MOST_EXACT` patients by all patterns of signs, ties or not, as SciPy has it
    but without its loop over them. None below `LEAST_PATIENTS` or without any
    difference.
    """
    if len(differences) < LEAST_PATIENTS or not differences.any():
        return None
    if len(differences) <= MOST_EXACT:
        return _exact_p(differences)
    return float(wilcoxon(differences, zero_method="pratt").pvalue)


def _exact_p(differences: Differences) -> float:
    """Twice the smaller tail of the sum of positive ranks over all signs."""
    is_other = differences != 0
    ranks = rankdata(np.abs(differences))[is_other]
    patterns = np.arange(2 ** len(ranks))[:, None] >> np.arange(len(ranks)) & 1
    sums = patterns @ ranks
    seen, slack = ranks[differences[is_other] > 0].sum(), 1e-9
    tails = np.mean(sums <= seen + slack), np.mean(sums >= seen - slack)
    return float(min(1.0, 2 * min(tails)))


def rank_biserial(differences: Differences) -> float | None:
    """Matched-pairs rank-biserial correlation (Kerby, 2014), zeros as in the test.

    (Sum of ranks of positive differences - that of negative ones) / sum of both.
    """
    ranks = rankdata(np.abs(differences))
    positive, negative = ranks[differences > 0].sum(), ranks[differences < 0].sum()
    total = positive + negative
    return float((positive - negative) / total) if total else None


def patient_means(
    table: Table, patient: Int64[np.ndarray, " case"]
) -> Float64[np.ndarray, " patient"]:
    """Mean over each patient's cases of the mean over structures, where any is."""
    by_case = _row_means(table)
    has_value = ~np.isnan(by_case)
    counts = np.bincount(patient[has_value])
    sums = np.bincount(patient[has_value], by_case[has_value])
    means: np.ndarray = np.round(sums[counts > 0] / counts[counts > 0], _DIGITS)
    return means


def _row_means(table: Table) -> Float64[np.ndarray, " case"]:
    has_value = ~np.isnan(table)
    counts = has_value.sum(axis=1)
    sums = np.where(has_value, table, 0.0).sum(axis=1)
    means: np.ndarray = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means


def _non_inferiority(question: Question, difference: Estimate) -> NonInferiority | None:
    """Whether the whole interval of the gain lies above minus the margin."""
    margin, is_higher_better = question.margin, question.metric.is_higher_better
    if margin is None or is_higher_better is None:
        return None
    worst = difference.low if is_higher_better else difference.high
    if worst is None:
        return NonInferiority(margin=margin, is_shown=False)
    gain = worst if is_higher_better else -worst
    return NonInferiority(margin=margin, is_shown=gain > -margin)
