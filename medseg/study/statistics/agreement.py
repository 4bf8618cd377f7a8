"""Volumes of a model against those of the reference."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Float64
from scipy.stats import f as f_distribution
from scipy.stats import linregress, nct, norm
from scipy.stats import t as t_distribution

from medseg.study.results import Estimate, VolumeAgreement
from medseg.study.statistics.bootstrap import Resampling, Weights, interval

Values = Float[np.ndarray, " case"]

_LIMIT_SD = float(norm.ppf(0.975))
LEAST_CASES = 3


def volume_agreement(
    prediction_ml: Values,
    reference_ml: Values,
    resampling: Resampling,
    *,
    model: str,
    structure: str,
) -> VolumeAgreement | None:
    """Bland-Altman analysis, proportional bias and intra-class correlation.

    With one case a patient the intervals are exact for normal differences: Student's t
    for the bias, non-central t for the limits (Carkeet, 2015), least squares for the
    slope, F for the ICC (McGraw and Wong, 1996). With several cases a patient they come
    from drawing patients, and the slope is not tested.

    Args:
        prediction_ml: Volumes; not a number for cases to leave out.
        reference_ml: Likewise.
        resampling: The draws of patients.
        model: Name.
        structure: Name.

    Returns:
        None below three cases.
    """
    has_both = ~np.isnan(prediction_ml) & ~np.isnan(reference_ml)
    if np.count_nonzero(has_both) < LEAST_CASES:
        return None
    pairs = np.stack([reference_ml[has_both], prediction_ml[has_both]], axis=1)
    if resampling.is_clustered:
        found = _by_drawing(
            _Moments.of(prediction_ml, reference_ml), resampling, has_both
        )
    else:
        found = _exact(pairs, resampling.settings.level)
    return VolumeAgreement(
        model=model,
        structure=structure,
        bias_ml=found.bias,
        lower_limit_ml=found.lower,
        upper_limit_ml=found.upper,
        slope=found.slope,
        slope_p=found.slope_p,
        icc=found.icc,
        volumes_ml=tuple((float(a), float(b)) for a, b in pairs),
    )


@dataclass(frozen=True, kw_only=True)
class _Found:
    bias: Estimate
    lower: Estimate
    upper: Estimate
    slope: Estimate
    slope_p: float | None
    icc: Estimate | None


@dataclass(frozen=True, eq=False, kw_only=True)
class _Moments:
    """Sums over cases -> the same figures, for many samples at once.

    Attributes:
        terms: Of each case with both volumes: 1, the difference, its square, the
            mean of the two, its square, and the product of difference and mean; 0 for
            the other cases.
    """

    terms: Float64[np.ndarray, "case 6"]

    @classmethod
    def of(cls, prediction_ml: Values, reference_ml: Values) -> "_Moments":
        d, m = prediction_ml - reference_ml, (prediction_ml + reference_ml) / 2
        m = m - np.nanmean(m)  # keeps small spreads of large volumes exact
        terms = np.stack([np.ones_like(d), d, d**2, m, m**2, d * m], axis=1)
        return cls(terms=np.where(np.isnan(d)[:, None], 0.0, terms))

    def limit(self, sign: float, weights: Weights) -> Float64[np.ndarray, " sample"]:
        _, bias, variance, _, _ = self._central(weights)
        return np.asarray(bias + sign * _LIMIT_SD * np.sqrt(variance))

    def slope(self, weights: Weights) -> Float64[np.ndarray, " sample"]:
        _, _, _, spread, together = self._central(weights)
        return np.asarray(together / spread)

    def icc(self, weights: Weights) -> Float64[np.ndarray, " sample"]:
        n, bias, variance, spread, _ = self._central(weights)
        rows, error, columns = 2 * spread, variance / 2, n * bias**2 / 2
        return np.asarray((rows - error) / (rows + error + 2 / n * (columns - error)))

    def _central(self, weights: Weights) -> tuple[Float64[np.ndarray, " sample"], ...]:
        """Cases, mean difference, its variance, that of the means, covariance.

        Not a number below two cases or where the means do not vary.
        """
        sums = weights @ self.terms
        n = np.where(sums[:, 0] > 1.5, sums[:, 0], np.nan)
        d, dd, m, mm, dm = (sums[:, 1:] / n[:, None]).T
        unbiased = n / (n - 1)
        spread = (mm - m**2) * unbiased
        least = 1e-12 * self.terms[:, 4].max()
        return (
            n,
            d,
            np.maximum(dd - d**2, 0) * unbiased,
            np.where(spread > least, spread, np.nan),
            (dm - d * m) * unbiased,
        )


def limits_of_agreement(
    differences: Values, level: float
) -> tuple[Estimate, Estimate, Estimate]:
    """Lower limit, mean and upper limit of differences, with exact intervals."""
    n = len(differences)
    mean, sd = float(differences.mean()), float(differences.std(ddof=1))
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    error = sd / np.sqrt(n)
    around = t_distribution.ppf(tails, n - 1) * error
    beyond = nct.ppf(tails, n - 1, _LIMIT_SD * np.sqrt(n)) * error

    def estimate(value: float, low: float, high: float) -> Estimate:
        return Estimate(
            value=value, low=float(low), high=float(high), level=level, n=n, patients=n
        )

    reach = _LIMIT_SD * sd
    return (
        estimate(mean - reach, mean - beyond[1], mean - beyond[0]),
        estimate(mean, mean + around[0], mean + around[1]),
        estimate(mean + reach, mean + beyond[0], mean + beyond[1]),
    )


def icc_agreement(
    ratings: Float[np.ndarray, "case rater"], level: float
) -> tuple[float, float, float] | None:
    """ICC(A,1): two-way, single measurement, absolute agreement; with its interval.

    McGraw and Wong, Psychological Methods 1 (1996) 30-46, tables 4 and 7. None where
    cases do not vary.
    """
    n, k = ratings.shape
    grand = ratings.mean()
    rows = k * ((ratings.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    columns = n * ((ratings.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    total = ((ratings - grand) ** 2).sum()
    freedom = (n - 1) * (k - 1)
    error = max(total - rows * (n - 1) - columns * (k - 1), 0.0) / freedom
    whole = rows + (k - 1) * error + k / n * (columns - error)
    if rows + error <= 1e-12 * total or whole <= 0:
        return None
    icc = (rows - error) / whole
    if error <= 1e-15 * total and columns <= 1e-15 * total:
        return float(icc), float(icc), float(icc)
    a = k * icc / (n * (1 - icc))
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    mixed = (a * columns + b * error) ** 2 / (
        (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / freedom
    )
    upper_tail = (1 + level) / 2
    f_low = f_distribution.ppf(upper_tail, n - 1, mixed)
    f_high = f_distribution.ppf(upper_tail, mixed, n - 1)
    rest = k * columns + (k * n - k - n) * error
    low = n * (rows - f_low * error) / (f_low * rest + n * rows)
    high = n * (f_high * rows - error) / (rest + n * f_high * rows)
    return float(icc), float(low), float(high)


def _exact(pairs: Float[np.ndarray, "case 2"], level: float) -> _Found:
    differences, middles = pairs[:, 1] - pairs[:, 0], pairs.mean(axis=1)
    lower, bias, upper = limits_of_agreement(differences, level)
    n = len(pairs)
    if np.ptp(middles) == 0:
        flat = Estimate(value=0.0, low=None, high=None, level=level, n=n, patients=n)
        return _Found(
            bias=bias,
            lower=lower,
            upper=upper,
            slope=flat,
            slope_p=None,
            icc=_exact_icc(pairs, level),
        )
    line = linregress(middles, differences)
    reach = t_distribution.ppf((1 + level) / 2, n - 2) * line.stderr
    slope = Estimate(
        value=float(line.slope),
        low=float(line.slope - reach),
        high=float(line.slope + reach),
        level=level,
        n=n,
        patients=n,
    )
    return _Found(
        bias=bias,
        lower=lower,
        upper=upper,
        slope=slope,
        slope_p=float(line.pvalue) if np.ptp(differences) > 0 else None,
        icc=_exact_icc(pairs, level),
    )


def _exact_icc(pairs: Float[np.ndarray, "case 2"], level: float) -> Estimate | None:
    found = icc_agreement(pairs, level)
    if found is None:
        return None
    icc, low, high = found
    n = len(pairs)
    return Estimate(value=icc, low=low, high=high, level=level, n=n, patients=n)


def _by_drawing(
    moments: _Moments, resampling: Resampling, has_value: Bool[np.ndarray, " case"]
) -> _Found:
    """The same figures with intervals from drawing patients."""
    lower, bias, upper = (
        interval(partial(moments.limit, sign), resampling, has_value=has_value)
        for sign in (-1.0, 0.0, 1.0)
    )
    slope = interval(moments.slope, resampling, has_value=has_value)
    icc = interval(moments.icc, resampling, has_value=has_value)
    return _Found(
        bias=bias,
        lower=lower,
        upper=upper,
        slope=replace(slope, value=0.0) if np.isnan(slope.value) else slope,
        slope_p=None,
        icc=None if np.isnan(icc.value) else icc,
    )
