"""Confidence intervals from patients drawn again and again.

Patients, not cases, are the units that are drawn, within their centres, and every
measure of every model sees the same draws. Intervals are bias-corrected and accelerated
(BCa; Efron, 1987). With several strata the acceleration follows Davison and Hinkley,
Bootstrap Methods and their Application (1997), section 5.3.2.

Drawing n patients gives a mean the variance (n - 1) / n times what it is, so a study of
many small centres would get intervals far too narrow, and none at all from centres of
one patient. Small centres are therefore drawn from together, see `pooled_strata`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int16, Int64, Num
from scipy.stats import norm

from medseg.study.results import Estimate
from medseg.study.statistics.design import (
    DEFAULT_BOOTSTRAP,
    BootstrapSettings,
    Design,
    pooled_strata,
)

Values = Float[np.ndarray, " case"]
Table = Float[np.ndarray, "case structure"]
Weights = Float64[np.ndarray, "sample case"]
Statistic = Callable[[Weights], Float64[np.ndarray, " sample"]]

LEAST_SAMPLES = 100
"""With fewer samples that define a statistic its interval is not given."""

_SAMPLES_AT_ONCE = 1000


@dataclass(frozen=True, eq=False, kw_only=True)
class Resampling:
    """The same draws of patients for everything that is estimated.

    Attributes:
        settings: How many, which level, which seed.
        weights: How often each sample holds each case.
        patient: Number of each case's patient.
        stratum: Number of each patient's stratum, small ones pooled.
    """

    settings: BootstrapSettings
    weights: Int16[np.ndarray, "sample case"]
    patient: Int64[np.ndarray, " case"]
    stratum: Int64[np.ndarray, " patient"]

    @classmethod
    def of(
        cls, design: Design, settings: BootstrapSettings = DEFAULT_BOOTSTRAP
    ) -> "Resampling":
        """Draw the samples."""
        _, first, patient = np.unique(
            design.patients, return_index=True, return_inverse=True
        )
        _, stratum_of_case = np.unique(design.strata, return_inverse=True)
        stratum = pooled_strata(stratum_of_case[first].astype(np.int64))
        rng = np.random.default_rng(settings.seed)
        drawn = np.zeros((settings.resamples, len(stratum)), dtype=np.int16)
        for number in np.unique(stratum):
            members = np.flatnonzero(stratum == number)
            drawn[:, members] = _draw(len(members), settings.resamples, rng)
        return cls(
            settings=settings,
            weights=drawn[:, patient],
            patient=patient.astype(np.int64),
            stratum=stratum,
        )

    @property
    def is_clustered(self) -> bool:
        """Whether a patient has several cases."""
        return len(self.stratum) < len(self.patient)

    def patients_among(self, cases: Bool[np.ndarray, " case"]) -> int:
        """Number of patients who have one of the cases."""
        return len(np.unique(self.patient[cases]))

    def replicates(self, statistic: Statistic) -> Float64[np.ndarray, " sample"]:
        """A statistic of every sample; not a number where it is undefined."""
        starts = range(0, len(self.weights), _SAMPLES_AT_ONCE)
        found: np.ndarray = np.concatenate(
            [
                statistic(
                    self.weights[start : start + _SAMPLES_AT_ONCE].astype(np.float64)
                )
                for start in starts
            ]
        )
        return found

    def without_each_patient(self) -> Float64[np.ndarray, "patient case"]:
        """Weights of the samples that lack one patient each.

        The others of the stratum weigh more instead, so that it keeps its share, as it
        does in every draw.
        """
        size = np.bincount(self.stratum)[self.stratum].astype(np.float64)
        heavier = size / np.maximum(size - 1, 1)
        is_near = self.stratum[:, None] == self.stratum
        weights = np.where(is_near, heavier[:, None], 1.0)
        np.fill_diagonal(weights, 0.0)
        by_case: np.ndarray = weights[:, self.patient]
        return by_case


def mean_interval(values: Values, resampling: Resampling) -> Estimate:
    """Mean over the cases that have a value."""
    return structure_mean_interval(values[:, None], resampling)


def structure_mean_interval(table: Table, resampling: Resampling) -> Estimate:
    """Mean over structures of their means over the cases that have a value.

    Samples in which a structure has no such case are left out: a mean over the other
    structures would be the mean of something else.
    """
    return interval(
        lambda weights: structure_means(table, weights),
        resampling,
        has_value=~np.isnan(table).all(axis=1),
    )


def median_interval(values: Values, resampling: Resampling) -> Estimate:
    """Median over the cases that have a value."""
    has_value = ~np.isnan(values)
    order = np.flatnonzero(has_value)[np.argsort(values[has_value], kind="stable")]
    ascending = values[order]
    return interval(
        lambda weights: _medians(ascending, weights[:, order]),
        resampling,
        has_value=has_value,
    )


def ratio_interval(
    numerators: Values, denominators: Values, resampling: Resampling
) -> Estimate:
    """Sum over sum: of lesions found and lesions there are, pooled over cases."""

    def ratio(weights: Weights) -> Float64[np.ndarray, " sample"]:
        return _divided(weights @ numerators, weights @ denominators)

    return interval(ratio, resampling, has_value=denominators > 0)


def interval(
    statistic: Statistic,
    resampling: Resampling,
    *,
    has_value: Bool[np.ndarray, " case"],
) -> Estimate:
    """A statistic of all cases with its BCa interval.

    Args:
        statistic: Of many samples at once, each given by how often it holds each case;
            not a number where a sample does not define it.
        resampling: The draws.
        has_value: The cases the statistic depends on, counted as n.

    Returns:
        Not a number where even all cases do not define the statistic; no interval
        below two patients or `LEAST_SAMPLES` samples.
    """
    everyone = np.ones((1, len(has_value)))
    value = float(statistic(everyone)[0])
    patients = resampling.patients_among(has_value)
    low, high = None, None
    if patients >= 2:
        replicates = resampling.replicates(statistic)
        replicates = replicates[~np.isnan(replicates)]
        if len(replicates) >= LEAST_SAMPLES:
            without = statistic(resampling.without_each_patient())
            low, high = bca(value, replicates, without, resampling)
    return Estimate(
        value=value,
        low=low,
        high=high,
        level=resampling.settings.level,
        n=int(np.count_nonzero(has_value)),
        patients=patients,
    )


def bca(
    value: float,
    replicates: Float64[np.ndarray, " sample"],
    without: Float64[np.ndarray, " patient"],
    resampling: Resampling,
) -> tuple[float, float]:
    """Ends of the interval.

    Args:
        value: Of all cases.
        replicates: Of the bootstrap samples that define it.
        without: Of the samples that lack one patient each.
        resampling: The draws.
    """
    slack = 1e-12 * max(1.0, abs(value))
    if np.ptp(replicates) <= slack:
        return value, value
    bias = norm.ppf(_share_below(value, replicates, slack))
    speed = acceleration(without, resampling.stratum)
    tail = (1 - resampling.settings.level) / 2
    ends = bias + norm.ppf([tail, 1 - tail])
    # From here on the correction would turn round; the end is the outermost sample.
    adjusted = bias + ends / np.maximum(1 - speed * ends, 1e-9)
    low, high = np.quantile(replicates, norm.cdf(adjusted))
    return float(low), float(high)


def acceleration(
    without: Float64[np.ndarray, " patient"], stratum: Int64[np.ndarray, " patient"]
) -> float:
    """A sixth of the skewness of the statistic, from leaving out one patient each.

    Influence values l of a patient in a stratum of n: (n - 1) times what the statistic
    loses without the patient, around their mean. Then a = sum(l^3 / n^3) / (6 sum(l^2 /
    n^2)^1.5), which for one stratum is Efron's formula.
    """
    cubes = squares = 0.0
    for number in np.unique(stratum):
        there = without[(stratum == number) & ~np.isnan(without)]
        if len(there) < 2:
            continue
        influence = (len(there) - 1) * (there.mean() - there) / len(there)
        cubes += float((influence**3).sum())
        squares += float((influence**2).sum())
    return cubes / (6 * squares**1.5) if squares > 0 else 0.0


def structure_means(table: Table, weights: Weights) -> Float64[np.ndarray, " sample"]:
    """Mean over structures of weighted means over cases, for many samples at once."""
    has_value = ~np.isnan(table)
    is_seen = has_value.any(axis=0)
    if not is_seen.any():
        return np.full(len(weights), np.nan)
    has_value, values = has_value[:, is_seen], table[:, is_seen]
    together = np.hstack([np.where(has_value, values, 0.0), has_value])
    sums, counts = np.split(weights @ together.astype(np.float64), 2, axis=1)
    means: np.ndarray = _divided(sums, counts).mean(axis=1)
    return means


def _draw(
    members: int, samples: int, rng: np.random.Generator
) -> Int16[np.ndarray, "sample member"]:
    """How often each member is drawn, as many draws as there are members."""
    drawn = np.empty((samples, members), dtype=np.int16)
    for start in range(0, samples, _SAMPLES_AT_ONCE):
        part = drawn[start : start + _SAMPLES_AT_ONCE]
        picks = rng.integers(members, size=part.shape)
        picks += members * np.arange(len(part))[:, None]
        part[:] = np.bincount(picks.ravel(), minlength=part.size).reshape(part.shape)
    return drawn


def _share_below(
    value: float, replicates: Float64[np.ndarray, " sample"], slack: float
) -> float:
    """Share of replicates below the estimate, ties counting half; never 0 or 1."""
    below = np.count_nonzero(replicates < value - slack)
    ties = np.count_nonzero(np.abs(replicates - value) <= slack)
    least = 0.5 / len(replicates)
    share = (below + ties / 2) / len(replicates)
    return min(max(share, least), 1 - least)


def _medians(ascending: Values, weights: Weights) -> Float64[np.ndarray, " sample"]:
    """Median of the values, each as often as its weight says."""
    if not len(ascending):
        return np.full(len(weights), np.nan)
    reached = weights.cumsum(axis=1)
    half = reached[:, -1:] / 2
    lower = ascending[(reached >= half).argmax(axis=1)]
    upper = ascending[(reached > half).argmax(axis=1)]
    return np.where(half[:, 0] > 0, (lower + upper) / 2, np.nan)


def _divided(
    numerators: Num[np.ndarray, "..."], denominators: Num[np.ndarray, "..."]
) -> Float64[np.ndarray, "..."]:
    """Quotients; not a number where the denominator is 0."""
    quotients = np.full(np.shape(numerators), np.nan)
    np.divide(numerators, denominators, out=quotients, where=denominators != 0)
    return quotients
