"""Scores of one case."""

import numpy as np
import pytest

import medseg
from medseg import ErrorCode, LabelSet, MaskState, UnusableInput

SHAPE = (12, 10, 8)
GEOMETRY = medseg.Geometry.from_spacing(SHAPE, (1.5, 1.0, 2.0))
ORGANS = LabelSet.from_names([(1, "liver"), (2, "spleen"), (3, "liver tumour")])


def segmentation(boxes, labels=ORGANS, geometry=GEOMETRY) -> medseg.Segmentation:
    """Label map with one box a label: {label: (first voxel, one past the last)}."""
    array = np.zeros(SHAPE, np.uint8)
    for label, (start, stop) in boxes.items():
        array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = label
    return medseg.Segmentation(array=array, geometry=geometry, labels=labels)


LIVER = (1, 1, 1), (7, 5, 5)
SPLEEN = (8, 6, 2), (11, 9, 6)


def test_boxes_have_the_scores_and_volumes_of_geometry():
    reference = segmentation({1: LIVER, 2: SPLEEN})
    prediction = segmentation({1: ((3, 1, 1), (9, 5, 5)), 2: SPLEEN})
    scores = medseg.score(prediction, reference)
    assert scores["liver"].dice == pytest.approx(4 / 6)
    assert scores["liver"].iou == pytest.approx(4 / 8)
    assert scores["liver"].volume_ml == pytest.approx(6 * 4 * 4 * 3.0 / 1000)
    assert scores["spleen"].dice == scores["spleen"].iou == 1.0
    assert scores["spleen"].reference_volume_ml == pytest.approx(36 * 3.0 / 1000)


def test_each_empty_mask_has_its_state():
    reference = segmentation({1: LIVER})
    prediction = segmentation({2: SPLEEN})
    rows = medseg.score(prediction, reference).rows
    assert [(row.structure, row.state, row.dice, row.iou) for row in rows] == [
        ("liver", MaskState.PREDICTION_EMPTY, 0.0, 0.0),
        ("spleen", MaskState.REFERENCE_EMPTY, 0.0, 0.0),
        ("liver tumour", MaskState.BOTH_EMPTY, None, None),
    ]


def test_a_false_positive_lowers_the_mean_and_a_true_negative_does_not():
    """MONAI's DiceMetric would leave the false positive out and give 1.0."""
    reference = segmentation({1: LIVER})
    prediction = segmentation({1: LIVER, 2: SPLEEN})
    assert medseg.score(prediction, reference).mean_dice == pytest.approx(0.5)
    assert medseg.score(reference, reference).mean_dice == 1.0


def test_a_case_without_anything_has_no_mean():
    nothing = segmentation({})
    assert medseg.score(nothing, nothing).mean_dice is None


def test_labels_are_matched_by_number_and_named_by_the_reference():
    numbered = LabelSet.from_names([(1, "label 1"), (2, "label 2")])
    renamed = LabelSet.from_names([(1, "hepar"), (2, "lien")])
    reference = segmentation({1: LIVER, 2: SPLEEN})
    for labels in (numbered, renamed):
        prediction = segmentation({1: LIVER, 2: SPLEEN}, labels)
        scores = medseg.score(prediction, reference)
        assert [row.structure for row in scores.rows] == list(ORGANS.names)
        assert scores.mean_dice == 1.0


def test_what_the_reference_does_not_know_is_scored_and_not_dropped():
    reference = segmentation({1: LIVER}, LabelSet.from_names([(1, "liver")]))
    more = LabelSet.from_names([(1, "liver"), (2, "spleen"), (5, "aorta")])
    prediction = segmentation({1: LIVER, 2: SPLEEN}, more)
    scores = medseg.score(prediction, reference)
    assert [row.structure for row in scores.rows] == ["liver", "spleen"]
    assert scores["spleen"].state is MaskState.REFERENCE_EMPTY
    assert scores.mean_dice == pytest.approx(0.5)


def test_a_name_taken_by_another_number_is_not_given_twice():
    reference = segmentation({1: LIVER}, LabelSet.from_names([(1, "liver")]))
    prediction = segmentation({2: LIVER}, LabelSet.from_names([(2, "liver")]))
    scores = medseg.score(prediction, reference)
    assert [row.structure for row in scores.rows] == ["liver", "label 2"]
    assert scores.mean_dice == 0.0


def test_hounsfield_units_are_those_under_the_prediction():
    rng = np.random.default_rng(0)
    image = rng.normal(60, 15, SHAPE).astype(np.float32)
    scan = medseg.Volume(array=image[None], geometry=GEOMETRY, channels=("CT",))
    prediction = segmentation({1: LIVER})
    liver = medseg.score(prediction, segmentation({1: SPLEEN}), scan)["liver"]
    values = image[prediction.mask("liver")].astype(np.float64)
    assert liver.mean_hu == pytest.approx(values.mean())
    assert liver.sd_hu == pytest.approx(values.std())
    assert liver.median_hu == pytest.approx(np.median(values))


def test_hounsfield_units_are_left_out_of_mr_and_of_empty_predictions():
    image = np.zeros((1, *SHAPE), np.float32)
    mr = medseg.Volume(array=image, geometry=GEOMETRY, channels=("MR",))
    ct = medseg.Volume(array=image, geometry=GEOMETRY, channels=("CT",))
    liver = segmentation({1: LIVER})
    assert medseg.score(liver, liver, mr)["liver"].mean_hu is None
    assert medseg.score(liver, liver, ct)["spleen"].mean_hu is None
    assert medseg.score(liver, liver, ct)["liver"].mean_hu == 0


@pytest.mark.parametrize("shift_mm", [2e-3, 1.0])
def test_grids_that_differ_are_refused(shift_mm):
    moved = medseg.Geometry.from_spacing(SHAPE, (1.5, 1.0, 2.0), (shift_mm, 0.0, 0.0))
    liver, elsewhere = segmentation({1: LIVER}), segmentation({1: LIVER}, ORGANS, moved)
    with pytest.raises(UnusableInput) as refusal:
        medseg.score(elsewhere, liver)
    assert refusal.value.code is ErrorCode.GRID_MISMATCH
    scan = medseg.Volume(array=np.zeros((1, *SHAPE)), geometry=moved, channels=("MR",))
    with pytest.raises(UnusableInput, match="GRID_MISMATCH"):
        medseg.score(liver, liver, scan)


def test_grids_that_differ_by_rounding_are_accepted():
    moved = medseg.Geometry.from_spacing(SHAPE, (1.5, 1.0, 2.0), (5e-4, 0.0, 0.0))
    liver, rounded = segmentation({1: LIVER}), segmentation({1: LIVER}, ORGANS, moved)
    assert medseg.score(rounded, liver).mean_dice == 1.0


def named(*names):
    return LabelSet.from_names(enumerate(names, start=1))


@pytest.mark.parametrize(
    ("predicted", "wanted"),
    [
        (("liver", "spleen"), ("spleen", "liver")),
        (("Left_Kidney", "right-kidney"), ("right kidney", "left kidney")),
        (("liver", "tumour"), ("kidney", "liver")),
        (("aorta", "liver"), ("liver", "vein", "aorta")),
    ],
)
def test_names_that_stand_for_other_numbers_are_refused(predicted, wanted):
    prediction = segmentation({1: LIVER}, named(*predicted))
    with pytest.raises(UnusableInput) as refusal:
        medseg.score(prediction, segmentation({1: LIVER}, named(*wanted)))
    assert refusal.value.code is ErrorCode.LABEL_MISMATCH
    assert f"1 is {predicted[0]}" in refusal.value.what
    assert f"1 is {wanted[0]}" in refusal.value.what


@pytest.mark.parametrize(
    ("predicted", "wanted"),
    [
        (("liver", "tumor"), ("liver", "tumour")),
        (("Anterior", "Posterior"), ("anterior hippocampus", "posterior hippocampus")),
        (("LIVER", "left_kidney"), ("liver", "left-kidney")),
        (("label 2", "label 1"), ("liver", "spleen")),
        (("liver", "spleen"), ("label 2", "label 1")),
        (("liver",), ("liver", "spleen")),
    ],
)
def test_the_same_structure_may_be_named_in_other_words(predicted, wanted):
    prediction = segmentation({1: LIVER}, named(*predicted))
    reference = segmentation({1: LIVER}, named(*wanted))
    assert medseg.score(prediction, reference).mean_dice == 1.0
