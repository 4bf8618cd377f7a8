"""Means over cases and structures, and the plain tables."""

import pytest

from medseg import Evaluation, FailedCase, MaskState, Scores, StructureScore
from medseg.core.errors import ErrorCode
from medseg.core.scores import scores_table, structure_means

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


def test_the_table_of_several_cases_gives_n_and_zeros_beside_each_mean():
    means = scores_table(CASES).split("\n\n")[1].splitlines()
    assert means[0].split()[-6:] == ["n", "missed", "spurious", "absent", "dice", "iou"]
    assert means[2].split() == ["tumour", "3", "1", "1", "1", "0.200", "0.143"]
    assert means[3].split() == ["mean", "over", "structures", "2", "0.500", "0.408"]


def test_the_columns_of_the_table_line_up():
    header, *lines, _ = scores_table(CASES[:1]).splitlines()
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
