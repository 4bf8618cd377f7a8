"""Overlapping regions and ignored voxels, there and back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from medseg import LabelSet
from medseg.core.plan import IGNORED
from medseg.core.regions import Region
from medseg.preprocessing import (
    LogitsSlab,
    Wanted,
    prepare,
    prepare_reference,
    restored,
)
from tests.core.making import TINY_PLAN, segmentation_of, turned_geometry, volume_of

REGIONS = (
    Region(name="whole", ids=(1, 2, 7), painted_as=1),
    Region(name="core", ids=(2, 7), painted_as=2),
    Region(name="enhancing", ids=(7,), painted_as=7),
)
PLAN = replace(
    TINY_PLAN,
    labels=LabelSet.from_names([(1, "oedema"), (2, "necrosis"), (7, "enhancing")]),
    regions=REGIONS,
)


def painted(logits: torch.Tensor) -> np.ndarray:
    labels = np.zeros(logits.shape[1:], np.uint8)
    for logit, region in zip(logits, PLAN.regions, strict=True):
        labels[logit.numpy() > 0] = region.painted_as
    return labels


def prepared_of(shape=(6, 7, 8)):
    geometry = turned_geometry(shape, (1.0, 1.0, 1.0), (2, 0, 1), (True, False, True))
    image = np.random.default_rng(0).normal(100, 10, shape).astype(np.float32)
    image[:2] = 0
    return prepare(volume_of(image, geometry), PLAN), geometry


def test_regions_come_back_onto_the_scans_own_grid():
    prepared, _ = prepared_of()
    logits = torch.randn(3, *prepared.crop_shape)
    whole = np.zeros(prepared.source.permuted(prepared.axes, prepared.flipped).shape)
    box = tuple(
        slice(s, s + n)
        for s, n in zip(prepared.crop_start, prepared.crop_shape, strict=True)
    )
    whole[box] = painted(logits)
    wanted = np.flip(
        whole, tuple(axis for axis in range(3) if prepared.flipped[axis])
    ).transpose([prepared.axes.index(axis) for axis in range(3)])
    labels = restored([LogitsSlab.whole(logits)], prepared, PLAN).labels
    assert labels.dtype == np.uint8
    assert_array_equal(labels, wanted)


def test_probabilities_of_regions_are_sigmoids_and_0_outside_the_box():
    prepared, geometry = prepared_of()
    logits = torch.randn(3, *prepared.crop_shape)
    logits += 0.01 * logits.sign()  # none so near 0 that float16 makes a half of it
    slabs = [LogitsSlab.whole(logits)]
    found = restored(slabs, prepared, PLAN, Wanted(probabilities=True))
    labels, probabilities = found.labels, found.probabilities
    assert probabilities is not None
    assert probabilities.shape == (3, *geometry.shape)
    assert_array_equal(probabilities[:, :2], 0)
    likely = probabilities > 0.5
    wanted = np.select([likely[2], likely[1], likely[0]], [7, 2, 1], 0)
    assert_array_equal(labels, wanted)
    inside = probabilities[:, 2:]
    assert_allclose(
        np.sort(inside.ravel()), np.sort(logits.sigmoid().numpy().ravel()), atol=1e-3
    )


@pytest.mark.parametrize("ignore_id", [9, 5, 300])
def test_ignored_voxels_become_255_and_shift_no_other_index(ignore_id):
    shape = (6, 7, 8)
    named = [(1, "oedema"), (2, "necrosis"), (7, "enhancing")]
    labels = np.random.default_rng(1).choice([0, 1, 2, 7, ignore_id], shape)
    prepared = prepare(volume_of(np.ones(shape, np.float32)), PLAN)
    reference = segmentation_of(
        labels, labels=LabelSet.from_names([*named, (ignore_id, "ignored")])
    )
    indices = prepare_reference(reference, prepared, ignore_id)
    for index, id_ in enumerate((0, 1, 2, 7)):
        assert_array_equal(indices == index, labels == id_)
    assert_array_equal(indices == IGNORED, labels == ignore_id)


def test_ignored_voxels_are_resampled_like_a_label():
    plan = replace(PLAN, spacing_mm=(0.5, 0.5, 0.5))
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[2:] = 9
    reference = segmentation_of(labels, labels=LabelSet.from_names([(9, "ignored")]))
    prepared = prepare(volume_of(np.ones(labels.shape, np.float32)), plan)
    indices = prepare_reference(reference, prepared, 9)
    assert indices.shape == (8, 8, 8)
    assert_array_equal(indices[:4], 0)
    assert_array_equal(indices[4:], IGNORED)
