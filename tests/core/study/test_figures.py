"""Figures: drawn for what there is, the same every time, readable as text."""

from dataclasses import replace

import pytest

from medseg.study.figures.drawing import draw_study
from medseg.study.figures.style import house_style
from medseg.study.results import Calibration, CalibrationBin, ModelRiskCoverage
from tests.core.study.studies import study_of, two_models

BINS = tuple(
    CalibrationBin(confidence=p, frequency=p**2, voxels=10) for p in (0.1, 0.5, 0.9)
)


@pytest.fixture(scope="module")
def study():
    study = study_of(margin=0.02)
    return replace(
        study,
        calibrations=(
            Calibration(
                model="ours",
                structure="liver",
                bins=BINS,
                expected_error=0.1,
                brier=0.05,
            ),
        ),
        risks=(
            ModelRiskCoverage(
                model="ours",
                structure="liver",
                coverage=(0.5, 1.0),
                risk=(0.1, 0.2),
                aurc=0.15,
                best_aurc=0.1,
                random_aurc=0.2,
                spearman=0.5,
                n=2,
            ),
        ),
    )


@pytest.fixture(scope="module")
def drawings(study):
    return draw_study(study)


def test_every_result_has_its_figure(drawings):
    names = [each.name for each in drawings]
    assert len(set(names)) == len(names)
    assert {
        "scores_dice",
        "scores_hd95_mm",
        "differences_dice",
        "ranking",
        "volumes_1",
        "volumes_2",
        "calibration",
        "risk_coverage",
    } <= set(names)


def test_figures_are_the_same_every_time(study, drawings):
    again = draw_study(study)
    for first, second in zip(drawings, again, strict=True):
        assert first.svg() == first.svg() == second.svg()
        assert first.pdf() == first.pdf() == second.pdf()


def test_texts_of_a_figure_are_text_and_no_date_is_in_it(drawings):
    (forest,) = [each for each in drawings if each.name == "differences_dice"]
    svg = forest.svg()
    assert "Liver: ours \N{MINUS SIGN} base</text>" in svg
    assert "dc:date" not in svg
    assert b"CreationDate" not in forest.pdf()


def test_figures_are_as_wide_as_a_journals_column_or_page(drawings):
    widths = {round(each.figure.get_figwidth() * 25.4) for each in drawings}
    assert widths <= {85, 170}


def test_no_label_sticks_out_of_its_figure(drawings):
    with house_style():
        for each in drawings:
            whole = each.figure.bbox
            for ax in filter(lambda ax: ax.get_visible(), each.figure.axes):
                box = ax.get_tightbbox()
                assert whole.x0 - 1 <= box.x0 <= box.x1 <= whole.x1 + 1, each.name
                assert whole.y0 - 1 <= box.y0 <= box.y1 <= whole.y1 + 1, each.name


def test_the_margin_is_drawn_on_the_side_of_loss(drawings):
    (forest,) = [each for each in drawings if each.name == "differences_dice"]
    assert "margin" in forest.caption
    dashed = [
        line for line in forest.figure.axes[0].lines if line.get_linestyle() == "--"
    ]
    assert dashed[0].get_xdata()[0] == pytest.approx(-0.02)


def test_a_name_is_never_read_as_mathematics():
    models = two_models()
    odd = {"a$b^": models["base"], "<&>": models["ours"]}
    for each in draw_study(study_of(odd)):
        each.svg()


def test_one_model_alone_has_no_comparison():
    names = {e.name for e in draw_study(study_of({"one": two_models()["base"]}))}
    assert "ranking" not in names
    assert not any(name.startswith("differences") for name in names)
