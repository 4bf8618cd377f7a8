"""Signed distances against SciPy's exact distance transform."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from medseg.training.distances import signed_distances

MASKS = st.tuples(st.integers(0, 10_000), st.floats(0.01, 0.6))


@settings(max_examples=40, deadline=None)
@given(
    MASKS,
    st.sampled_from([(1.0, 1.0, 1.0), (1.0, 1.1, 3.5), (2.0, 1.0, 1.3)]),
    st.sampled_from([2.0, 4.0, 8.0]),
)
def test_distances_are_scipys_up_to_the_limit(mask, spacing, limit):
    seed, share = mask
    inside = np.random.default_rng(seed).random((2, 2, 9, 8, 7)) < share
    inside[:, :, 4, 4, 4], inside[:, :, 0, 0, 0] = True, False
    found = signed_distances(torch.from_numpy(inside), spacing, limit)
    for index in np.ndindex(2, 2):
        outer = distance_transform_edt(~inside[index], sampling=spacing)
        inner = distance_transform_edt(inside[index], sampling=spacing)
        expected = np.where(inside[index], min(spacing) - inner, outer)
        np.testing.assert_allclose(
            found[index], expected.clip(-limit, limit), atol=1e-5
        )


@pytest.mark.parametrize(("is_inside", "expected"), [(False, 8.0), (True, -8.0)])
def test_a_structure_that_is_nowhere_or_everywhere_is_at_the_limit(is_inside, expected):
    inside = torch.full((1, 1, 5, 5, 5), is_inside)
    found = signed_distances(inside, (1.0, 1.0, 1.0), 8.0)
    assert (found == expected).all()
