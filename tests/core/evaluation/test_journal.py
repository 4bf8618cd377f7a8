"""A run that was stopped goes on where it was."""

import json
from dataclasses import replace
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

import medseg
from medseg import EvaluationSettings, Scores, StructureScore, UnusableInput, WrongUse
from medseg.core.lesions import BratsScore, Detection, Lesion, LesionScores
from medseg.evaluation.scoring import ScoredCase
from tests.core.evaluation.files import LIVER, TUMOUR, write_dataset, write_labels

TWO_MM = EvaluationSettings(tolerance_mm=2.0)
SCORED = TypeAdapter(ScoredCase)
FIGURE = st.floats(allow_nan=False, allow_infinity=False)


def values_of(noun, **given):
    """Names and values of a noun's attributes, every one of them drawn."""
    types = get_type_hints(noun)
    drawn = {name: st.from_type(kind) for name, kind in types.items()}
    drawn |= {name: FIGURE for name, kind in types.items() if kind is float}
    drawn |= {
        name: st.none() | FIGURE for name, kind in types.items() if kind == float | None
    }
    return st.fixed_dictionaries(drawn | given)


def some(values):
    return st.lists(values, max_size=2)


LESIONS = values_of(
    LesionScores,
    lesions=some(values_of(Lesion, centre_ras_mm=st.tuples(FIGURE, FIGURE, FIGURE))),
    detections=some(values_of(Detection)),
    brats=st.none() | values_of(BratsScore),
)
CASE = values_of(Scores, rows=some(values_of(StructureScore)), lesions=some(LESIONS))


@given(values_of(ScoredCase, scores=CASE))
def test_scores_come_back_as_they_were(values):
    scored = SCORED.validate_python(values)
    assert SCORED.validate_json(SCORED.dump_json(scored)) == scored


class StoppedAfter:
    """Progress that is cancelled after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self, _: medseg.Progress) -> None:
        self.left -= 1
        if not self.left:
            raise medseg.Cancelled


@pytest.fixture
def folders(tmp_path):
    """Five predictions and a dataset; the journal lies beside `scores.csv`."""
    dataset = write_dataset(tmp_path / "set", list("abcde"))
    for case in "abcde":
        write_labels(tmp_path / f"mine/{case}.nii.gz", liver=LIVER, tumour=TUMOUR)
    return tmp_path / "mine", dataset


@pytest.fixture
def journal(tmp_path):
    return medseg.journal_path(tmp_path / "out/scores.csv")


def stopped(folders, journal, steps=3, settings=TWO_MM):
    with pytest.raises(medseg.Cancelled):
        medseg.evaluate(
            *folders,
            settings=settings,
            journal=journal,
            on_progress=StoppedAfter(steps),
        )


def run(folders, journal, settings=TWO_MM):
    """The evaluation, and the cases that were scored for it."""
    steps: list[medseg.Progress] = []
    evaluation = medseg.evaluate(
        *folders, settings=settings, journal=journal, on_progress=steps.append
    )
    return evaluation, [step.note for step in steps if len(step.note) == 1]


def test_finished_cases_are_not_scored_again(folders, journal):
    stopped(folders, journal)
    evaluation, scored = run(folders, journal)
    assert scored == ["d", "e"]
    assert evaluation.notes == ("3 of 5 cases were taken from the journal",)
    whole = medseg.evaluate(*folders, settings=TWO_MM)
    assert replace(evaluation, notes=()) == whole


def test_several_workers_leave_a_journal_too(folders, journal):
    stopped(folders, journal, steps=2, settings=replace(TWO_MM, workers=2))
    evaluation, scored = run(folders, journal)
    assert len(scored) == 3
    assert [case.case_id for case in evaluation.cases] == list("abcde")


def test_a_changed_file_is_scored_again(folders, journal):
    stopped(folders, journal)
    write = {"liver": slice(1, 4), "tumour": TUMOUR}
    (folders[0] / "b.nii.gz").unlink()
    write_labels(folders[0] / "b.nii.gz", **write)
    evaluation, scored = run(folders, journal)
    assert scored == ["b", "d", "e"]
    assert evaluation.cases[1]["liver"].dice == pytest.approx(6 / 7)


def test_names_that_appeared_beside_a_label_map_are_a_change(folders, journal):
    stopped(folders, journal)
    (folders[0] / "a.json").write_text("{}")
    assert run(folders, journal)[1] == ["a", "d", "e"]


@pytest.mark.parametrize(
    "settings",
    [
        EvaluationSettings(),
        EvaluationSettings(tolerance_mm=3.0),
        replace(TWO_MM, connectivity=6),
        replace(TWO_MM, resample_reference=True),
    ],
)
def test_other_settings_begin_anew_and_say_so(folders, journal, settings):
    stopped(folders, journal)
    evaluation, scored = run(folders, journal, settings)
    assert scored == list("abcde")
    assert "started anew" in evaluation.notes[0]


def test_what_only_the_means_need_is_no_reason_to_begin_anew(folders, journal):
    stopped(folders, journal)
    other = replace(TWO_MM, missed=medseg.WhenMissed.LEAVE_OUT, workers=2)
    assert len(run(folders, journal, other)[1]) == 2


@pytest.mark.parametrize("lost", [1, 40, 400])
def test_a_line_cut_short_is_one_case_to_score_again(folders, journal, lost):
    stopped(folders, journal)
    journal.write_bytes(journal.read_bytes()[:-lost])
    _, scored = run(folders, journal)
    assert scored == ["c", "d", "e"]
    assert run(folders, journal)[1] == [], "the journal was left whole"


def test_every_cut_of_a_journal_is_read(folders, journal):
    stopped(folders, journal)
    whole = journal.read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    for length in (0, 1, ends[0] // 2, ends[0], ends[0] + 1, ends[1], ends[1] + 1):
        journal.write_bytes(whole[:length])
        assert len(run(folders, journal)[1]) == 5 - sum(
            end < length for end in ends[1:]
        )


def test_a_damaged_line_is_one_case_to_score_again(folders, journal):
    stopped(folders, journal)
    lines = journal.read_text().splitlines()
    lines[2] = lines[2].replace("both_present", "nonsense")
    journal.write_text("\n".join(lines) + "\n")
    assert run(folders, journal)[1] == ["b", "d", "e"]


def test_failed_cases_are_tried_again(folders, journal):
    bad = folders[0] / "b.nii.gz"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:60])
    evaluation, _ = run(folders, journal)
    assert [case.case_id for case in evaluation.failed] == ["b"]
    bad.write_bytes(whole)
    evaluation, scored = run(folders, journal)
    assert scored == ["b"]
    assert evaluation.is_complete


def test_another_file_of_that_name_is_not_touched(folders, journal):
    journal.parent.mkdir()
    journal.write_text("my diary\n")
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        run(folders, journal)
    assert journal.read_text() == "my diary\n"


def test_a_journal_that_cannot_be_written_is_said_before_any_scoring(folders, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnusableInput, match=r"NOT_(WRITABLE|READABLE)"):
        run(folders, tmp_path / "file/scores.csv.journal.jsonl")


def test_the_journal_names_no_folder(folders, journal, tmp_path):
    stopped(folders, journal)
    text = journal.read_text()
    assert str(tmp_path) not in text
    assert json.loads(text.splitlines()[0])["asked"]["tolerance_mm"] == 2


def test_a_journal_is_removed_with_its_table(tmp_path):
    table = tmp_path / "scores.csv"
    medseg.journal_path(table).write_text("")
    medseg.remove_journal(table)
    medseg.remove_journal(table)
    assert list(tmp_path.iterdir()) == []
