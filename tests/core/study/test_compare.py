"""`medseg.compare`: figures by hand, what is left out, what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import medseg
from medseg import (
    CaseTable,
    ErrorCode,
    Evaluation,
    FailedCase,
    MaskState,
    Scores,
    StudySettings,
    UnusableInput,
    WhenMissed,
    WrongUse,
)
from medseg.study.results import ALL_STRUCTURES
from tests.core.study.studies import cases_of, row, study_of, two_models

TABLE = CaseTable(
    columns=("patient", "site", "sex"),
    rows={
        f"case_{n:02}": {
            "patient": f"p{n // 2}",
            "site": "north" if n < 6 else "south",
            "sex": "fm"[n // 2 % 2],
        }
        for n in range(12)
    },
)


def summary(study, model, structure, metric="dice"):
    return next(
        each
        for each in study.summaries
        if (each.model, each.structure, each.metric) == (model, structure, metric)
    )


def test_means_are_over_cases_then_over_structures():
    study = study_of({"one": cases_of([(0.5, 0.9), (0.7, 0.8), (0.6, 1.0)])})
    assert summary(study, "one", "liver").mean.value == pytest.approx(0.6)
    assert summary(study, "one", "liver").median.value == pytest.approx(0.6)
    assert summary(study, "one", "liver").sd == pytest.approx(0.1)
    assert summary(study, "one", "spleen").quartiles == pytest.approx((0.85, 0.95))
    assert summary(study, "one", ALL_STRUCTURES).mean.value == pytest.approx(0.75)


def test_the_later_model_is_compared_with_the_earlier_one():
    study = study_of(margin=0.02)
    liver = next(
        each
        for each in study.comparisons
        if (each.structure, each.metric) == ("liver", "dice")
    )
    assert (liver.first, liver.second) == ("ours", "base")
    assert liver.difference.value == pytest.approx(0.1)
    assert (liver.larger, liver.smaller) == (12, 0)
    assert liver.rank_biserial == pytest.approx(1.0)
    assert liver.non_inferiority is not None
    assert liver.non_inferiority.is_shown
    assert liver.p_value is not None
    assert liver.p_holm is not None
    assert liver.p_value < liver.p_holm


def test_only_the_primary_measure_is_tested_for_non_inferiority():
    study = study_of(margin=0.02)
    tested = {each.metric for each in study.comparisons if each.non_inferiority}
    assert tested == {"dice"}


def test_measures_without_values_are_not_reported():
    study = study_of()
    assert {each.metric for each in study.summaries} == {
        "dice",
        "iou",
        "nsd",
        "hd95_mm",
    }


def test_a_missed_structure_counts_and_is_counted():
    missed = Scores(
        case_id="case_09",
        rows=(row("liver", 0.0, state=MaskState.PREDICTION_EMPTY), row("spleen", 1.0)),
    )
    cases = (*cases_of([(1.0, 1.0)] * 9), missed)
    liver = summary(study_of({"one": cases}), "one", "liver")
    assert (liver.missed, liver.imputed, liver.mean.n) == (1, 0, 10)
    assert liver.mean.value == pytest.approx(0.9)
    distance = summary(study_of({"one": cases}), "one", "liver", "hd95_mm")
    assert distance.mean.value == pytest.approx(50 / 10)  # the diagonal for one of ten
    assert distance.imputed == 1
    left_out = study_of({"one": cases}, missed=WhenMissed.LEAVE_OUT)
    distance = summary(left_out, "one", "liver", "hd95_mm")
    assert (distance.mean.value, distance.mean.n, distance.imputed) == (0, 9, 0)
    assert any("1 structure was missed" in remark for remark in left_out.remarks)


def test_a_structure_that_is_nowhere_is_in_no_mean():
    absent = Scores(
        case_id="case_09",
        rows=(row("liver", None, state=MaskState.BOTH_EMPTY), row("spleen", 1.0)),
    )
    study = study_of({"one": (*cases_of([(0.5, 0.5)] * 9), absent)})
    liver = summary(study, "one", "liver")
    assert (liver.mean.n, liver.absent) == (9, 1)
    assert liver.mean.value == pytest.approx(0.5)


def test_cases_that_a_model_lacks_are_left_out_and_listed():
    models = two_models()
    failed = FailedCase(
        case_id="case_03",
        code=ErrorCode.GRID_MISMATCH,
        what="the two grids differ",
        message="",
    )
    ours = Evaluation(
        cases=tuple(c for c in models["ours"] if c.case_id not in _lost),
        missing=("case_05",),
        failed=(failed,),
    )
    study = study_of({"base": models["base"], "ours": ours})
    assert [(each.case_id, each.model, each.why) for each in study.excluded] == [
        ("case_03", "ours", "the two grids differ"),
        ("case_05", "ours", "no prediction"),
    ]
    assert len(study.cases) == 10
    assert summary(study, "base", "liver").mean.n == 10
    assert any("2 cases could not be compared" in each for each in study.remarks)


_lost = ("case_03", "case_05")


def test_cases_trained_on_are_told():
    models = two_models()
    ours = Evaluation(cases=models["ours"], trained_on=("case_00", "case_01"))
    study = study_of({"base": models["base"], "ours": ours})
    assert "ours was trained on 2 cases" in study.remarks[0]
    frame = study.frame()
    assert frame[frame.trained_on]["case"].unique().tolist() == ["case_00", "case_01"]


def test_patients_centres_and_subgroups_come_from_the_table():
    study = study_of(cases=TABLE, patient="patient", centre="site", subgroups=("sex",))
    assert study.patients == 6
    assert study.centres == ("north", "south")
    assert summary(study, "ours", "liver").mean.patients == 6
    north = next(
        each
        for each in study.subgroups
        if (each.model, each.structure, each.group) == ("base", "liver", "north")
    )
    wanted = np.mean([0.6 + 0.01 * (i % 5) for i in range(6)])
    assert north.mean.value == pytest.approx(wanted)
    assert {each.column for each in study.subgroups} == {"site", "sex"}


def test_the_frame_is_tidy_and_keeps_the_columns_of_the_table():
    frame = study_of(cases=TABLE, patient="patient", centre="site").frame()
    assert len(frame) == 2 * 12 * 2
    first = frame.iloc[0]
    assert (first["model"], first["case"], first["structure"]) == (
        "base",
        "case_00",
        "liver",
    )
    assert (first["patient"], first["centre"], first["sex"]) == ("p0", "north", "f")
    means = frame.groupby(["model", "structure"])["dice"].mean()
    assert means["ours", "liver"] - means["base", "liver"] == pytest.approx(0.1)


def test_a_column_called_centre_is_kept_where_it_is_not_asked_for():
    rows = {case: {"centre": "east"} for case in TABLE.rows}
    table = CaseTable(columns=("centre",), rows=rows)
    assert set(study_of(cases=table).frame()["centre"]) == {"east"}


def test_frames_of_results_say_what_the_results_say():
    study = study_of(margin=0.02)
    summaries, comparisons = study.summary_frame(), study.comparison_frame()
    assert isinstance(summaries, pd.DataFrame)
    assert len(summaries) == len(study.summaries)
    assert summaries["mean_low"][0] == study.summaries[0].mean.low
    assert comparisons["difference"][0] == study.comparisons[0].difference.value
    assert comparisons["non_inferiority_is_shown"][0]


def test_the_same_study_twice_is_the_same():
    assert study_of().summary_frame().equals(study_of().summary_frame())


def test_the_worst_cases_are_those_of_least_dice():
    study = study_of({"one": cases_of([(0.9, 0.2), (0.5, 0.9), (0.8, 0.7)])}, worst=2)
    assert [(each.case_id, each.structure) for each in study.worst] == [
        ("case_00", "spleen"),
        ("case_01", "liver"),
    ]


def test_one_model_is_a_study_too():
    study = study_of({"one": two_models()["base"]})
    assert study.comparisons == ()
    assert study.rankings == ()


def test_few_patients_are_warned_of():
    assert any("12 patients" in remark for remark in study_of().remarks)
    assert not any("patients the" in each for each in study_of(two_models(40)).remarks)


def test_how_many_patients_an_interval_takes_is_told_of_shares_alone():
    of_dice = " ".join(study_of(primary="dice").remarks)
    of_distances = " ".join(study_of(primary="hd95_mm").remarks)
    assert "needed for an interval of" in of_dice
    assert "12 patients" in of_distances
    assert "needed for an interval of" not in of_distances


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ({"a": cases_of([(0.5, 0.5)]), "b": ()}, "no case was scored for all"),
        ({"a": cases_of([(0.5, 0.5)]) * 2}, "scores of case_00 twice"),
        (
            {
                "a": cases_of([(0.5, 0.5)]),
                "b": cases_of([(0.5, 0.5)], reference_ml=90.0),
            },
            "different references of liver",
        ),
        (
            {
                "a": cases_of([(0.5, 0.5)]),
                "b": cases_of([(0.5, 0.5)], tolerance_mm=3.0),
            },
            "different tolerances of liver",
        ),
    ],
)
def test_scores_that_cannot_be_compared_are_refused(models, told):
    with pytest.raises(UnusableInput, match=told):
        study_of(models)


def test_other_names_of_the_same_label_are_refused():
    cases = cases_of([(0.5, 0.5)])
    renamed = replace(
        cases[0],
        rows=(replace(cases[0].rows[0], structure="kidney"), cases[0].rows[1]),
    )
    with pytest.raises(UnusableInput, match="label 1 is liver") as error:
        study_of({"a": cases, "b": (renamed,)})
    assert error.value.code is ErrorCode.LABEL_MISMATCH


def renamed(cases, name):
    """The cases, the first of their two structures named otherwise."""
    return tuple(
        replace(
            case,
            rows=(replace(case.rows[0], structure=name), *case.rows[1:]),
            lesions=tuple(replace(each, structure=name) for each in case.lesions),
        )
        for case in cases
    )


@pytest.mark.parametrize("name", ["label 1", "label_1", "Liver", " liver "])
@pytest.mark.parametrize("model", ["base", "ours"])
def test_a_number_or_another_spelling_takes_the_name_that_is_known(name, model):
    models = two_models()
    study = study_of({**models, model: renamed(models[model], name)})
    liver, spleen = study.structures
    assert (liver.strip().lower(), spleen) == ("liver", "spleen")
    assert [each.mean for each in study.summaries] == [
        each.mean for each in study_of().summaries
    ]


def test_lesions_take_the_name_too():
    truth = np.zeros((8, 8, 8), np.uint8)
    truth[2:5, 2:5, 2:5] = 1
    maps = medseg.Segmentation(
        array=truth,
        geometry=medseg.Geometry.from_spacing((8, 8, 8), (1.0, 1.0, 1.0)),
        labels=medseg.LabelSet.from_names([(1, "tumour")]),
    )
    (row,) = medseg.score(maps, maps).rows
    assert row.structure == "tumour"
    cases = (replace(medseg.score(maps, maps), case_id="one"),)
    assert cases[0].lesions
    study = study_of({"a": cases, "b": renamed(cases, "Tumour")})
    assert {each.structure for each in study.detections} == {"tumour"}
    assert {each.model for each in study.detections} == {"a", "b"}


def test_the_report_says_which_number_was_taken_for_what():
    models = two_models()
    told = study_of({**models, "ours": renamed(models["ours"], "label 1")}).remarks
    assert any("Maps of ours do not name label 1" in each for each in told)
    assert not any("do not name label" in each for each in study_of().remarks)


def test_maps_that_name_nothing_keep_their_numbers():
    cases = renamed(two_models()["base"], "label 1")
    study = study_of({"a": cases, "b": cases})
    assert study.structures == ("label 1", "spleen")
    assert not any("do not name label" in each for each in study.remarks)


def test_no_model_and_columns_without_a_table_are_wrong_use():
    with pytest.raises(WrongUse, match="no model"):
        medseg.compare({})
    with pytest.raises(WrongUse, match="no table"):
        study_of(patient="patient")
    with pytest.raises(WrongUse, match="no column 'scanner'"):
        study_of(cases=TABLE, centre="scanner")


def test_a_patient_in_two_centres_is_refused():
    rows = {c: {**r, "site": c} for c, r in TABLE.rows.items()}
    table = replace(TABLE, rows=rows)
    with pytest.raises(UnusableInput, match="one patient is in two centres"):
        study_of(cases=table, patient="patient", centre="site")


@pytest.mark.parametrize(
    "wrong",
    [
        {"primary": "volume_difference_ml"},
        {"primary": "accuracy"},
        {"metrics": ("dice", "f2")},
        {"margin": -0.1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(WrongUse) as error:
        StudySettings(**wrong)
    assert error.value.code is ErrorCode.INVALID_OPTION
