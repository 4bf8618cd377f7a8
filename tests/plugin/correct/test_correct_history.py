from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import medseg
from napari_medseg.correct.history import Edit, History, edit_between

SHAPE = (9, 7, 5)


def edit_of(title, before, after, start=(0, 0, 0)) -> Edit:
    edit = edit_between(title, before, after, start)
    assert edit is not None
    return edit


def random_labels(seed: int, dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, SHAPE).astype(dtype)


@given(st.integers(0, 1000), st.sampled_from([np.uint8, np.uint16]))
def test_undo_and_redo_give_back_every_voxel(seed, dtype):
    before, after = random_labels(seed, dtype), random_labels(seed + 1, dtype)

    edit = edit_of("noise", before, after)

    data = after.copy()
    data[edit.slices] = edit.undone(data)
    assert_array_equal(data, before)
    data[edit.slices] = edit.redone(data)
    assert_array_equal(data, after)


def test_only_the_box_round_the_change_is_kept():
    before = np.zeros((40, 50, 60), np.uint8)
    after = before.copy()
    after[10:12, 20:25, 30] = 3

    edit = edit_of("paint", before, after, (100, 0, 0))

    assert edit.start == (110, 20, 30)
    assert edit.shape == (2, 5, 1)
    assert edit.bytes_kept < 100


def test_no_change_is_no_edit():
    labels = random_labels(0)

    assert edit_between("nothing", labels, labels.copy()) is None


def test_what_was_painted_since_stays():
    before = np.zeros(SHAPE, np.uint8)
    after = before.copy()
    after[2:6] = 1
    edit = edit_of("threshold", before, after)
    painted = after.copy()
    painted[3, 3, 3] = 2

    painted[edit.slices] = edit.undone(painted)

    assert painted[3, 3, 3] == 2
    assert painted.sum() == 2


def edits(count: int):
    for number in range(count):
        before = np.zeros(SHAPE, np.uint8)
        before[0, 0, 0] = 3
        yield edit_of(f"edit {number}", before, random_labels(number))


def test_the_oldest_edits_go_when_there_are_too_many():
    history = History(most_edits=3)
    for edit in edits(5):
        history.add(edit)

    titles = []
    while history.to_undo is not None:
        titles.append(history.to_undo.title)
        history.step_back()

    assert titles == ["edit 4", "edit 3", "edit 2"]


def test_the_oldest_edits_go_when_they_take_too_much_memory():
    history = History(most_bytes=500)

    for edit in edits(10):
        history.add(edit)

    assert 0 < history.bytes_kept <= 500
    assert history.to_undo is not None
    assert history.to_undo.title == "edit 9"


def test_a_new_edit_ends_what_could_be_redone():
    first, second = edits(2)
    history = History()
    history.add(first)
    history.step_back()
    assert history.to_redo is first

    history.add(second)

    assert history.to_redo is None
    assert history.to_undo is second


def test_structures_whose_numbers_are_given_away_do_not_come_again():
    """Nor does what was done on top of them; what was done before does."""
    first, second, third = edits(3)
    spleen = medseg.LabelSet.from_names([(7, "spleen")])
    history = History()
    for edit in (first, replace(second, added=spleen.structures), third):
        history.add(edit)
    for _ in range(3):
        history.step_back()

    history.give_numbers_away()

    assert history.to_redo is first
    history.step_forward()
    assert history.to_redo is None


@pytest.mark.parametrize("steps", [1, 2])
def test_steps_back_and_forward_are_opposite(steps):
    history = History()
    for edit in edits(2):
        history.add(edit)

    for _ in range(steps):
        history.step_back()
    for _ in range(steps):
        history.step_forward()

    assert history.to_undo is not None
    assert history.to_undo.title == "edit 1"
    assert history.to_redo is None
