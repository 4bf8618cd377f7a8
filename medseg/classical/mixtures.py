"""Classes of a histogram: the best breaks, and Gaussians."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer, UInt8

_BINS = 512
_STEPS = 300
_STILL = 1e-7  # change of the mean log-likelihood at which the fit has come to rest

Bins = Float[np.ndarray, " bin"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Histogram:
    """How often each intensity is.

    Attributes:
        low: Lower edge of the first bin.
        width: Of a bin.
        counts: Voxels in each bin.
    """

    low: float
    width: float
    counts: Bins

    @classmethod
    def of(
        cls,
        samples: Float[np.ndarray, " n"],
        counts: Integer[np.ndarray, " n"] | None = None,
    ) -> "Histogram":
        """The histogram of samples that stand for so many voxels each, or for one."""
        low, high = float(samples.min()), float(samples.max())
        width = (high - low) / _BINS or 1.0
        empty = cls(low=low, width=width, counts=np.zeros(_BINS))
        bins = empty.bin_of(samples)
        return cls(
            low=low,
            width=width,
            counts=np.bincount(bins, counts, _BINS).astype(np.float64),
        )

    @property
    def centres(self) -> Bins:
        """Intensity in the middle of each bin."""
        return self.low + (np.arange(_BINS) + 0.5) * self.width

    def bin_of(
        self, values: Float[np.ndarray, "*shape"]
    ) -> Integer[np.ndarray, "*shape"]:
        """Number of the bin of each value."""
        scaled = values - np.float32(self.low)
        scaled /= np.float32(self.width)
        bins: np.ndarray = np.clip(scaled, 0, _BINS - 1, out=scaled).astype(np.int16)
        return bins


def best_classes(histogram: Histogram, classes: int) -> UInt8[np.ndarray, " bin"]:
    """Class of each bin, from 0 on, so that the variance within is the least there is.

    By dynamic programming over the bins (Fisher, 1958): the best way to part the first
    bins into some classes is a last class after the best way for one class less.
    """
    cost = _variance_within(histogram)
    best = cost[0].copy()
    begins = np.zeros((classes, _BINS), int)
    for number in range(1, classes):
        # whole[b, e]: bins before b in fewer classes, bins b..e in the last
        whole = np.full((_BINS, _BINS), np.inf)
        whole[1:] = best[:-1, None] + cost[1:]
        begins[number] = whole.argmin(axis=0)
        best = whole.min(axis=0)
    class_of_bin = np.zeros(_BINS, np.uint8)
    end = _BINS - 1
    for number in range(classes - 1, 0, -1):
        begin = int(begins[number, end])
        class_of_bin[begin : end + 1] = number
        end = max(0, begin - 1)
    return class_of_bin


def likeliest_component(
    histogram: Histogram, classes: int
) -> UInt8[np.ndarray, " bin"]:
    """Which Gaussian of a mixture each bin belongs to most likely, the darkest first.

    Expectation and maximisation (Dempster, Laird & Rubin, 1977) on the bins.
    """
    centres, counts = histogram.centres, histogram.counts
    share = np.eye(classes)[
        :, best_classes(histogram, classes)
    ]  # of each component in each bin
    before = -np.inf
    log_joint = np.zeros_like(share)
    for _ in range(_STEPS):
        log_joint = _log_joint(share * counts, histogram)
        top = log_joint.max(axis=0)
        log_sum = top + np.log(np.exp(log_joint - top).sum(axis=0))
        share = np.exp(log_joint - log_sum)
        likelihood = float((log_sum * counts).sum() / counts.sum())
        if abs(likelihood - before) < _STILL:
            break
        before = likelihood
    means = (share * counts) @ centres / np.maximum((share * counts).sum(axis=1), 1e-9)
    rank = np.argsort(np.argsort(means))
    component: np.ndarray = rank[log_joint.argmax(axis=0)].astype(np.uint8)
    return component


def _log_joint(
    weights: Float[np.ndarray, "component bin"], histogram: Histogram
) -> Float[np.ndarray, "component bin"]:
    """Log of prior times density at each bin, of Gaussians fitted to the weights."""
    total = np.maximum(weights.sum(axis=1), 1e-9)
    means = weights @ histogram.centres / total
    off = histogram.centres - means[:, None]
    # A bin is as narrow as a peak can be told to be.
    variances = np.maximum((weights * off**2).sum(axis=1) / total, histogram.width**2)
    priors = total / total.sum()
    peaks = np.log(priors / np.sqrt(2 * np.pi * variances))
    log_joint: np.ndarray = peaks[:, None] - off**2 / (2 * variances)[:, None]
    return log_joint


def _variance_within(histogram: Histogram) -> Float[np.ndarray, "begin end"]:
    """Sum of squares about their mean of the bins begin to end, 0 below the diagonal.

    Empty runs of bins cost nothing.
    """
    centres = (np.arange(_BINS) + 0.5) / _BINS
    counts, sums, squares = (
        np.concatenate([[0.0], np.cumsum(histogram.counts * centres**power)])
        for power in range(3)
    )
    count, sum_, square = (
        running[None, 1:] - running[:-1, None] for running in (counts, sums, squares)
    )
    mean_squared = np.divide(sum_**2, count, out=np.zeros_like(sum_), where=count > 0.5)
    cost: np.ndarray = np.triu(np.maximum(square - mean_squared, 0))
    cost[np.tril_indices(_BINS, -1)] = np.inf
    return cost
