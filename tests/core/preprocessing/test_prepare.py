"""A scan made ready, and its labels brought back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from medseg import ErrorCode, Geometry, UnusableInput
from medseg.preprocessing import LogitsSlab, prepare, prepare_reference, restored
from medseg.preprocessing.prepare import nonzero_box, target_shape
from tests.core.making import (
    CT,
    ORIENTATIONS,
    TINY_PLAN,
    Z_SCORE,
    dice,
    ellipsoid,
    segmentation_of,
    shapes,
    turned_geometry,
    volume_of,
)

TWO_CHANNELS = replace(
    TINY_PLAN, channels=("T1", "FLAIR"), normalisation=(Z_SCORE, Z_SCORE)
)
CT_PLAN = replace(TINY_PLAN, channels=("CT",), normalisation=(CT,))


def logits_of(indices) -> torch.Tensor:
    """Logits of a network that is sure of these label indices."""
    one_hot = torch.nn.functional.one_hot(torch.from_numpy(indices).long(), 3)
    return one_hot.movedim(-1, 0).float()


def there_and_back(volume, reference, plan) -> np.ndarray:
    prepared = prepare(volume, plan)
    logits = logits_of(prepare_reference(reference, prepared))
    return restored([LogitsSlab.whole(logits)], prepared, plan).labels


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from(ORIENTATIONS), shapes(1, 8), st.floats(0, 40), st.integers(0, 99)
)
def test_labels_come_back_exactly_when_nothing_is_resampled(turn, shape, tilt, seed):
    rng = np.random.default_rng(seed)
    whole = tuple(n + 4 for n in shape)
    inside = tuple(slice(low, low + n) for low, n in zip((1, 2, 3), shape, strict=True))
    image, labels = np.zeros(whole, np.int16), np.zeros(whole, np.uint8)
    image[inside] = rng.integers(1, 500, shape)
    labels[inside] = rng.choice([0, 1, 4], shape)
    geometry = turned_geometry(whole, (1.0, 1.0, 1.0), turn[0], turn[1], tilt)
    volume, reference = volume_of(image, geometry), segmentation_of(labels, geometry)
    assert sorted(prepare(volume, TINY_PLAN).image.shape[1:]) == sorted(shape)
    assert_array_equal(there_and_back(volume, reference, TINY_PLAN), labels)


@pytest.mark.parametrize(("axes", "flipped"), ORIENTATIONS[::7])
def test_a_resampled_ellipsoid_comes_back_in_its_place(axes, flipped):
    shape = [0, 0, 0]
    spacing = [0.0, 0.0, 0.0]
    for voxel, world in enumerate(axes):
        shape[voxel] = (50, 44, 24)[world]
        spacing[voxel] = (0.8, 1.1, 2.5)[world]
    geometry = turned_geometry(tuple(shape), tuple(spacing), axes, flipped, 8)
    centre = geometry.centre_ras_mm + np.array([3.0, -4.0, 2.0])
    mask = ellipsoid(geometry, (11.0, 14.0, 17.0), centre)
    volume = volume_of(np.ones(shape, np.float32), geometry)
    reference = segmentation_of(mask.astype(np.uint8) * 4, geometry)
    back = there_and_back(volume, reference, replace(TINY_PLAN, spacing_mm=(1.5,) * 3))
    assert back.dtype == np.uint8
    assert set(np.unique(back)) == {0, 4}
    assert dice(back == 4, mask) > 0.97


def test_the_prepared_scan_lies_along_the_patient_on_the_plans_grid():
    """A bright corner at the patient's left back bottom is the first voxel."""
    axes, flipped = (2, 0, 1), (True, False, True)
    geometry = turned_geometry((8, 10, 12), (2.0, 1.0, 3.0), axes, flipped)
    first = geometry.patient_axes
    image = np.ones((8, 10, 12), np.float32)
    corner = geometry.corners_ras_mm().min(axis=0)
    image[tuple(geometry.to_index(corner).round().astype(int))] = 50
    prepared = prepare(
        volume_of(image, geometry), replace(TINY_PLAN, spacing_mm=(0.5, 0.5, 0.5))
    )
    sizes_mm = (
        np.array(geometry.shape)[list(first)]
        * np.array(geometry.spacing_mm)[list(first)]
    )
    assert prepared.image.shape[1:] == tuple(np.round(sizes_mm / 0.5).astype(int))
    assert prepared.image.argmax() == 0


def test_preparing_changes_neither_the_scan_nor_its_intensities_order():
    array = np.arange(1, 61, dtype=np.float32).reshape(3, 4, 5)
    volume = volume_of(array.copy())
    prepared = prepare(volume, TINY_PLAN)
    assert_array_equal(volume.array[0], array)
    assert (np.diff(prepared.image.ravel()) > 0).all()
    assert prepared.image.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float64])
def test_any_stored_type_gives_the_same_input(dtype):
    array = np.random.default_rng(0).integers(1, 200, (5, 6, 7))
    expected = prepare(volume_of(array.astype(np.float32)), TINY_PLAN).image
    result = prepare(volume_of(array.astype(dtype)), TINY_PLAN).image
    assert_allclose(result, expected, atol=1e-6)


def test_the_nonzero_box_holds_every_channels_voxels():
    image = np.zeros((2, 8, 9, 10))
    image[0, 2, 3, 4] = image[1, 6, 3, 8] = -1
    assert nonzero_box(image) == ((2, 3, 4), (5, 1, 5))


def test_an_empty_scan_is_taken_whole():
    assert nonzero_box(np.zeros((1, 3, 4, 5))) == ((0, 0, 0), (3, 4, 5))
    prepared = prepare(volume_of(np.zeros((3, 4, 5))), TINY_PLAN)
    assert_array_equal(prepared.image, np.zeros((1, 3, 4, 5)))


def test_the_target_shape_fills_the_same_box():
    assert target_shape((100, 50, 7), (1.0, 2.0, 5.0), (2.0, 1.0, 2.0)) == (50, 100, 18)
    assert target_shape((1, 1, 1), (1.0, 1.0, 1.0), (9.0, 9.0, 9.0)) == (1, 1, 1)


def test_rounding_in_a_header_costs_no_resampling():
    spacing_mm = (1.0000002, 0.996, 1.02)
    assert target_shape((200, 200, 200), spacing_mm, (1.0, 1.0, 1.0)) == (200, 200, 204)


def test_channels_are_matched_by_name_whatever_their_order():
    t1, flair = np.random.default_rng(0).normal(size=(2, 5, 6, 7))
    given = volume_of(np.stack([flair, t1]), channels=("flair", "T1"))
    ordered = volume_of(np.stack([t1, flair]), channels=("T1", "FLAIR"))
    assert_array_equal(
        prepare(given, TWO_CHANNELS).image, prepare(ordered, TWO_CHANNELS).image
    )


@pytest.mark.parametrize(
    ("plan", "channels"),
    [
        (TWO_CHANNELS, ("T1",)),
        (TWO_CHANNELS, ("T1", "T2")),
        (TWO_CHANNELS, ("T1", "T1")),
        (TINY_PLAN, ("T1", "FLAIR")),
        (CT_PLAN, ("MR",)),
        (TINY_PLAN, ("CT",)),
    ],
)
def test_other_channels_than_the_models_are_refused(plan, channels):
    volume = volume_of(np.ones((len(channels), 3, 4, 5)), channels=channels)
    with pytest.raises(UnusableInput, match=", ".join(plan.channels)) as caught:
        prepare(volume, plan)
    assert caught.value.code is ErrorCode.CHANNEL_MISMATCH


@pytest.mark.parametrize("channel", ["CT", "image", "ct"])
def test_a_single_channel_of_the_same_or_no_known_kind_is_taken(channel):
    prepare(volume_of(np.ones((3, 4, 5)), channels=(channel,)), CT_PLAN)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_intensities_that_are_no_numbers_are_refused(value):
    array = np.ones((3, 4, 5))
    array[1, 2, 3] = value
    with pytest.raises(UnusableInput) as caught:
        prepare(volume_of(array), TINY_PLAN)
    assert caught.value.code is ErrorCode.NOT_FINITE


def test_a_reference_on_another_grid_is_refused():
    prepared = prepare(volume_of(np.ones((3, 4, 5))), TINY_PLAN)
    elsewhere = Geometry.from_spacing((3, 4, 5), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0))
    with pytest.raises(UnusableInput) as caught:
        prepare_reference(
            segmentation_of(np.zeros((3, 4, 5), np.uint8), elsewhere), prepared
        )
    assert caught.value.code is ErrorCode.GRID_MISMATCH
