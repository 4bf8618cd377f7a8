"""Scores of regions, and of maps that are looked at in part."""

import numpy as np
import pytest

from medseg import ErrorCode, Geometry, LabelSet, Segmentation, UnusableInput
from medseg.core.described_labels import DescribedLabels
from medseg.core.regions import Region
from medseg.metrics import score, score_described
from tests.core.making import dice, segmentation_of

LABELS = LabelSet.from_names([(1, "oedema"), (2, "necrosis"), (3, "enhancing tumour")])
REGIONS = (
    Region(name="whole tumour", ids=(1, 2, 3), painted_as=1),
    Region(name="core", ids=(2, 3), painted_as=2),
    Region(name="enhancing tumour", ids=(3,), painted_as=3),
)
SHAPE = (9, 8, 7)


def described(regions=(), ignore_id=None) -> DescribedLabels:
    return DescribedLabels(labels=LABELS, regions=regions, ignore_id=ignore_id)


def random_map(seed: int, values=(0, 1, 2, 3), labels=LABELS) -> Segmentation:
    array = np.random.default_rng(seed).choice(values, SHAPE).astype(np.uint8)
    return segmentation_of(array, labels=labels)


def with_ignored() -> Segmentation:
    labels = LabelSet((*LABELS, *LabelSet.from_names([(4, "ignored")])))
    return random_map(1, (0, 1, 2, 3, 4), labels)


def test_without_regions_and_ignored_voxels_they_are_the_scores():
    a, b = random_map(0), random_map(1)
    assert score_described(a, b, described()) == score(a, b)
    assert score_described(a, b, None) == score(a, b)


def test_a_region_is_scored_as_the_union_of_its_labels():
    a, b = random_map(0), random_map(1)
    scores = score_described(a, b, described(REGIONS))
    for region in REGIONS:
        masks = [np.isin(each.array, region.ids) for each in (a, b)]
        assert scores[region.name].dice == pytest.approx(dice(*masks))
        assert scores[region.name].label == region.painted_as
    assert [each.structure for each in scores.lesions] == [
        "whole tumour",
        "enhancing tumour",
    ]


def test_ignored_voxels_count_in_neither_map():
    a, b = random_map(0), with_ignored()
    seen = b.array != 4
    scores = score_described(a, b, described(ignore_id=4))
    assert [row.structure for row in scores.rows] == list(LABELS.names)
    for structure in LABELS:
        masks = [(each.array == structure.id)[seen] for each in (a, b)]
        assert scores[structure.name].dice == pytest.approx(dice(*masks))


def test_regions_are_scored_where_somebody_looked():
    a, b = random_map(0), with_ignored()
    seen = b.array != 4
    scores = score_described(a, b, described(REGIONS, ignore_id=4))
    for region in REGIONS:
        masks = [np.isin(each.array[seen], region.ids) for each in (a, b)]
        assert scores[region.name].dice == pytest.approx(dice(*masks))


@pytest.mark.parametrize("regions", [(), REGIONS])
def test_there_is_a_row_for_each_scored_name(regions):
    what = described(regions)
    scores = score_described(random_map(0), random_map(1), what)
    assert {row.structure for row in scores.rows} == {*what.scored_names}


def test_a_prediction_of_the_label_to_ignore_counts_as_wrong():
    labels = LabelSet((*LABELS, *LabelSet.from_names([(4, "ignored")])))
    prediction = random_map(2, (0, 1, 4), labels)
    scores = score_described(prediction, with_ignored(), described(ignore_id=4))
    assert scores["ignored"].dice == 0.0
    assert scores["ignored"].reference_volume_ml == 0.0


def test_a_label_in_no_region_is_not_dropped_from_a_prediction():
    labels = LabelSet((*LABELS, *LabelSet.from_names([(9, "liver")])))
    a, b = random_map(0, (0, 1, 3, 9), labels), random_map(1)
    scores = score_described(a, b, described(REGIONS), tolerance_mm={"core": 1.0})
    assert [row.structure for row in scores.rows][-1] == "liver"
    assert scores["liver"].dice == 0.0
    without = segmentation_of(np.where(a.array == 9, 0, a.array), labels=labels)
    assert (
        scores.rows[:-1]
        == score_described(
            without, b, described(REGIONS), tolerance_mm={"core": 1.0}
        ).rows
    )


def test_a_tolerance_is_that_of_the_region_it_names():
    a, b = random_map(0), random_map(1)
    both = described(REGIONS)
    scores = score_described(a, b, both, tolerance_mm={"core": 2.0})
    assert [row.tolerance_mm for row in scores.rows] == [None, 2.0, None]
    assert scores["whole tumour"].nsd is None
    scores = score_described(a, b, both, tolerance_mm=3.0)
    assert [row.tolerance_mm for row in scores.rows] == [3.0] * 3


def test_labels_whose_names_were_swapped_are_refused_in_regions_too():
    swapped = LabelSet.from_names([(1, "necrosis"), (2, "oedema"), (3, "other")])
    with pytest.raises(UnusableInput) as refusal:
        score_described(
            random_map(0, labels=swapped), random_map(1), described(REGIONS)
        )
    assert refusal.value.code is ErrorCode.LABEL_MISMATCH


def test_maps_on_two_grids_are_refused_before_anything_is_left_out():
    geometry = Geometry.from_spacing((9, 8, 6), (1.0, 1.0, 1.0))
    other = segmentation_of(np.zeros((9, 8, 6), np.uint8), geometry, LABELS)
    with pytest.raises(UnusableInput) as refusal:
        score_described(other, with_ignored(), described(ignore_id=4))
    assert refusal.value.code is ErrorCode.GRID_MISMATCH


def test_labels_above_255_may_be_painted_as_regions():
    labels = LabelSet.from_names([(1, "cube"), (300, "half")])
    halves = (Region(name="all", ids=(1, 300), painted_as=300),)
    what = DescribedLabels(labels=labels, regions=halves)
    prediction = random_map(0, (0, 1), LabelSet.from_names([(1, "cube")]))
    array = np.where(prediction.array > 0, 300, 0).astype(np.uint16)
    reference = segmentation_of(array, prediction.geometry, labels)
    assert score_described(prediction, reference, what)["all"].dice == 1.0


def test_a_description_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="label 3 is ignored and a structure"):
        described(ignore_id=3)
    with pytest.raises(ValueError, match="made of the labels"):
        described((Region(name="all", ids=(1, 9), painted_as=9),))
