import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics.froc import compute_froc_score

from medseg.core.froc import LUNA16_POINTS, Froc, froc_table


def curve(spurious, sensitivity) -> Froc:
    return Froc(
        confidence=np.linspace(1, 0, len(spurious)),
        false_positives_per_case=np.array(spurious, np.float64),
        sensitivity=np.array(sensitivity, np.float64),
        lesions=10,
        cases=4,
        structure="nodule",
    )


def test_sensitivity_lies_on_straight_lines_between_the_operating_points():
    found = curve([0.0, 1.0, 1.0, 3.0], [0.2, 0.2, 0.4, 0.8])

    at = [found.sensitivity_at(each) for each in (0.0, 0.5, 1.0, 2.0, 3.0, 100.0)]
    assert at == pytest.approx([0.2, 0.3, 0.4, 0.6, 0.8, 0.8])


def test_nothing_is_found_at_no_false_positive_where_the_surest_is_one():
    found = curve([0.5, 1.0], [0.0, 0.5])

    assert found.sensitivity_at(0.0) == 0
    assert found.sensitivity_at(0.75) == pytest.approx(0.25)


def test_without_predictions_nothing_is_found():
    assert curve([], []).luna16_score == 0


@given(
    steps=st.lists(
        st.tuples(st.floats(0.01, 2), st.floats(0, 0.2)), min_size=1, max_size=5
    )
)
def test_the_mean_is_monais_score_at_the_same_points(steps):
    spurious, found = np.cumsum(np.array(steps), axis=0).T
    theirs = compute_froc_score(
        np.append(0.0, spurious)[::-1], np.append(0.0, found)[::-1], LUNA16_POINTS
    )

    assert curve(spurious, found).luna16_score == pytest.approx(theirs)


def test_the_table_has_a_line_a_structure():
    header, line = froc_table((curve([0.0, 1.0], [0.5, 1.0]),)).splitlines()

    assert header.split()[:3] == ["structure", "cases", "lesions"]
    assert line.split() == [
        *("nodule", "4", "10"),
        *("0.562", "0.625", "0.750", "1.000", "1.000", "1.000", "1.000", "0.848"),
    ]
