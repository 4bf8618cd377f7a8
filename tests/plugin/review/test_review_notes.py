import json

import pytest

import medseg
from napari_medseg.review.notes import (
    FILE_NAME,
    NO_VERDICT,
    Change,
    Flag,
    Review,
    Verdict,
    read_review,
    write_changes,
)


def test_verdicts_come_back_from_their_file(tmp_path):
    path = tmp_path / FILE_NAME

    write_changes(path, {"c1": Change(flag=Flag.REJECTED, note="Dôme coupé")})

    assert read_review(path)["c1"] == Verdict(flag=Flag.REJECTED, note="Dôme coupé")
    assert read_review(path)["c2"] == NO_VERDICT


def test_two_readers_of_one_cohort_do_not_lose_each_others_verdicts(tmp_path):
    path = tmp_path / FILE_NAME
    write_changes(path, {"c1": Change(flag=Flag.ACCEPTED)})

    write_changes(path, {"c2": Change(note="mine")})

    assert set(read_review(path).verdicts) == {"c1", "c2"}


def test_the_flag_of_one_reader_leaves_the_note_of_another(tmp_path):
    path = tmp_path / FILE_NAME
    write_changes(path, {"c1": Change(note="look at the dome")})

    write_changes(path, {"c1": Change(flag=Flag.ACCEPTED)})

    said = Verdict(flag=Flag.ACCEPTED, note="look at the dome")
    assert read_review(path)["c1"] == said


def test_a_verdict_that_is_taken_back_leaves_no_trace(tmp_path):
    path = tmp_path / FILE_NAME
    write_changes(path, {"c1": Change(flag=Flag.ACCEPTED)})

    write_changes(path, {"c1": Change(flag=Flag.NONE)})

    assert json.loads(path.read_text())["cases"] == {}


def test_of_two_changes_the_later_holds_where_both_say_something():
    both = Change(flag=Flag.ACCEPTED, note="a").then(Change(note=""))

    assert both.of(NO_VERDICT) == Verdict(flag=Flag.ACCEPTED)


def test_flags_are_counted():
    said = {"c1": Change(flag=Flag.REJECTED), "c2": Change(note="look again")}
    review = Review().changed(said)

    assert review.count(Flag.REJECTED) == 1
    assert review.count(Flag.NONE) == 1


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"format": "other"}', '{"format": "medseg-review", "cases": {"a": 1}}'],
)
def test_a_damaged_file_is_refused_and_not_written_over(tmp_path, text):
    path = tmp_path / FILE_NAME
    path.write_text(text)

    with pytest.raises(medseg.UnusableInput, match="INVALID_DATASET"):
        write_changes(path, {"c1": Change(note="x")})
    assert path.read_text() == text
