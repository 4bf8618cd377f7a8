"""Hounsfield statistics against NumPy on each mask."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg.metrics.hounsfield import hounsfield_of_labels


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.int16, np.float32, np.uint8]))
def test_statistics_are_numpys_over_each_mask(seed, dtype):
    rng = np.random.default_rng(seed)
    image = (rng.normal(60, 20, (7, 6, 5))).astype(dtype)
    labels = rng.choice([0, 1, 3, 300], size=image.shape).astype(np.uint16)
    found = hounsfield_of_labels(image, labels)
    assert set(found) == set(np.unique(labels)) - {0}
    for label, statistics in found.items():
        values = image[labels == label].astype(np.float64)
        assert statistics.mean == pytest.approx(values.mean())
        assert statistics.sd == pytest.approx(values.std())
        assert statistics.median == pytest.approx(np.median(values))


def test_the_order_of_the_axes_in_memory_does_not_matter():
    rng = np.random.default_rng(1)
    image = rng.integers(-1000, 1000, (9, 8, 7), dtype=np.int16)
    labels = rng.integers(0, 4, image.shape, dtype=np.uint8)
    mixed = hounsfield_of_labels(image, np.asfortranarray(labels))
    for label, statistics in hounsfield_of_labels(image, labels).items():
        assert astuple(mixed[label]) == pytest.approx(astuple(statistics))


def test_a_long_sum_of_16_bit_values_does_not_overflow():
    image = np.full((100, 100, 50), 3000, np.int16)
    labels = np.ones(image.shape, np.uint8)
    assert hounsfield_of_labels(image, labels)[1].mean == 3000


def test_nothing_labelled_gives_nothing():
    empty = np.zeros((4, 4, 4), np.uint8)
    assert hounsfield_of_labels(empty, empty) == {}
