"""nnU-Net's resampling, against SciPy's own functions of any dimension.

scikit-image's `resize(mode="edge", anti_aliasing=False)`, which nnU-Net calls, is
`scipy.ndimage.zoom(mode="nearest", grid_mode=True)` clipped to the image's range;
`tests/core/models/foreign` compares with what nnU-Net itself made.
"""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from medseg.preprocessing.mapping import AxisMapping
from medseg.preprocessing.nnunet_rules import (
    nearest_rows,
    resampled_image,
    resampled_shape,
    separate_axis,
)
from tests.core.making import shapes


def resized(array: np.ndarray, shape, order: int) -> np.ndarray:
    factors = [new / old for new, old in zip(shape, array.shape, strict=True)]
    zoomed = ndimage.zoom(
        array.astype(float), factors, order=order, mode="nearest", grid_mode=True
    )
    clipped: np.ndarray = np.clip(zoomed, array.min(), array.max())
    return clipped


def image_of(shape, seed=0) -> np.ndarray:
    image: np.ndarray = np.random.default_rng(seed).normal(0, 3, shape)
    return image.astype(np.float32)


@given(shapes(2, 12), shapes(1, 14), st.integers(0, 99))
def test_cubic_splines_axis_by_axis_are_those_over_all_axes(shape, wanted, seed):
    image = image_of((1, *shape), seed)
    result = resampled_image(image, wanted, None)
    assert result.dtype == np.float32
    assert_allclose(result[0], resized(image[0], wanted, 3), atol=2e-5)


@pytest.mark.parametrize("apart", [0, 1, 2])
def test_an_axis_apart_takes_the_nearest_slice(apart):
    shape, wanted = (5, 6, 7), (9, 4, 10)
    image = image_of((1, *shape))
    slices = np.moveaxis(image[0], apart, 0)
    plane = tuple(n for axis, n in enumerate(wanted) if axis != apart)
    planes = [resized(each, plane, 3) for each in slices]
    whole = np.moveaxis(np.stack(planes), 0, apart)
    scale = shape[apart] / wanted[apart]
    places = np.indices(wanted).astype(float)
    places[apart] = scale * (places[apart] + 0.5) - 0.5
    nearest = ndimage.map_coordinates(whole, places, order=0, mode="nearest")
    result = resampled_image(image, wanted, apart)
    assert_allclose(result[0], nearest, atol=2e-5)


@given(st.integers(1, 40), st.integers(1, 40))
def test_nearest_rows_are_those_of_scipy(size, new_size):
    places = size / new_size * (np.arange(new_size) + 0.5) - 0.5
    known = ndimage.map_coordinates(
        np.arange(float(size)), places[None], order=0, mode="nearest"
    )
    assert_array_equal(nearest_rows(size, new_size), known)
    mapping = AxisMapping.same_box(size, new_size, nearest=True)
    assert_array_equal(mapping.source_indices(size, new_size), known)


def test_logits_take_the_slices_of_scipy_whatever_the_sizes():
    sizes = range(1, 70)
    for size, new_size in product(sizes, sizes):
        places = size / new_size * (np.arange(new_size) + 0.5) - 0.5
        known = ndimage.map_coordinates(
            np.arange(float(size)), places[None], order=0, mode="nearest"
        )
        mapping = AxisMapping.same_box(size, new_size, nearest=True)
        assert_array_equal(mapping.source_indices(size, new_size), known)


def test_what_has_the_shape_already_stays_as_it_is():
    image = image_of((1, 3, 4, 5))
    assert resampled_image(image, (3, 4, 5), 0) is image


@pytest.mark.parametrize(
    ("first_mm", "second_mm", "axis"),
    [
        ((1, 1, 1), (1, 1, 1), None),
        ((4, 1, 1), (1, 1, 1), 0),
        ((3, 1, 1), (1, 1, 1), None),
        ((1, 1, 1), (0.5, 0.5, 2.0), 2),
        ((1, 5, 1), (4, 1, 1), 1),
        ((0.2, 1.2, 1.2), (1, 1, 9), None),
    ],
)
def test_an_axis_is_apart_where_one_alone_is_three_times_the_shortest(
    first_mm, second_mm, axis
):
    i, j, k = map(float, first_mm)
    i2, j2, k2 = map(float, second_mm)
    assert separate_axis((i, j, k), (i2, j2, k2)) == axis


def test_sizes_are_rounded_as_python_rounds():
    assert resampled_shape((5, 7, 1), (1.0, 1.0, 0.1), (2.0, 2.0, 2.0)) == (2, 4, 1)
