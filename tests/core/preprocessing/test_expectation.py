"""What Dice networks expect: by the formula, and however the rows are cut."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medseg.preprocessing.expectation import Expectation, expectation_of


def shares(seed: int, networks: int = 2) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(0, 2, (networks, 6, 5, 4, 3)))
    return logits.softmax(-1).float()


@given(st.integers(0, 99), st.integers(1, 5))
def test_it_is_that_of_the_formula_however_the_rows_are_cut(seed, first_rows):
    p = shares(seed)
    summed = Expectation.nothing_yet(2, 3)
    summed.add(expectation_of(p[:, :first_rows]))
    summed.add(expectation_of(p[:, first_rows:]))
    array = p.double().numpy()
    found = array.argmax(-1)
    for output in range(3):
        expected = [
            2
            * q[m == output, output].sum()
            / (q[..., output].sum() + (m == output).sum())
            for q, m in zip(array, found, strict=True)
        ]
        assert summed.of_output(output) == pytest.approx(np.mean(expected), rel=1e-6)


def test_a_network_that_is_sure_expects_to_be_right():
    sure = torch.eye(3)[torch.tensor([0, 1, 1, 2])].reshape(1, 4, 1, 1, 3)
    found = expectation_of(sure)
    assert [found.of_output(n) for n in range(3)] == [1, 1, 1]


def test_only_networks_that_find_an_output_count():
    p = torch.tensor([[0.8, 0.2], [0.4, 0.6]]).reshape(2, 1, 1, 1, 2)
    assert expectation_of(p).of_output(1) == pytest.approx(2 * 0.6 / 1.6)
    assert expectation_of(p[:1]).of_output(1) is None
