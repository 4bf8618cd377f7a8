"""The label that more than half of the readers give a voxel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg import ErrorCode, Geometry, LabelSet, UnusableInput
from medseg.study.consensus import majority_of
from tests.core.making import segmentation_of

LABELS = LabelSet.from_names([(1, "liver"), (2, "spleen"), (3, "kidney")])


def reader(values, labels=LABELS, spacing=1.0):
    array = np.asarray(values, np.uint8).reshape(-1, 1, 1)
    geometry = Geometry.from_spacing(array.shape, (spacing, 1.0, 1.0))
    return segmentation_of(array, geometry, labels)


def agreed(*readers) -> list[int]:
    values: list[int] = (
        majority_of([reader(each) for each in readers]).array[:, 0, 0].tolist()
    )
    return values


def test_two_of_three_readers_decide():
    assert agreed([1, 1, 1, 1, 0], [1, 1, 2, 0, 0], [1, 2, 3, 0, 2]) == [1, 1, 0, 0, 0]


def test_two_readers_have_to_agree():
    assert agreed([1, 1, 0, 2], [1, 2, 1, 2]) == [1, 0, 0, 2]


def test_half_of_four_readers_are_not_enough():
    assert agreed([1], [1], [2], [0]) == [0]
    assert agreed([1], [1], [1], [0]) == [1]


@given(st.lists(arrays(np.uint8, (6,), elements=st.integers(0, 3)), min_size=1))
def test_it_is_what_counting_says_whatever_the_order(readers):
    wanted = []
    for votes in np.stack(readers).T:
        counts = np.bincount(votes, minlength=4)
        winners = np.flatnonzero(2 * counts > len(readers))
        wanted.append(int(winners[0]) if len(winners) else 0)
    assert agreed(*readers) == wanted
    assert agreed(*readers[::-1]) == wanted


def test_the_first_readers_names_are_used_and_others_labels_kept():
    unnamed = LabelSet.from_names([(1, "label 1"), (4, "label 4")])
    first, second = reader([1, 0]), reader([1, 4], unnamed)
    found = majority_of([first, second, second])
    assert found.array[:, 0, 0].tolist() == [1, 4]
    assert found.labels.names == ("liver", "spleen", "kidney", "label 4")


def test_a_name_taken_by_another_label_does_not_stop_it():
    other = LabelSet.from_names([(1, "liver"), (5, "spleen")])
    found = majority_of([reader([1]), reader([5], other), reader([5], other)])
    assert found.labels.ids == (1, 2, 3, 5)
    assert found.array[0, 0, 0] == 5


def test_readers_on_other_grids_are_refused():
    with pytest.raises(UnusableInput) as error:
        majority_of([reader([1, 1]), reader([1, 1], spacing=2.0)])
    assert error.value.code is ErrorCode.GRID_MISMATCH
