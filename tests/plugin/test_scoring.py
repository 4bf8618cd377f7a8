from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from napari_medseg._placement import Placement
from napari_medseg._scoring import as_tsv, compare, disagreements, places_of
from tests.plugin.scans import marker_image, marker_labels, marker_scan, rotated


def test_storing_a_mask_in_another_voxel_order_changes_no_score():
    prediction = marker_labels((2, 0, 1), (True, False, True))

    comparison = compare(prediction, marker_labels(), marker_scan())

    assert [row.dice for row in comparison.scores.rows] == [1, 1]
    assert comparison.scores["liver"].mean_hu == pytest.approx(40)
    assert comparison.scores["liver tumour"].mean_hu == pytest.approx(400)


def test_another_place_is_another_grid():
    reference = marker_labels()
    elsewhere = replace(reference, geometry=rotated(reference.geometry, 10))

    with pytest.raises(medseg.UnusableInput, match="GRID_MISMATCH"):
        compare(marker_labels(), elsewhere, None)


def test_every_structure_has_a_place_inside_it():
    segmentation = marker_labels((1, 2, 0), (False, True, True))
    placement = Placement.of(segmentation.geometry)
    shown = placement.to_shown(segmentation.array)

    places = places_of(shown, placement)

    assert set(places) == {1, 2}
    for label, place in places.items():
        index = (np.array(place) - placement.translate) / placement.scale
        assert shown[tuple(np.round(index).astype(int))] == label


def test_the_place_of_a_ball_is_its_middle():
    grid = np.indices((21, 21, 21)) - 10
    ball = (np.square(grid).sum(axis=0) < 50).astype(np.uint8) * 3
    placement = Placement.of_transform(ball.shape, (2, 1, 1), (5, 0, -7))

    assert places_of(ball, placement) == {3: (25.0, 10.0, 3.0)}


def test_nameless_labels_of_a_reference_are_called_as_in_the_prediction():
    numbers = medseg.LabelSet.from_names([(1, "label 1"), (2, "label 2")])
    reference = replace(marker_labels(), labels=numbers)

    comparison = compare(marker_labels(), reference, None)

    assert [row.structure for row in comparison.scores.rows] == [
        "liver",
        "liver tumour",
    ]


def test_numbers_that_mean_something_else_are_pointed_out():
    other = medseg.LabelSet.from_names([(1, "spleen"), (2, "Liver Tumour")])

    assert disagreements(marker_labels().labels, other) == [
        "label 1 is liver in the prediction, spleen in the reference"
    ]
    assert not disagreements(marker_labels().labels, marker_labels().labels)


def test_the_clipboard_gets_a_row_a_structure_in_columns():
    evaluation = compare(marker_labels(), marker_labels(), None).evaluation

    header, *rows = (line.split("\t") for line in as_tsv(evaluation).splitlines())

    assert header[:3] == ["case", "structure", "label"]
    assert [row[1] for row in rows] == ["liver", "liver tumour"]
    assert {len(row) for row in rows} == {len(header)}


def test_a_scan_that_the_model_was_trained_on_is_pointed_out():
    made = medseg.Provenance(
        case_id="c1",
        input_sha256="",
        model="mine",
        model_sha256="",
        versions=(),
        settings=(),
        is_trained_on=True,
    )
    seen = replace(marker_labels(), provenance=made)

    comparison = compare(seen, marker_labels(), None)

    assert "trained on this scan" in comparison.warning
    assert "true" in as_tsv(comparison.evaluation)
    assert not compare(marker_labels(), marker_labels(), None).warning


def test_comparing_leaves_the_masks_as_they_were():
    prediction = marker_labels((2, 1, 0))
    before = prediction.array.copy()

    compare(prediction, marker_labels(), None)

    assert_array_equal(prediction.array, before)
    assert prediction.array.shape == marker_image().shape[::-1]
