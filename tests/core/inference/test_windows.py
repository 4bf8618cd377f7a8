"""Where windows lie, and what their voxels weigh."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg.inference.windows import gaussian_weights, window_corners, window_starts
from tests.core.making import shapes

sizes = st.integers(1, 500)
overlaps = st.floats(0, 0.9)


@given(sizes, sizes, overlaps)
def test_windows_cover_an_axis_from_end_to_end_with_the_overlap(size, window, overlap):
    starts = window_starts(size, window, overlap)
    assert starts[0] == 0
    if size <= window:
        assert starts == (0,)
        return
    assert starts[-1] == size - window
    steps = np.diff(starts)
    assert (steps > 0).all()
    assert steps.max() <= ceil(max(1, window * (1 - overlap)))


def nnunets_steps(size: int, window: int, step: float) -> tuple[int, ...]:
    """As `compute_steps_for_sliding_window` of nnU-Net 2.8.1 has it, on one axis."""
    count = int(np.ceil((size - window) / (window * step))) + 1
    actual = (size - window) / (count - 1) if count > 1 else 99999999999
    return tuple(int(np.round(actual * number)) for number in range(count))


@given(
    st.integers(0, 500),
    st.integers(10, 300),
    st.sampled_from([0.1, 0.3, 0.5, 0.75, 1.0]),
)
def test_windows_lie_where_nnunet_puts_them(more, window, step):
    size = window + more
    expected = nnunets_steps(size, window, step)
    assert window_starts(size, window, 1 - step) == expected


@pytest.mark.parametrize(
    ("size", "window", "step", "count"),
    [(640, 128, 0.8, 6), (400, 100, 0.1, 31), (90, 45, 0.5, 3)],
)
def test_steps_of_parts_of_voxels_need_no_more_windows(size, window, step, count):
    assert len(window_starts(size, window, 1 - step)) == count


@pytest.mark.parametrize(
    ("size", "overlap", "starts"),
    [
        (16, 0.5, (0,)),
        (17, 0.5, (0, 1)),
        (32, 0.5, (0, 8, 16)),
        (40, 0.0, (0, 12, 24)),
        (36, 0.25, (0, 10, 20)),
    ],
)
def test_windows_of_sixteen_voxels_lie_where_expected(size, overlap, starts):
    assert window_starts(size, 16, overlap) == starts


@given(shapes(1, 20), shapes(1, 8), overlaps)
def test_every_voxel_lies_in_a_window(shape, window, overlap):
    seen = np.zeros(np.maximum(shape, window), dtype=bool)
    for i, j, k in window_corners(shape, window, overlap):
        seen[i : i + window[0], j : j + window[1], k : k + window[2]] = True
    assert seen.all()


@given(shapes(1, 12))
def test_weights_are_a_symmetric_gaussian_that_never_vanishes(window):
    weights = gaussian_weights(window).numpy()
    assert weights.shape == window
    assert weights.max() == 1
    assert weights.min() >= 1e-3
    np.testing.assert_allclose(weights, weights[::-1, ::-1, ::-1])


def test_the_standard_deviation_is_an_eighth_of_the_edge():
    weights = gaussian_weights((33, 1, 1)).numpy()[:, 0, 0]
    offset = np.arange(33) - 16
    expected = np.exp(-0.5 * (offset / (33 / 8)) ** 2)
    np.testing.assert_allclose(weights, expected.clip(min=1e-3), rtol=1e-5)
