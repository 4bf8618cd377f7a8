import pytest

import medseg
from tests.core.evaluation.files import (
    LIVER,
    ORGANS,
    TUMOUR,
    write_dataset,
    write_labels,
)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    dataset = write_dataset(folder / "dataset", ["c1", "c2"])
    write_labels(folder / "made/c1.nii.gz", labels=ORGANS, liver=LIVER, tumour=TUMOUR)
    write_labels(folder / "made/c2.nii.gz", labels=ORGANS, liver=slice(2, 5))
    settings = medseg.EvaluationSettings(tolerance_mm=1.0, workers=1)
    return medseg.evaluate(folder / "made", dataset, settings=settings)


@pytest.mark.parametrize("name", ["scores.csv", "scores.json"])
def test_scores_come_back_from_the_table_they_were_written_to(
    tmp_path, evaluation, name
):
    medseg.write_scores(evaluation, tmp_path / name)

    (again,) = medseg.read_scores(tmp_path / name).values()

    assert [case.rows for case in again.cases] == [c.rows for c in evaluation.cases]
    assert again.mean_dice == pytest.approx(evaluation.mean_dice)


def test_a_study_has_the_scores_of_each_model(tmp_path, evaluation):
    quick = medseg.StudySettings(bootstrap=medseg.BootstrapSettings(resamples=999))
    study = medseg.compare({"a": evaluation, "b": evaluation}, settings=quick)
    medseg.write_study(study, tmp_path / "study")

    models = medseg.read_scores(tmp_path / "study")

    assert list(models) == ["a", "b"]
    assert [case.case_id for case in models["b"].cases] == ["c1", "c2"]
    assert models["b"].cases[1]["liver"].dice == evaluation.cases[1]["liver"].dice


def test_cases_that_were_trained_on_are_remembered(tmp_path, evaluation):
    (tmp_path / "scores.csv").write_text(
        medseg.scores_csv(evaluation.cases, trained_on=["c2"])
    )

    (again,) = medseg.read_scores(tmp_path / "scores.csv").values()

    assert again.trained_on == ("c2",)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("scores.csv", "case,age\nc1,63\n", "INVALID_DATASET"),
        ("scores.json", "[]", "INVALID_DATASET"),
        ("scores.json", "{", "INVALID_DATASET"),
        ("scores.json", '{"rows": [1]}', "INVALID_DATASET"),
        ("scores.json", '{"rows": [[1, 2]]}', "INVALID_DATASET"),
        ("scores.json", '{"rows": null}', "INVALID_DATASET"),
        ("scores.csv", "", "INVALID_DATASET"),
        ("scores.csv", "case,structure,label,state,dice,iou\nc1,liver", "INVALID"),
        ("scores.csv", f"case,structure,label,state,dice,iou\n{'9' * 200_000}", "INV"),
        ("scores.xlsx", "", "UNKNOWN_FORMAT"),
    ],
)
def test_another_table_is_refused(tmp_path, name, text, code):
    (tmp_path / name).write_text(text)

    with pytest.raises(medseg.MedSegError, match=code):
        medseg.read_scores(tmp_path / name)


def test_label_maps_and_scans_are_found_by_case(tmp_path):
    write_dataset(tmp_path, ["c1", "c2"])
    (tmp_path / "imagesTr" / "c3").mkdir()

    assert list(medseg.label_maps_by_case(tmp_path / "labelsTr")) == ["c1", "c2"]
    assert list(medseg.scans_by_case(tmp_path / "imagesTr")) == ["c1", "c2", "c3"]
    with pytest.raises(medseg.UnusableInput, match="NOT_FOUND"):
        medseg.label_maps_by_case(tmp_path / "absent")
