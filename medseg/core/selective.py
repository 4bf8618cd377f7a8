"""How well a predicted Dice tells good results from bad ones, in numpy alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True, kw_only=True)
class RiskCoverage:
    """What is left of the error when only the results trusted most are taken.

    The risk of a case is 1 - Dice. At each coverage it is the mean over the cases
    whose predicted Dice is highest; of cases with the same prediction any is as good,
    and each counts with their mean.

    Attributes:
        coverage: Shares of the cases that are taken, ascending, the last 1.
        risk: Mean risk of those with the highest predicted Dice.
        oracle_risk: Of those with the highest Dice itself: no order does better.
    """

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    oracle_risk: tuple[float, ...]

    @property
    def aurc(self) -> float:
        """Area under the curve: its mean (Geifman, Uziel and El-Yaniv, 2019)."""
        return float(np.mean(self.risk))

    @property
    def excess_aurc(self) -> float:
        """What that is above the area of the oracle; 0 for a perfect order."""
        return self.aurc - float(np.mean(self.oracle_risk))

    @property
    def random_aurc(self) -> float:
        """What an order by chance is expected to have: the mean risk of all cases."""
        return self.risk[-1]


def risk_coverage(predicted: Sequence[float], dice: Sequence[float]) -> RiskCoverage:
    """The curve for some cases.

    Args:
        predicted: Of each case; one at least.
        dice: What came out, likewise.

    Raises:
        ValueError: For no cases, or not as many of both.
    """
    if not predicted or len(predicted) != len(dice):
        raise ValueError(f"got {len(predicted)} predictions of {len(dice)} cases")
    expected, risk = np.array(predicted, float), 1 - np.array(dice, float)
    counts = np.arange(1, len(risk) + 1)
    ordered = _of_ties(expected, risk)[np.argsort(-expected, kind="stable")]
    return RiskCoverage(
        coverage=tuple((counts / len(risk)).tolist()),
        risk=tuple((ordered.cumsum() / counts).tolist()),
        oracle_risk=tuple((np.sort(risk).cumsum() / counts).tolist()),
    )


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's, ties having their mean rank; None where one of them never differs."""
    if len(a) < 2 or len(set(a)) == 1 or len(set(b)) == 1:
        return None
    return float(np.corrcoef(_ranks(np.array(a)), _ranks(np.array(b)))[0, 1])


def auroc_of_poor(
    predicted: Sequence[float], dice: Sequence[float], poor_below: float
) -> float | None:
    """Chance that a poor case is predicted lower than another one (area under ROC).

    Args:
        predicted: Of each case.
        dice: What came out.
        poor_below: Dice below which a case is poor.

    Returns:
        None where all cases are poor, or none is.
    """
    poor = np.array(dice) < poor_below
    bad, good = int(poor.sum()), int((~poor).sum())
    if not bad or not good:
        return None
    lower = _ranks(-np.array(predicted, float))[poor].sum() - bad * (bad + 1) / 2
    return float(lower / (bad * good))


def _of_ties(
    keys: Float64[np.ndarray, " case"], values: Float64[np.ndarray, " case"]
) -> Float64[np.ndarray, " case"]:
    """Each value replaced by the mean of those with the same key."""
    _, group = np.unique(keys, return_inverse=True)
    means = np.bincount(group, values) / np.bincount(group)
    replaced: np.ndarray = means[group]
    return replaced


def _ranks(values: np.ndarray) -> Float64[np.ndarray, " case"]:
    """From 1, the smallest first."""
    places = np.empty(len(values))
    places[np.argsort(values, kind="stable")] = np.arange(1, len(values) + 1)
    return _of_ties(values.astype(float), places)
