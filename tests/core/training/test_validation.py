"""Scores of regions, and of maps that are looked at in part."""

import numpy as np
import pytest

from medseg import LabelSet, Segmentation
from medseg.core.case import Dataset
from medseg.core.regions import Region
from medseg.metrics import score
from medseg.training.validation import score_case, scored_names
from tests.core.making import dice, segmentation_of

LABELS = LabelSet.from_names([(1, "oedema"), (2, "necrosis"), (3, "enhancing tumour")])
REGIONS = (
    Region(name="whole tumour", ids=(1, 2, 3), painted_as=1),
    Region(name="core", ids=(2, 3), painted_as=2),
    Region(name="enhancing tumour", ids=(3,), painted_as=3),
)
SHAPE = (9, 8, 7)


def dataset_of(regions=(), ignore_id=None) -> Dataset:
    return Dataset(
        name="tumours",
        channels=("MRI",),
        labels=LABELS,
        cases=(),
        regions=regions,
        ignore_id=ignore_id,
    )


def random_map(seed: int, values=(0, 1, 2, 3), labels=LABELS) -> Segmentation:
    array = np.random.default_rng(seed).choice(values, SHAPE).astype(np.uint8)
    return segmentation_of(array, labels=labels)


def with_ignored() -> Segmentation:
    labels = LabelSet((*LABELS, *LabelSet.from_names([(4, "ignored")])))
    return random_map(1, (0, 1, 2, 3, 4), labels)


def test_without_regions_and_ignored_voxels_they_are_the_scores():
    a, b = random_map(0), random_map(1)
    assert score_case(a, b, dataset_of()) == score(a, b)


def test_a_region_is_scored_as_the_union_of_its_labels():
    a, b = random_map(0), random_map(1)
    scores = score_case(a, b, dataset_of(REGIONS))
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
    scores = score_case(a, b, dataset_of(ignore_id=4))
    assert [row.structure for row in scores.rows] == list(LABELS.names)
    for structure in LABELS:
        masks = [(each.array == structure.id)[seen] for each in (a, b)]
        assert scores[structure.name].dice == pytest.approx(dice(*masks))


def test_regions_are_scored_where_somebody_looked():
    a, b = random_map(0), with_ignored()
    seen = b.array != 4
    scores = score_case(a, b, dataset_of(REGIONS, ignore_id=4))
    for region in REGIONS:
        masks = [np.isin(each.array[seen], region.ids) for each in (a, b)]
        assert scores[region.name].dice == pytest.approx(dice(*masks))


@pytest.mark.parametrize("regions", [(), REGIONS])
def test_there_is_a_row_for_each_scored_name(regions):
    dataset = dataset_of(regions)
    scores = score_case(random_map(0), random_map(1), dataset)
    assert {row.structure for row in scores.rows} == {*scored_names(dataset)}
