import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics.froc import compute_froc_curve_data, compute_froc_score

from medseg.core.lesions import Detection, Lesion, LesionScores, Side
from medseg.study.statistics.bootstrap import ratio_interval
from medseg.study.statistics.detection import froc, lesion_detection
from tests.core.study.statistics.making import clustered, independent


def case(found=0, missed=0, spurious=0, iou=0.7, lesions=()) -> LesionScores:
    return LesionScores(
        structure="tumour",
        label=2,
        lesions=tuple(lesions),
        detections=tuple(
            Detection(
                iou_threshold=threshold,
                found=kept,
                missed=missed + found - kept,
                spurious=spurious + found - kept,
                summed_iou=kept * iou,
            )
            for threshold, kept in ((0.1, found), (0.75, 0))
        ),
    )


def lesion(volume_ml: float, *, is_found: bool, side=Side.REFERENCE) -> Lesion:
    return Lesion(
        side=side,
        number=1,
        volume_ml=volume_ml,
        centre_ras_mm=(0.0, 0.0, 0.0),
        partner=1 if is_found else None,
        iou=0.7 if is_found else 0.0,
    )


def detection(cases, resampling=None):
    return lesion_detection(
        cases,
        resampling or independent(len(cases)),
        model="ours",
        volume_bins_ml=(0.5, 5.0),
    )


CASES = [case(3, 1, 1), case(1, 0, 2), case(0, 2, 0), case(0, 0, 1), case(4, 1, 0)]


def test_counts_are_pooled_over_cases():
    """8 found, 4 missed, 4 spurious in five cases, IoU 0.7 each."""
    point = detection(CASES).points[0]
    assert point.iou_threshold == 0.1
    assert point.sensitivity.value == pytest.approx(8 / 12)
    assert point.precision.value == pytest.approx(8 / 12)
    assert point.f1.value == pytest.approx(8 / (8 + 4))
    assert point.segmentation_quality == pytest.approx(0.7)
    assert point.panoptic_quality.value == pytest.approx(0.7 * 8 / 12)
    assert point.false_positives_per_case.value == pytest.approx(4 / 5)


def test_one_case_alone_has_the_scores_that_its_detection_tells():
    one = case(3, 1, 2)
    found, own = detection([one]).points[0], one.detections[0]
    assert found.sensitivity.value == pytest.approx(own.sensitivity)
    assert found.precision.value == pytest.approx(own.precision)
    assert found.f1.value == pytest.approx(own.f1)
    assert found.panoptic_quality.value == pytest.approx(own.panoptic_quality)
    assert (found.sensitivity.low, found.sensitivity.patients) == (None, 1)


def test_thresholds_ascend_and_a_strict_one_finds_nothing():
    found = detection(CASES)
    assert [each.iou_threshold for each in found.points] == [0.1, 0.75]
    assert found.points[1].sensitivity.value == 0
    assert found.points[1].segmentation_quality is None
    assert found.cases == 5


def test_intervals_draw_patients():
    cases = CASES * 4
    drawn = clustered(np.arange(20) // 2)
    found = detection(cases, drawn).points[0].sensitivity
    wanted = np.array([4.0, 1.0, 2.0, 0.0, 5.0] * 4)
    alone = ratio_interval(np.array([3.0, 1.0, 0.0, 0.0, 4.0] * 4), wanted, drawn)
    assert found == alone
    assert (found.n, found.patients) == (16, 10)
    assert found.low < found.value < found.high


def test_without_lesions_there_are_only_false_positives():
    point = detection([case(), case(spurious=2)]).points[0]
    assert point.sensitivity is None
    assert point.precision.value == 0
    assert point.false_positives_per_case.value == 1
    nothing = detection([case(), case()]).points[0]
    assert (nothing.f1, nothing.precision, nothing.panoptic_quality) == (None,) * 3


def test_sensitivity_by_volume_counts_the_references_lesions_only():
    lesions = [
        lesion(0.1, is_found=False),
        lesion(0.5, is_found=True),
        lesion(4.9, is_found=False),
        lesion(70.0, is_found=True),
        lesion(0.2, is_found=False, side=Side.PREDICTION),
    ]
    bins = detection([case(lesions=lesions), case(lesions=lesions[:1])]).volume_bins
    assert [(each.from_ml, each.to_ml) for each in bins] == [
        (0.0, 0.5),
        (0.5, 5.0),
        (5.0, None),
    ]
    assert [each.lesions for each in bins] == [2, 2, 1]
    assert [each.sensitivity.value for each in bins] == [0, 0.5, 1]


def test_an_empty_bin_has_no_sensitivity():
    assert [each.sensitivity for each in detection(CASES).volume_bins] == [None] * 3


# FROC


def test_froc_by_hand():
    found = froc(
        np.array([0.9, 0.8, 0.8, 0.3]),
        np.array([True, False, True, False]),
        lesions=4,
        cases=2,
    )
    assert found.confidence.tolist() == [0.9, 0.8, 0.3]
    assert found.false_positives_per_case.tolist() == [0, 0.5, 1]
    assert found.sensitivity.tolist() == [0.25, 0.5, 0.5]


@given(
    st.lists(
        st.tuples(st.integers(1, 20).map(lambda n: n / 20), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_froc_is_monais_and_has_the_same_score(predicted):
    """MONAI is given a miss of confidence 0, as its own counting does."""
    confidence = np.array([each for each, _ in predicted])
    is_match = np.array([match for _, match in predicted])
    lesions = int(is_match.sum()) + 1
    found = froc(confidence, is_match, lesions=lesions, cases=3)
    per_case, sensitivity = compute_froc_curve_data(
        confidence[~is_match], np.append(confidence[is_match], 0.0), lesions, 3
    )
    ours = np.concatenate([[0.0], found.false_positives_per_case])
    assert ours == pytest.approx(per_case[::-1])
    assert np.concatenate([[0.0], found.sensitivity]) == pytest.approx(
        sensitivity[::-1]
    )
    score = compute_froc_score(
        found.false_positives_per_case[::-1], found.sensitivity[::-1], (4, 8)
    )
    assert score == pytest.approx(compute_froc_score(per_case, sensitivity, (4, 8)))


def test_froc_without_predictions_has_no_point():
    found = froc(np.zeros(0), np.zeros(0, dtype=bool), lesions=3, cases=2)
    assert len(found.sensitivity) == 0
