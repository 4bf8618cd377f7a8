import pytest

import medseg
from napari_medseg.review.cohort import (
    EVERY_STRUCTURE,
    CohortCase,
    Measure,
)
from napari_medseg.review.finding import read_cohort
from napari_medseg.review.folders import CohortFolders, discover
from tests.plugin.cohorts import CASES, write_cohort, write_predictions


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="module")
def cohort(root):
    return read_cohort(discover(root))


def score(structure, **values):
    zero = {"dice": None, "iou": None, "volume_ml": 1.0, "reference_volume_ml": 1.0}
    return medseg.StructureScore(
        structure=structure,
        label=1,
        **{"state": medseg.MaskState.BOTH_PRESENT, **zero, **values},
    )


def case_of(*rows):
    return CohortCase(case_id="c", scores={"m": medseg.Scores(case_id="c", rows=rows)})


def test_folders_are_told_apart_by_their_names(root):
    folders = discover(root)

    assert folders.scans == root / "imagesTr"
    assert folders.references == root / "labelsTr"
    assert (folders.predictions, folders.others) == (root / "good", root / "poor")
    assert folders.scores == root / "scores.csv"


def test_a_folder_of_label_maps_is_a_cohort_of_one_model(root):
    cohort = read_cohort(discover(root / "good"))

    assert cohort.models == ("good",)
    assert [case.case_id for case in cohort.cases] == list(CASES)
    assert cohort.cases[0].predictions == {"good": root / "good" / "c1.nii.gz"}


def test_each_case_has_its_files_and_the_scores_of_each_model(root, cohort):
    case = cohort.cases[1]

    assert cohort.models == ("good", "poor")
    assert case.images == (root / "imagesTr/c2.nii.gz",)
    assert case.reference == root / "labelsTr/c2.nii.gz"
    assert set(case.predictions) == {"good", "poor"}
    assert cohort.structures == ("liver", "liver tumour")
    assert cohort.cases[0].value("good", Measure.DICE, EVERY_STRUCTURE) == 1.0
    assert case.value("good", Measure.DICE, "liver") < 1.0


def test_scores_alone_can_be_listed(root):
    scores = root / "scores.csv"

    cohort = read_cohort(CohortFolders(root=root, scores=scores))

    assert [case.case_id for case in cohort.cases] == list(CASES)
    assert cohort.cases[0].predictions == {}


def test_scores_of_evaluate_are_those_of_the_only_folder(root, tmp_path):
    models = medseg.read_scores(root / "scores.csv")
    table = medseg.scores_csv(models["good"].cases)
    (tmp_path / "scores.csv").write_text(table)
    folders = CohortFolders(
        root=root, predictions=root / "good", scores=tmp_path / "scores.csv"
    )

    cohort = read_cohort(folders)

    assert cohort.models == ("good",)
    assert cohort.cases[0].value("good", Measure.IOU, "liver") == 1.0


def test_predicted_dice_is_a_measure_of_the_first_model(tmp_path):
    """Without scores the first; the worst structure is none that was missed."""
    root = write_cohort(tmp_path / "night")
    write_predictions(root)
    folders = CohortFolders(root=tmp_path, predictions=root / "good")

    cohort = read_cohort(folders)

    assert cohort.measures == (Measure.PREDICTED,)
    assert cohort.structures == ("liver", "liver tumour")
    assert [case.case_id for case in cohort.cases] == list(CASES)
    one, two, three = cohort.cases
    assert one.value("good", Measure.PREDICTED, EVERY_STRUCTURE) == 0.6
    assert one.value("good", Measure.PREDICTED, "liver") == 0.9
    assert one.worst_structure("good", Measure.PREDICTED) == "liver tumour"
    assert two.value("good", Measure.PREDICTED, EVERY_STRUCTURE) == 0.0
    assert two.worst_structure("good", Measure.PREDICTED) == ""
    assert three.value("good", Measure.PREDICTED, EVERY_STRUCTURE) is None
    assert three.has_no_prediction("good")


def test_what_is_predicted_of_one_model_is_not_said_of_another(root, tmp_path):
    (tmp_path / "another run").mkdir()
    write_predictions(tmp_path / "another run")
    folders = CohortFolders(root=tmp_path / "another run", predictions=root / "good")
    assert Measure.PREDICTED not in read_cohort(folders).measures


def test_predictions_lie_beside_the_folder_of_label_maps_and_after_scores(tmp_path):
    root = write_cohort(tmp_path / "night")
    write_predictions(root)

    both = read_cohort(discover(root))
    alone = read_cohort(discover(root / "good"))

    assert both.measures[0] is Measure.DICE
    assert both.measures[-1] is Measure.PREDICTED
    assert alone.measures == (Measure.PREDICTED,)
    assert alone.cases[0].predicted["good"].structures["liver"] == 0.9
    assert "poor" not in both.cases[0].predicted


def test_tables_alone_give_the_cases_of_a_model_without_a_name(tmp_path):
    write_predictions(tmp_path)

    cohort = read_cohort(CohortFolders(root=tmp_path))

    assert cohort.models == ("prediction",)
    assert [case.case_id for case in cohort.cases] == list(CASES)


def test_a_dataset_in_decathlon_layout_gives_scans_references_and_names(tmp_path):
    medseg.write_phantom_dataset(tmp_path / "Task", cases=2, seed=1)

    cohort = read_cohort(discover(tmp_path / "Task"))

    assert len(cohort.cases) == 2
    assert all(case.images and case.reference for case in cohort.cases)
    assert cohort.labels is not None
    assert cohort.channels == ("CT",)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(medseg.UnusableInput, match="EMPTY_FOLDER"):
        read_cohort(discover(tmp_path))
    with pytest.raises(medseg.UnusableInput, match="NOT_READABLE"):
        discover(tmp_path / "absent")


def test_the_mean_is_over_the_structures_with_a_value():
    case = case_of(score("a", dice=0.5), score("b", dice=1.0), score("c"))

    assert case.value("m", Measure.DICE, EVERY_STRUCTURE) == pytest.approx(0.75)
    assert case.value("m", Measure.DICE, "c") is None
    assert case.value("other", Measure.DICE, "a") is None


def test_the_worst_structure_has_the_lowest_overlap_or_the_longest_distance():
    case = case_of(
        score("near", dice=0.5, hd95_mm=1.0), score("far", dice=0.9, hd95_mm=30.0)
    )

    assert case.worst_structure("m", Measure.DICE) == "near"
    assert case.worst_structure("m", Measure.HD95) == "far"
    assert case.worst_structure("other", Measure.DICE) == ""


def test_a_missed_structure_is_as_far_as_the_image_is_long():
    missed = score(
        "a", state=medseg.MaskState.PREDICTION_EMPTY, dice=0.0, diagonal_mm=500.0
    )

    assert case_of(missed).value("m", Measure.HD95, "a") == 500.0
