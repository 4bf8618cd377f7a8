import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics.calibration import CalibrationErrorMetric
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from medseg.study.statistics.calibration import MARGIN_MM, CalibrationCounts

SPACING_MM = (1.0, 2.0, 4.0)


def noisy_case(seed: int, shape=(12, 10, 8)):
    """Probabilities that exaggerate; the structure reaches all sides."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.6, 0.6, shape)
    reference = rng.random(shape) < 0.2 + 0.6 * probability
    return probability, reference


def counted(*cases):
    counts = CalibrationCounts()
    for probability, reference in cases:
        counts = counts.plus(probability, reference, SPACING_MM)
    return counts


def result(*cases):
    return counted(*cases).result(model="ours", structure="liver")


def test_bins_are_those_of_scikit_learn():
    probability, reference = noisy_case(1)
    found = result((probability, reference))
    frequency, confidence = calibration_curve(
        reference.ravel(), probability.ravel(), n_bins=15
    )
    assert [each.frequency for each in found.bins] == pytest.approx(frequency)
    assert [each.confidence for each in found.bins] == pytest.approx(confidence)
    assert sum(each.voxels for each in found.bins) == probability.size


def test_brier_score_is_that_of_scikit_learn():
    probability, reference = noisy_case(2)
    expected = brier_score_loss(reference.ravel(), probability.ravel())
    assert result((probability, reference)).brier == pytest.approx(expected)


def test_expected_error_is_monais():
    probability, reference = noisy_case(3)
    metric = CalibrationErrorMetric(num_bins=15, calibration_reduction="expected")
    metric(
        y_pred=torch.from_numpy(probability)[None, None],
        y=torch.from_numpy(reference.astype(np.float64))[None, None],
    )
    known = metric.aggregate()
    assert isinstance(known, torch.Tensor)
    found = result((probability, reference))
    assert found.expected_error == pytest.approx(known.item(), rel=1e-5)


def test_a_probability_that_is_right_has_no_error():
    probability = np.full((10, 10, 10), 0.8)
    reference = np.arange(1000).reshape(10, 10, 10) % 5 > 0
    found = result((probability, reference))
    assert found.expected_error == pytest.approx(0, abs=1e-12)
    assert found.brier == pytest.approx(0.8 * 0.2)
    assert len(found.bins) == 1


def test_certain_and_wrong_is_the_greatest_error():
    nothing = np.zeros((4, 4, 4), dtype=bool)
    found = result((np.ones((4, 4, 4)), nothing))
    assert (found.expected_error, found.brier) == (1, 1)


@given(st.integers(0, 2**32))
def test_cases_added_up_are_the_cases_side_by_side(seed):
    one, other = noisy_case(seed), noisy_case(seed + 1)
    apart = result(one, other)
    together = result(
        tuple(np.concatenate(both, axis=2) for both in zip(one, other, strict=True))
    )
    assert apart.expected_error == pytest.approx(together.expected_error)
    assert apart.brier == pytest.approx(together.brier)


def test_voxels_farther_than_the_margin_are_not_counted():
    """Of one voxel: ten voxels of 1 mm, five of 2 mm and three of 4 mm around it."""
    reference = np.zeros((60, 60, 60), dtype=bool)
    reference[30, 30, 30] = True
    found = counted((np.zeros(reference.shape), reference))
    assert MARGIN_MM == 10
    assert found.voxels.sum() == 21 * 11 * 7


def test_the_box_ends_at_the_image():
    reference = np.zeros((60, 60, 60), dtype=bool)
    reference[0, 0, 59] = True
    found = counted((np.zeros(reference.shape), reference))
    assert found.voxels.sum() == 11 * 6 * 4


def test_what_is_neither_there_nor_predicted_is_not_counted():
    shape = (4, 4, 4)
    assert result((np.full(shape, 0.4), np.zeros(shape, dtype=bool))) is None


def test_probabilities_of_single_precision_are_summed_in_double():
    probability, reference = noisy_case(4)
    found = result((probability.astype(np.float32), reference))
    assert found.brier == pytest.approx(
        result((probability, reference)).brier, rel=1e-6
    )
