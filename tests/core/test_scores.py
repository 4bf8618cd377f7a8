"""Means over cases and structures, and the plain tables."""

import pytest

from medseg import (
    Evaluation,
    FailedCase,
    MaskState,
    Scores,
    StructureScore,
    WhenMissed,
)
from medseg.core.errors import ErrorCode
from medseg.core.scores import structure_means

STATES = {
    "hit": MaskState.BOTH_PRESENT,
    "missed": MaskState.PREDICTION_EMPTY,
    "spurious": MaskState.REFERENCE_EMPTY,
    "absent": MaskState.BOTH_EMPTY,
}


def row(structure, label, kind, dice=0.0, **more) -> StructureScore:
    is_absent = kind == "absent"
    return StructureScore(
        structure=structure,
        label=label,
        state=STATES[kind],
        dice=None if is_absent else dice,
        iou=None if is_absent else dice / (2 - dice),
        volume_ml=1.0,
        reference_volume_ml=2.0,
        **more,
    )


def case(case_id, *rows) -> Scores:
    return Scores(case_id=case_id, rows=rows)


CASES = (
    case("a", row("liver", 1, "hit", 0.9), row("tumour", 2, "hit", 0.6)),
    case("b", row("liver", 1, "hit", 0.7), row("tumour", 2, "missed")),
    case("c", row("liver", 1, "hit", 0.8), row("tumour", 2, "spurious")),
    case("d", row("liver", 1, "hit", 0.8), row("tumour", 2, "absent")),
)


def test_zeros_for_missed_and_spurious_structures_count_and_absent_ones_do_not():
    liver, tumour = structure_means(CASES)
    assert liver.n == 4
    assert liver.dice == pytest.approx(0.8)
    assert (tumour.n, tumour.missed, tumour.spurious, tumour.absent) == (3, 1, 1, 1)
    assert tumour.dice == pytest.approx(0.2)


def test_the_overall_mean_is_over_structures_of_means_over_cases():
    """Averaging inside each case first would give another headline: 0.525."""
    assert Evaluation(cases=CASES).mean_dice == pytest.approx((0.8 + 0.2) / 2)


def test_three_false_positives_among_ten_cases_are_not_lost():
    """MONAI's default mean leaves them out: 0.833 of 5 instead of 0.521 of 8."""
    good = [row("liver", 1, "hit", 2.5 / 3)] * 5
    bad = [row("liver", 1, "spurious")] * 3
    empty = [row("liver", 1, "absent")] * 2
    cases = [case(str(n), each) for n, each in enumerate([*good, *bad, *empty])]
    (mean,) = structure_means(cases)
    assert mean.dice == pytest.approx(5 * 2.5 / 3 / 8)
    assert (mean.n, mean.spurious, mean.absent) == (8, 3, 2)


def test_the_table_of_one_case_ends_with_the_mean_and_its_n():
    lines = CASES[0].table().splitlines()
    assert lines[0].split()[:5] == ["case", "structure", "state", "dice", "iou"]
    assert lines[1].split()[:4] == ["a", "liver", "both_present", "0.900"]
    assert lines[-1].split() == ["mean", "n=2", "0.750", "0.623"]


def test_the_table_shows_hounsfield_units_when_there_are_any():
    with_hu = row("liver", 1, "hit", 0.9, mean_hu=61.25, sd_hu=15.0)
    lines = case("a", with_hu, row("tumour", 2, "absent")).table().splitlines()
    assert lines[0].split()[-2:] == ["mean_hu", "sd_hu"]
    assert lines[1].split()[-2:] == ["61.2", "15.0"]
    assert lines[2].split()[-2:] == ["-", "-"]


def test_surface_measures_are_shown_when_there_are_any():
    near = row("liver", 1, "hit", 0.9, hd95_mm=2.345, nsd=0.5)
    lines = case("a", near, row("tumour", 2, "missed")).table().splitlines()
    assert lines[0].split()[5:] == ["hd95_mm", "nsd", "volume_ml", "reference_ml"]
    assert lines[1].split()[5:7] == ["2.35", "0.500"]
    assert lines[2].split()[5:7] == ["-", "-"]
    assert "hd95_mm" not in CASES[0].table()


def means_lines(*cases, **more):
    return Evaluation(cases=cases, **more).table().split("\n\n")[1].splitlines()


def test_the_table_of_several_cases_gives_n_and_zeros_beside_each_mean():
    header, _, tumour, overall = means_lines(*CASES)
    counts = ["n", "missed", "spurious", "absent", "imputed"]
    assert header.split()[3:] == [*counts, "dice", "iou"]
    assert tumour.split() == ["tumour", "3", "1", "1", "1", "0", "0.200", "0.143"]
    assert overall.split() == ["mean", "over", "structures", "2", "0.500", "0.408"]


def with_distance(kind, hd95_mm):
    return row("tumour", 2, kind, 0.6, hd95_mm=hd95_mm, diagonal_mm=100.0)


DISTANCES = (
    case("a", with_distance("hit", 4.0)),
    case("b", with_distance("missed", None)),
    case("c", with_distance("absent", None)),
)


def test_the_diagonal_stands_for_a_distance_that_is_not_there_and_that_is_said():
    header, tumour, _, rule = means_lines(*DISTANCES)
    assert header.split()[-2:] == ["hd95_mm", "assd_mm"]
    assert tumour.split()[1:6] == ["2", "1", "0", "1", "1"]
    assert tumour.split()[-2:] == ["52.00", "100.00"]
    assert rule.startswith("imputed: 1 missed or spurious")
    (mean,) = structure_means(DISTANCES)
    assert (mean["hd95_mm"].n, mean["hd95_mm"].imputed) == (2, 1)
    assert (mean["dice"].n, mean["dice"].imputed) == (2, 0)


def test_or_it_is_left_out_and_that_is_said():
    lines = means_lines(*DISTANCES, when_missed=WhenMissed.LEAVE_OUT)
    assert lines[1].split()[-1] == "4.00"
    assert lines[-1].startswith("left out: 1 missed or spurious")


def test_no_rule_is_told_where_none_was_needed():
    assert len(means_lines(DISTANCES[0], DISTANCES[0])) == 3


def test_notes_of_a_case_are_below_the_table():
    noted = Scores(case_id="a", rows=CASES[0].rows, notes=("it was resampled",))
    assert Evaluation(cases=(noted,)).table().endswith("a: it was resampled")


def test_the_columns_of_the_table_line_up():
    header, *lines, _ = CASES[0].table().splitlines()
    end = header.index("dice") + len("dice")
    assert all(line[end - 5 : end].replace(".", "").isdigit() for line in lines)


def test_cases_without_scores_are_named_below_the_table():
    failed = FailedCase(
        case_id="z", code=ErrorCode.GRID_MISMATCH, what="differ", message="why"
    )
    evaluation = Evaluation(
        cases=CASES[:1],
        missing=("x",),
        surplus=("y",),
        failed=(failed,),
        trained_on=("w",),
    )
    assert evaluation.table().splitlines()[-4:] == [
        "no prediction for x",
        "no reference for y",
        "not scored: z: why",
        "trained on: w: the model has seen this scan; its scores do not count as "
        "validation",
    ]
    assert not evaluation.is_complete
    assert Evaluation(cases=CASES, surplus=("y",)).is_complete


def test_an_unknown_structure_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="liver, tumour"):
        CASES[0]["spleen"]
