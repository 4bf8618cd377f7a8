"""How often 95 % intervals hold the truth that the data were drawn from.

Some minutes; run by `pytest tests/on_demand --log-cli-level INFO`.
"""

import logging
from collections.abc import Callable

import numpy as np
import pytest

from medseg.study.results import Estimate
from medseg.study.statistics.agreement import volume_agreement
from medseg.study.statistics.bootstrap import (
    Resampling,
    mean_interval,
    median_interval,
    ratio_interval,
    structure_mean_interval,
)
from medseg.study.statistics.design import BootstrapSettings, Design

logger = logging.getLogger(__name__)

SIMULATIONS = 1000
RESAMPLES = 1999
PATIENTS = 100

Trial = Callable[[np.random.Generator, int], tuple[Estimate, float]]


def resampling_of(design: Design, seed: int) -> Resampling:
    return Resampling.of(design, BootstrapSettings(resamples=RESAMPLES, seed=seed))


def independent(seed: int) -> Resampling:
    return resampling_of(Design.independent(PATIENTS), seed)


def normal_mean(rng, seed):
    return mean_interval(rng.normal(5.0, 2.0, PATIENTS), independent(seed)), 5.0


def mean_dice(rng, seed):
    """Left-skewed and below 1, as Dice is (skewness -1.2)."""
    return mean_interval(rng.beta(16, 1.8, PATIENTS), independent(seed)), 16 / 17.8


def mean_distance(rng, seed):
    """Right-skewed, as HD95 is (skewness 1.8)."""
    values = rng.lognormal(1.0, 0.5, PATIENTS)
    return mean_interval(values, independent(seed)), np.exp(1.0 + 0.5**2 / 2)


def median_of_distance(rng, seed):
    values = rng.lognormal(1.0, 0.5, PATIENTS)
    return median_interval(values, independent(seed)), np.exp(1.0)


def clustered_patients(rng) -> tuple[np.ndarray, Design]:
    """One to three scans each."""
    patient = np.repeat(np.arange(PATIENTS), rng.integers(1, 4, PATIENTS))
    names = tuple(map(str, patient))
    return patient, Design(patients=names, strata=("",) * len(names))


def clustered_mean(rng, seed):
    """Scans of one patient correlated by 0.8."""
    patient, design = clustered_patients(rng)
    values = rng.normal(0, 2, PATIENTS)[patient] + rng.normal(3, 1, len(patient))
    return mean_interval(values, resampling_of(design, seed)), 3.0


def clustered_skewed_mean(rng, seed):
    patient, design = clustered_patients(rng)
    loss = rng.gamma(3, 0.04, PATIENTS)[patient] * rng.gamma(9, 1 / 9, len(patient))
    return mean_interval(1 - loss, resampling_of(design, seed)), 0.88


def centres(sizes: tuple[int, ...]) -> tuple[np.ndarray, Design]:
    centre = np.repeat(np.arange(len(sizes)), sizes)
    return centre, Design(
        patients=tuple(map(str, range(len(centre)))), strata=tuple(map(str, centre))
    )


def mean_over_centres(rng, seed):
    """Centres far apart, so that drawing across them would give far too much."""
    centre, design = centres((50, 30, 20))
    means = np.array([0.9, 0.8, 0.6])
    values = means[centre] - rng.gamma(4, 0.02, len(centre)) + 0.08
    return mean_interval(values, resampling_of(design, seed)), 0.5 * 0.9 + 0.24 + 0.12


def mean_over_many_small_centres(rng, seed):
    """Two patients each: drawn within centres the interval would be 0.7 as wide."""
    centre, design = centres((2,) * 50)
    values = rng.normal(0.85, 0.05, len(centre))
    return mean_interval(values, resampling_of(design, seed)), 0.85


def mean_in_clusters_in_centres(rng, seed):
    centre, by_patient = centres((50, 30, 20))
    patient = np.repeat(np.arange(PATIENTS), 2)
    design = Design(
        patients=tuple(map(str, patient)),
        strata=tuple(by_patient.strata[each] for each in patient),
    )
    level = np.array([0.9, 0.8, 0.6])[centre] + rng.normal(0, 0.04, PATIENTS)
    values = level[patient] + rng.normal(0, 0.02, len(patient))
    return mean_interval(values, resampling_of(design, seed)), 0.5 * 0.9 + 0.24 + 0.12


def mean_difference(rng, seed):
    """Two models that fail in the same cases."""
    difficulty = rng.beta(2, 14, PATIENTS)
    first = 1 - difficulty * rng.gamma(9, 0.8 / 9, PATIENTS)
    second = 1 - difficulty * rng.gamma(9, 1.0 / 9, PATIENTS)
    return mean_interval(first - second, independent(seed)), 0.2 * 2 / 16


def mean_over_structures(rng, seed):
    """Three structures of one patient go together; one is often absent."""
    table = rng.normal(0, 0.05, (PATIENTS, 1)) + rng.normal(0, 0.03, (PATIENTS, 3))
    table += [0.9, 0.8, 0.7]
    table[rng.random(PATIENTS) < 0.7, 2] = np.nan
    return structure_mean_interval(table, independent(seed)), 0.8


def pooled_sensitivity(rng, seed):
    """Lesions found among those there are, both varying from patient to patient."""
    lesions = rng.poisson(4, PATIENTS).astype(np.float64)
    found = rng.binomial(lesions.astype(np.int64), rng.beta(8, 2, PATIENTS))
    return ratio_interval(found.astype(np.float64), lesions, independent(seed)), 0.8


def volumes(rng, patient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bias 2, SD of differences 5, SD of volumes 30; sqrt(0.5) between patients."""
    patients = patient.max() + 1
    reference = 100 + 30 * np.sqrt(0.5) * (
        rng.normal(size=patients)[patient] + rng.normal(size=len(patient))
    )
    error = (
        5
        * np.sqrt(0.5)
        * (rng.normal(size=patients)[patient] + rng.normal(size=len(patient)))
    )
    return reference + 2 + error, reference


def upper_limit(patient: np.ndarray, rng, resampling: Resampling):
    prediction, reference = volumes(rng, patient)
    found = volume_agreement(prediction, reference, resampling, model="", structure="")
    assert found is not None
    return found.upper_limit_ml, 2 + 1.959964 * 5


def upper_limit_of_agreement(rng, seed):
    return upper_limit(np.arange(PATIENTS), rng, independent(seed))


def clustered_limit_of_agreement(rng, seed):
    patient, design = clustered_patients(rng)
    return upper_limit(patient, rng, resampling_of(design, seed))


TRIALS: tuple[Trial, ...] = (
    normal_mean,
    mean_dice,
    mean_distance,
    median_of_distance,
    clustered_mean,
    clustered_skewed_mean,
    mean_over_centres,
    mean_over_many_small_centres,
    mean_in_clusters_in_centres,
    mean_difference,
    mean_over_structures,
    pooled_sensitivity,
    upper_limit_of_agreement,
    clustered_limit_of_agreement,
)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
def test_95_in_100_intervals_hold_the_truth(trial: Trial):
    rng = np.random.default_rng(2026)
    held = 0
    for seed in range(SIMULATIONS):
        estimate, truth = trial(rng, seed)
        assert estimate.low is not None
        assert estimate.high is not None
        held += estimate.low <= truth <= estimate.high
    logger.info("%s: %.1f %%", trial.__name__, 100 * held / SIMULATIONS)
    assert 0.93 <= held / SIMULATIONS <= 0.97
