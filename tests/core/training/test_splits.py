"""Folds against scikit-learn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from medseg.training import five_folds


@given(st.integers(5, 300))
def test_folds_are_those_of_scikit_learn_that_nnunet_uses(count):
    ids = [f"case_{number:03d}" for number in range(count)]
    folds = KFold(5, shuffle=True, random_state=12345).split(ids)
    expected = tuple(tuple(ids[n] for n in held_out) for _, held_out in folds)
    assert five_folds(ids[::-1]) == expected


def test_fewer_cases_than_folds_are_refused():
    with pytest.raises(ValueError, match="4 cases"):
        five_folds(["a", "b", "c", "d"])
