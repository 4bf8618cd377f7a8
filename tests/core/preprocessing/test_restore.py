"""Logits back on the scan's grid, row by row, against PyTorch, SciPy and formulas."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from torch.nn import functional

from medseg import Geometry, LabelSet
from medseg.core.plan import Recipe
from medseg.core.prepared import Prepared
from medseg.preprocessing import LogitsSlab, Wanted, restored
from medseg.preprocessing.mapping import AxisMapping
from medseg.preprocessing.slab_resampling import resampled_slabs
from tests.core.little_memory import LittleMemory
from tests.core.making import TINY_PLAN, shapes
from tests.core.preprocessing.test_regions import PLAN as OF_REGIONS

ALL = Wanted(probabilities=True, uncertainty=True)


def noise(*shape, seed=0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def cut(logits, axis, sizes) -> list[LogitsSlab]:
    """Logits (member, output, i, j, k) as slabs of so many rows along an axis."""
    rows_first = logits.movedim(2 + axis, 2)
    count = rows_first.shape[2]
    slabs: list[LogitsSlab] = []
    start = 0
    while start < count:
        stop = min(count, start + sizes[len(slabs) % len(sizes)])
        rows = slice(start, stop)
        part = rows_first[:, :, rows]
        slabs.append(LogitsSlab(axis=axis, rows=rows, row_count=count, logits=part))
        start = stop
    return slabs


def same_boxes(source, target):
    i, j, k = (AxisMapping.same_box(n, m) for n, m in zip(source, target, strict=True))
    return i, j, k


def joined(rows) -> torch.Tensor:
    """What came out, as (member, output, i, j, k)."""
    rows = list(rows)
    assert [r.rows.start for r in rows] == [0, *(r.rows.stop for r in rows)][:-1]
    whole = torch.cat([r.values for r in rows], dim=1)
    return whole.movedim(-1, 1).movedim(2, 2 + rows[0].axis)


@settings(deadline=None, max_examples=60)
@given(
    shapes(1, 9),
    shapes(1, 12),
    st.integers(0, 2),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.sampled_from([1, 500, 10**9]),
)
def test_rows_resampled_as_they_come_are_pytorchs_trilinear(
    source, target, axis, sizes, slab_bytes
):
    logits = noise(2, 3, *source)
    mappings = same_boxes(source, target)
    slabs = cut(logits, axis, sizes)
    result = joined(resampled_slabs(slabs, mappings, target, slab_bytes))
    expected = functional.interpolate(logits, size=target, mode="trilinear")
    assert_allclose(result.numpy(), expected.numpy(), atol=2e-6)
    at_once = joined(resampled_slabs(cut(logits, axis, [99]), mappings, target))
    assert torch.equal(result, at_once)


@settings(deadline=None, max_examples=40)
@given(
    shapes(1, 8),
    shapes(1, 9),
    st.integers(0, 2),
    st.tuples(*[st.floats(0.2, 3.0)] * 3),
    st.tuples(*[st.floats(-2.0, 2.0)] * 3),
    st.booleans(),
)
def test_any_mapping_is_scipys_interpolation(
    source, target, axis, scales, offsets, nearest
):
    logits = noise(1, 2, *source)
    i, j, k = (
        AxisMapping(scale=scale, offset=offset, nearest=nearest)
        for scale, offset in zip(scales, offsets, strict=True)
    )
    result = joined(resampled_slabs(cut(logits, axis, [2]), (i, j, k), target))
    index = np.indices(target).astype(np.float64)
    places = [n * m.scale + m.offset for n, m in zip(index, (i, j, k), strict=True)]
    if nearest:
        places = [np.floor(place + 0.5) for place in places]
    for output in range(2):
        expected = ndimage.map_coordinates(
            logits[0, output].numpy(), places, order=1, mode="nearest"
        )
        assert_allclose(result[0, output].numpy(), expected, atol=2e-5)


def test_a_mapping_needs_a_scale():
    with pytest.raises(ValueError, match="above 0"):
        AxisMapping(scale=0.0, offset=0.0)


def prepared_of(source, crop_shape, grid_shape=None, crop_start=(0, 0, 0)) -> Prepared:
    return Prepared(
        image=np.zeros((1, *source), np.float32),
        source=Geometry.from_spacing(grid_shape or crop_shape, (1.0, 1.0, 1.0)),
        axes=(0, 1, 2),
        flipped=(False, False, False),
        crop_start=crop_start,
        crop_shape=crop_shape,
    )


@pytest.mark.parametrize("target", [(6, 7, 8), (11, 5, 9)])
def test_labels_are_the_largest_resampled_logits(target):
    logits = noise(3, 6, 7, 8)
    found = restored(
        [LogitsSlab.whole(logits)], prepared_of((6, 7, 8), target), TINY_PLAN
    )
    whole = functional.interpolate(logits[None], size=target, mode="trilinear")[0]
    assert_array_equal(found.labels, np.array([0, 1, 4])[whole.argmax(0).numpy()])
    assert found.probabilities is None
    assert found.entropy is None


def test_labels_above_255_take_two_bytes():
    labels = LabelSet.from_names([(1, "liver"), (300, "spleen")])
    logits = torch.zeros(3, 2, 2, 2)
    logits[2, 1] = 1
    found = restored(
        [LogitsSlab.whole(logits)],
        prepared_of((2, 2, 2), (2, 2, 2)),
        replace(TINY_PLAN, labels=labels),
    )
    assert found.labels.dtype == np.uint16
    assert_array_equal(found.labels[1], 300)


def test_probabilities_and_entropy_are_those_of_the_mean_logits():
    logits = noise(2, 3, 4, 5, 6)
    prepared = prepared_of((4, 5, 6), (4, 5, 6), (6, 7, 8), (1, 1, 1))
    found = restored(cut(logits, 1, [2]), prepared, TINY_PLAN, ALL)
    inside = (slice(1, 5), slice(1, 6), slice(1, 7))
    p = logits.mean(0).softmax(0).numpy()
    assert found.probabilities is not None
    assert found.probabilities.dtype == np.float16
    assert_allclose(found.probabilities[:, *inside], p, atol=1e-3)
    assert found.entropy is not None
    expected = -(p * np.log(p)).sum(0) / np.log(3)
    assert_allclose(found.entropy[inside], expected, atol=1e-3)
    outside = np.ones((6, 7, 8), dtype=bool)
    outside[inside] = False
    assert_array_equal(found.labels[outside], 0)
    assert_array_equal(found.probabilities[0][outside], 1)
    assert_array_equal(found.entropy[outside], 0)


def test_disagreement_is_there_for_several_members_only():
    prepared = prepared_of((4, 5, 6), (4, 5, 6))
    alone = restored(cut(noise(1, 3, 4, 5, 6), 0, [9]), prepared, TINY_PLAN, ALL)
    assert alone.disagreement is None
    members = noise(2, 3, 4, 5, 6)
    found = restored(cut(members, 2, [3]), prepared, TINY_PLAN, ALL)
    p = members.softmax(1).numpy()
    mean = p.mean(0)
    each = -(p * np.log(p)).sum(1).mean(0)
    expected = (-(mean * np.log(mean)).sum(0) - each) / np.log(3)
    assert found.disagreement is not None
    assert_allclose(found.disagreement, expected, atol=1e-3)


def test_a_monai_models_probabilities_are_resampled_not_its_logits():
    plan = replace(TINY_PLAN, recipe=Recipe.MONAI)
    logits = 6 * noise(3, 5, 6, 7)
    prepared = prepared_of((5, 6, 7), (9, 6, 10))
    onto = ((0.5, 0.0), (1.0, 0.0), (0.6, 0.2))
    prepared = replace(prepared, box_on_image=onto)
    found = restored([LogitsSlab.whole(logits)], prepared, plan, ALL)
    index = np.indices((9, 6, 10)).astype(np.float64)
    places = [n * step + first for n, (step, first) in zip(index, onto, strict=True)]
    expected = np.stack(
        [
            ndimage.map_coordinates(each.numpy(), places, order=1, mode="nearest")
            for each in logits.softmax(0)
        ]
    )
    assert found.probabilities is not None
    assert_allclose(found.probabilities, expected, atol=1e-3)
    second, first = np.sort(expected, axis=0)[-2:]
    is_clear = first - second > 1e-5
    ids = np.array([0, 1, 4])[expected.argmax(0)]
    assert_array_equal(found.labels[is_clear], ids[is_clear])


def boxed(source, target) -> Prepared:
    """Of a plan of any recipe, the image filling the box."""
    steps = [n / m for n, m in zip(source, target, strict=True)]
    onto = tuple((step, step / 2 - 0.5) for step in steps)
    return replace(prepared_of(source, target), box_on_image=onto)


@pytest.mark.parametrize("recipe", [Recipe.MEDSEG, Recipe.MONAI])
@pytest.mark.parametrize("members", [1, 2])
def test_with_little_memory_rows_are_made_one_by_one(recipe, members):
    plan = replace(TINY_PLAN, recipe=recipe)
    source, target = (6, 5, 4), (24, 10, 9)
    prepared = boxed(source, target)
    slabs = cut(noise(members, 3, *source), 0, [3])
    expected = restored(slabs, prepared, plan, ALL)
    row = (members + (recipe is Recipe.MONAI and members > 1)) * 3 * 10 * 9
    with LittleMemory(most=3 * row) as device:
        made = restored(slabs, prepared, plan, ALL)
    assert device.refused
    assert_array_equal(made.labels, expected.labels)
    assert made.probabilities is not None
    assert expected.probabilities is not None
    assert_allclose(made.probabilities, expected.probabilities, atol=1e-3)


def test_the_labels_have_their_place_before_the_first_logits_are_computed():
    """Whoever computes logits does so in the memory that is left."""
    kept_bytes = []

    def computed():
        kept_bytes.append(tracemalloc.get_traced_memory()[0])
        yield from cut(noise(1, 3, 6, 5, 4), 0, [3])

    prepared = prepared_of((6, 5, 4), (6, 5, 4), grid_shape=(60, 50, 40))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        restored(computed(), prepared, TINY_PLAN)
    finally:
        tracemalloc.stop()
    assert kept_bytes[0] - before >= 60 * 50 * 40


def test_without_memory_for_a_row_it_ends():
    slabs = cut(noise(1, 3, 6, 5, 4), 0, [3])
    prepared = boxed((6, 5, 4), (24, 10, 9))
    with (
        LittleMemory(most=100),
        pytest.raises(torch.OutOfMemoryError, match="it is full"),
    ):
        restored(slabs, prepared, TINY_PLAN)


@pytest.mark.parametrize("plan", [TINY_PLAN, OF_REGIONS], ids=["labels", "regions"])
def test_a_bundles_labels_are_the_same_when_its_members_are_kept(plan):
    """Of the probabilities of the mean logits, not of the mean of probabilities."""
    plan = replace(plan, recipe=Recipe.MONAI)
    outputs = len(plan.output_names)
    source, target = (9, 8, 7), (13, 8, 10)
    logits = 5 * noise(3, outputs, *source, seed=5)
    prepared = boxed(source, target)
    kept = restored(cut(logits, 0, [4]), prepared, plan, ALL)
    mean = restored(cut(logits.mean(0, keepdim=True), 0, [4]), prepared, plan, ALL)
    assert_array_equal(kept.labels, mean.labels)
    assert kept.probabilities is not None
    assert mean.probabilities is not None
    assert_allclose(kept.probabilities, mean.probabilities, atol=1e-3)
    assert kept.disagreement is not None
    assert mean.disagreement is None
    other = logits.sigmoid() if plan.regions else logits.softmax(1)
    assert (other.mean(0).argmax(0) != logits.mean(0).argmax(0)).any()
