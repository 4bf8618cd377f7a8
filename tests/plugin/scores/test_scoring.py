from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from napari_medseg.layers.naming import disagreements
from napari_medseg.layers.placement import Placement
from napari_medseg.scores.work import (
    as_tsv,
    compare,
    edited_labels,
    places_of,
    update,
)
from napari_medseg.structures.contents import as_shown
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
    shown = as_shown(segmentation)

    places = places_of(shown, placement)

    assert set(places) == {1, 2}
    for label, place in places.items():
        index = (np.array(place) - placement.translate) / placement.scale
        assert shown.array[tuple(np.round(index).astype(int))] == label


def test_the_place_of_a_ball_is_its_middle():
    grid = np.indices((21, 21, 21)) - 10
    ball = (np.square(grid).sum(axis=0) < 50).astype(np.uint8) * 2
    placement = Placement.of_transform(ball.shape, (2, 1, 1), (5, 0, -7))
    shown = medseg.Segmentation(
        array=ball, geometry=placement.shown, labels=marker_labels().labels
    )

    assert places_of(shown, placement) == {2: (25.0, 10.0, 3.0)}


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


def test_an_edit_is_told_by_the_labels_that_gained_or_lost_a_voxel():
    before = marker_labels()
    array = before.array.copy()
    i, j, k = np.argwhere(array == 1)[0]
    array[i, j, k] = 2

    assert edited_labels(before, replace(before, array=array)) == {1, 2}
    assert not edited_labels(before, replace(before, array=before.array.copy()))


@pytest.mark.parametrize("with_scan", [True, False])
def test_after_an_edit_the_scores_are_as_if_computed_anew(with_scan):
    scan = marker_scan((2, 0, 1)) if with_scan else None
    reference = marker_labels((2, 0, 1))
    before = compare(marker_labels((2, 0, 1)), reference, scan, 2.0)
    array = reference.array.copy()
    array[array == 2] = 0
    edited = replace(reference, array=array)

    made = update(before, edited, reference)

    anew = compare(edited, reference, scan, 2.0)
    assert made.words == "Updated after an edit: liver tumour."
    assert made.comparison is not None
    assert made.comparison.scores.table() == anew.scores.table()
    assert made.comparison.places == anew.places


def test_without_an_edit_the_comparison_stays_what_it_was():
    before = compare(marker_labels(), marker_labels(), None)

    made = update(before, marker_labels(), marker_labels())

    assert made.comparison is before
    assert made.words == ""


def test_labels_that_were_moved_are_not_scored_as_if_they_were_not():
    before = compare(marker_labels(), marker_labels(), None)
    there = marker_labels()
    elsewhere = replace(there, geometry=rotated(there.geometry, 5))

    made = update(before, elsewhere, marker_labels())

    assert made.comparison is None
    assert "on other voxels than before" in made.words


def test_an_edit_of_something_huge_is_not_scored_unasked():
    shape = (250, 250, 200)
    labels = medseg.LabelSet.from_names([(1, "body")])
    geometry = medseg.Geometry.from_spacing(shape, (1.0, 1.0, 1.0))
    body = medseg.Segmentation(
        array=np.ones(shape, np.uint8), geometry=geometry, labels=labels
    )
    scores = medseg.Scores(
        case_id="c1",
        rows=(
            medseg.StructureScore(
                structure="body",
                label=1,
                state=medseg.MaskState.BOTH_PRESENT,
                dice=1.0,
                iou=1.0,
                volume_ml=12_500.0,
                reference_volume_ml=12_500.0,
            ),
        ),
    )
    small = compare(marker_labels(), marker_labels(), None)
    shown = as_shown(body)
    pair = replace(small.pair, prediction=shown, reference=shown)
    array = body.array.copy()
    array[0, 0, 0] = 0

    made = update(
        replace(small, pair=pair, scores=scores), replace(body, array=array), body
    )

    assert made.comparison is None
    assert made.words == "Edited: body. Compute again."
