"""Entropy and disagreement, worked out by hand."""

from math import log

import pytest
import torch

from medseg.preprocessing.uncertainty import disagreement_of, entropy_of


def test_certainty_is_0_and_not_knowing_is_1():
    assert entropy_of(torch.tensor([[1.0], [0.0], [0.0]])) == 0
    assert entropy_of(torch.full((4, 1), 0.25)) == pytest.approx(1)


def test_a_quarter_and_three_quarters():
    by_hand = -(0.25 * log(0.25) + 0.75 * log(0.75)) / log(2)
    assert entropy_of(torch.tensor([[0.25], [0.75]])) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.8113, abs=1e-4)


def test_two_of_three_alike_are_ln_2_of_ln_3():
    entropy = entropy_of(torch.tensor([[0.5], [0.5], [0.0]]))
    assert entropy == pytest.approx(log(2) / log(3))


def test_regions_are_as_unsure_as_the_least_sure_of_them():
    p = torch.tensor([[1.0, 0.5, 0.1], [0.0, 0.9, 0.25]])
    quarter = -(0.25 * log(0.25) + 0.75 * log(0.75)) / log(2)
    entropy = entropy_of(p, overlapping=True)
    torch.testing.assert_close(entropy, torch.tensor([0.0, 1.0, quarter]))


def test_members_that_are_sure_of_different_labels_disagree_entirely():
    members = torch.tensor([[[1.0], [0.0]], [[0.0], [1.0]]])
    assert disagreement_of(members) == pytest.approx(1)
    assert disagreement_of(members, overlapping=True) == pytest.approx(1)


def test_members_that_disagree_on_one_region_do_so_however_unsure_of_another():
    """Both give region A a half; one is sure of region B, the other that it is not."""
    members = torch.tensor([[[0.5], [0.0]], [[0.5], [1.0]]])
    assert disagreement_of(members, overlapping=True) == pytest.approx(1)
    unsure_of_one = torch.tensor([[[0.5], [0.0]], [[0.0], [0.5]]])
    quarter = -(0.25 * log(0.25) + 0.75 * log(0.75)) / log(2)
    apart = disagreement_of(unsure_of_one, overlapping=True)
    assert apart == pytest.approx(quarter - 0.5)


def test_members_that_are_equally_unsure_do_not_disagree():
    members = torch.full((3, 2, 1), 0.5)
    assert disagreement_of(members) == 0


def test_disagreement_by_hand():
    """Of (0.8, 0.2) and (0.4, 0.6): entropy of (0.6, 0.4) less their mean entropy."""

    def h(p):
        return -(p * log(p) + (1 - p) * log(1 - p)) / log(2)

    members = torch.tensor([[[0.8], [0.2]], [[0.4], [0.6]]])
    by_hand = h(0.6) - (h(0.8) + h(0.4)) / 2
    assert disagreement_of(members) == pytest.approx(by_hand, abs=1e-6)
