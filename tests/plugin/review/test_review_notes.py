import json

import pytest

import medseg
from napari_medseg.review.notes import (
    FILE_NAME,
    NO_VERDICT,
    Flag,
    Review,
    Verdict,
    read_review,
    write_verdicts,
)


def test_verdicts_come_back_from_their_file(tmp_path):
    path = tmp_path / FILE_NAME
    review = Review().with_flag("c1", Flag.REJECTED).with_note("c1", "Dôme coupé")

    write_verdicts(path, review.verdicts)

    assert read_review(path).verdicts == review.verdicts
    assert read_review(path)["c1"] == Verdict(flag=Flag.REJECTED, note="Dôme coupé")
    assert read_review(path)["c2"] == NO_VERDICT


def test_two_readers_of_one_cohort_do_not_lose_each_others_verdicts(tmp_path):
    path = tmp_path / FILE_NAME
    write_verdicts(path, {"c1": Verdict(flag=Flag.ACCEPTED)})

    write_verdicts(path, {"c2": Verdict(note="mine")})

    assert set(read_review(path).verdicts) == {"c1", "c2"}


def test_a_verdict_that_is_taken_back_leaves_no_trace(tmp_path):
    path = tmp_path / FILE_NAME
    write_verdicts(path, {"c1": Verdict(flag=Flag.ACCEPTED)})

    write_verdicts(path, {"c1": NO_VERDICT})

    assert json.loads(path.read_text())["cases"] == {}


def test_flags_are_counted():
    review = Review().with_flag("c1", Flag.REJECTED).with_note("c2", "look again")

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
        write_verdicts(path, {"c1": Verdict(note="x")})
    assert path.read_text() == text
