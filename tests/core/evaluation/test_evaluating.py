"""Pairs of files and of folders, and what is not a pair."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg import (
    ErrorCode,
    EvaluationSettings,
    LabelSet,
    MaskState,
    UnusableInput,
    WhenMissed,
    WrongUse,
)
from tests.core.evaluation.files import (
    GEOMETRY,
    LIVER,
    ORGANS,
    SHAPE,
    TUMOUR,
    write_dataset,
    write_labels,
    write_scan,
)

SWAPPED = LabelSet.from_names([(2, "liver"), (1, "tumour")])
OTHERS = LabelSet.from_names([(1, "liver"), (2, "tumour"), (3, "third")])


def test_two_files_give_the_scores_of_one_case(tmp_path):
    prediction = write_labels(tmp_path / "case_1.nii.gz", liver=slice(1, 4))
    reference = write_labels(tmp_path / "truth.nrrd", labels=ORGANS, liver=LIVER)
    evaluation = medseg.evaluate(prediction, reference)
    (scores,) = evaluation.cases
    assert scores.case_id == "case_1"
    assert scores["liver"].dice == pytest.approx(6 / 7)
    assert scores["liver"].volume_ml == pytest.approx(3 * 9 * 8 * 0.002)
    assert scores["tumour"].state is MaskState.BOTH_EMPTY
    assert evaluation.is_complete


def test_a_scan_given_with_two_files_adds_hounsfield_units(tmp_path):
    prediction = write_labels(tmp_path / "case_1.nii.gz", liver=LIVER)
    scan = write_scan(tmp_path / "ct.nii.gz", 55)
    (scores,) = medseg.evaluate(prediction, prediction, images=scan).cases
    assert scores["label 1"].mean_hu == 55


@pytest.mark.parametrize("named_side", ["prediction", "reference"])
def test_a_name_on_either_side_names_the_label(tmp_path, named_side):
    is_named = {"prediction": named_side == "prediction"}
    is_named["reference"] = not is_named["prediction"]
    files = [
        write_labels(
            tmp_path / f"{side}.nii.gz", labels=ORGANS if named else None, liver=LIVER
        )
        for side, named in is_named.items()
    ]
    (scores,) = medseg.evaluate(*files).cases
    assert scores["liver"].dice == 1


def test_folders_of_dicom_labels_are_scored_with_the_scans_they_belong_to(tmp_path):
    series = Path(__file__).parents[3] / "sample_data" / "ct_phantom"
    scan = medseg.read_volume(series)
    array = np.zeros(scan.geometry.shape, np.uint8)
    array[30:50, 40:60, 20:30] = 1
    liver = LabelSet.from_names([(1, "liver")])
    labels = medseg.Segmentation(array=array, geometry=scan.geometry, labels=liver)
    drawn = medseg.SegmentationFormat.RTSTRUCT
    medseg.write_segmentation(
        labels, tmp_path / "drawn/a.dcm", source=scan, file_format=drawn
    )
    medseg.write_segmentation(labels, tmp_path / "truth/a.nii.gz")
    shutil.copytree(series, tmp_path / "scans/a")
    (scores,) = medseg.evaluate(
        tmp_path / "drawn", tmp_path / "truth", images=tmp_path / "scans"
    ).cases
    assert scores["liver"].dice == 1
    assert scores["liver"].mean_hu is not None


def test_a_damaged_pair_of_files_is_refused(tmp_path):
    reference = write_labels(tmp_path / "truth.nii.gz", liver=LIVER)
    moved = medseg.Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.5))
    prediction = write_labels(tmp_path / "p.nii.gz", geometry=moved, liver=LIVER)
    with pytest.raises(UnusableInput) as refusal:
        medseg.evaluate(prediction, reference)
    assert refusal.value.code is ErrorCode.GRID_MISMATCH


def test_folders_are_paired_by_name_and_nothing_is_dropped_silently(tmp_path):
    for case in ("a", "b", "only_reference"):
        write_labels(tmp_path / f"truth/{case}.nii.gz", liver=LIVER)
    for case in ("a", "b", "only_prediction"):
        write_labels(tmp_path / f"mine/{case}.mha", liver=LIVER)
    (tmp_path / "mine/notes.txt").write_text("not an image")
    (tmp_path / "mine/._a.nii.gz").write_text("left by macOS")
    steps: list[medseg.Progress] = []
    evaluation = medseg.evaluate(
        tmp_path / "mine", tmp_path / "truth", on_progress=steps.append
    )
    assert [scores.case_id for scores in evaluation.cases] == ["a", "b"]
    assert evaluation.mean_dice == 1.0
    assert evaluation.missing == ("only_reference",)
    assert evaluation.surplus == ("only_prediction",)
    assert not evaluation.is_complete
    assert [(step.done, step.total, step.note) for step in steps] == [
        (1, 2, "a"),
        (2, 2, "b"),
    ]


def test_a_bad_case_does_not_stop_the_others(tmp_path):
    moved = medseg.Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.5))
    for case in ("damaged", "good", "moved"):
        write_labels(tmp_path / f"truth/{case}.nii.gz", liver=LIVER)
        geometry = moved if case == "moved" else GEOMETRY
        write_labels(tmp_path / f"mine/{case}.nii.gz", geometry=geometry, liver=LIVER)
    damaged = tmp_path / "mine/damaged.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:60])
    evaluation = medseg.evaluate(tmp_path / "mine", tmp_path / "truth")
    assert [scores.case_id for scores in evaluation.cases] == ["good"]
    assert [(case.case_id, case.code) for case in evaluation.failed] == [
        ("damaged", ErrorCode.TRUNCATED_FILE),
        ("moved", ErrorCode.GRID_MISMATCH),
    ]
    assert "damaged.nii.gz" in evaluation.failed[0].message
    assert not evaluation.is_complete


def test_cancelling_stops_at_once(tmp_path):
    def cancel(_: medseg.Progress) -> None:
        raise medseg.Cancelled

    folder = write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER).parent
    with pytest.raises(medseg.Cancelled):
        medseg.evaluate(folder, folder, on_progress=cancel)


@pytest.mark.parametrize("reference", ["set", "set/labelsTr"])
def test_a_decathlon_dataset_names_the_structures(tmp_path, reference):
    write_dataset(tmp_path / "set", ["a", "b"])
    mine = write_labels(tmp_path / "mine/a.nii.gz", liver=LIVER).parent
    evaluation = medseg.evaluate(mine, tmp_path / reference)
    (scores,) = evaluation.cases
    assert [row.structure for row in scores.rows] == ["liver", "tumour"]
    assert scores["tumour"].state is MaskState.PREDICTION_EMPTY
    assert evaluation.missing == ("b",)


def test_names_are_known_even_when_the_dataset_lacks_its_images(tmp_path):
    write_dataset(tmp_path / "set", ["a"])
    (tmp_path / "set/imagesTr/a.nii.gz").unlink()
    mine = write_labels(tmp_path / "a.nii.gz", liver=LIVER)
    evaluation = medseg.evaluate(mine, tmp_path / "set/labelsTr/a.nii.gz")
    assert evaluation.cases[0]["liver"].dice == 1.0


@pytest.mark.parametrize(("modality", "mean_hu"), [("CT", 60.0), ("MRI", None)])
def test_a_ct_dataset_brings_its_own_scans(tmp_path, modality, mean_hu):
    write_dataset(tmp_path / "set", ["a"], modality)
    mine = write_labels(tmp_path / "mine/a.nii.gz", liver=LIVER).parent
    (scores,) = medseg.evaluate(mine, tmp_path / "set").cases
    assert scores["liver"].mean_hu == mean_hu


def test_scans_can_be_given_as_a_folder(tmp_path):
    folder = write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER).parent
    write_labels(tmp_path / "truth/b.nii.gz", liver=LIVER)
    write_scan(tmp_path / "scans/a.nii.gz", 33)
    a, b = medseg.evaluate(folder, folder, images=tmp_path / "scans").cases
    assert a["label 1"].mean_hu == 33
    assert b["label 1"].mean_hu is None


def test_every_case_has_a_row_for_every_structure_of_any_case(tmp_path):
    """Without names a label map tells of its own labels only."""
    write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER)
    write_labels(tmp_path / "truth/b.nii.gz", liver=LIVER, tumour=TUMOUR)
    a, b = medseg.evaluate(tmp_path / "truth", tmp_path / "truth").cases
    assert [row.label for row in a.rows] == [row.label for row in b.rows] == [1, 2]
    assert a["label 2"].state is MaskState.BOTH_EMPTY


def test_a_prediction_the_reference_does_not_know_counts(tmp_path):
    write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER)
    write_labels(tmp_path / "mine/a.nii.gz", liver=LIVER, tumour=TUMOUR)
    evaluation = medseg.evaluate(tmp_path / "mine", tmp_path / "truth")
    assert evaluation.mean_dice == pytest.approx(0.5)
    assert evaluation.means[1].spurious == 1


def test_folders_without_a_common_name_are_refused(tmp_path):
    mine = write_labels(tmp_path / "mine/a.nii.gz", liver=LIVER).parent
    truth = write_labels(tmp_path / "truth/b.nii.gz", liver=LIVER).parent
    with pytest.raises(UnusableInput, match=r"such as a.*such as b") as refusal:
        medseg.evaluate(mine, truth)
    assert refusal.value.code is ErrorCode.NO_PAIRS


def test_an_empty_folder_is_named(tmp_path):
    truth = write_labels(tmp_path / "truth/b.nii.gz", liver=LIVER).parent
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("not an image")
    for folders in ((empty, truth), (truth, empty)):
        with pytest.raises(UnusableInput) as refusal:
            medseg.evaluate(*folders)
        assert refusal.value.code is ErrorCode.EMPTY_FOLDER
        assert refusal.value.where == str(empty)


def test_two_files_of_one_case_are_refused(tmp_path):
    folder = write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER).parent
    write_labels(folder / "a.mha", liver=LIVER)
    with pytest.raises(UnusableInput, match=r"a\.mha and a\.nii\.gz") as refusal:
        medseg.evaluate(folder, folder)
    assert refusal.value.code is ErrorCode.INVALID_DATASET


def test_paths_must_exist_and_be_of_one_kind(tmp_path):
    file = write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER)
    with pytest.raises(UnusableInput, match="NOT_FOUND"):
        medseg.evaluate(file, tmp_path / "nowhere")
    with pytest.raises(UnusableInput, match="NOT_FOUND"):
        medseg.evaluate(file, file, images=tmp_path / "nowhere")
    with pytest.raises(WrongUse) as refusal:
        medseg.evaluate(file, file.parent)
    assert refusal.value.code is ErrorCode.INVALID_OPTION


def test_one_scan_is_not_taken_for_a_folder_of_scans(tmp_path):
    folder = write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER).parent
    scan = write_scan(tmp_path / "ct.nii.gz", 55)
    with pytest.raises(WrongUse) as refusal:
        medseg.evaluate(folder, folder, images=scan)
    assert refusal.value.code is ErrorCode.INVALID_OPTION
    assert refusal.value.where == str(scan)


def test_names_that_say_the_labels_were_swapped_fail_the_case(tmp_path):
    write_labels(tmp_path / "truth/a.nii.gz", labels=ORGANS, liver=LIVER)
    write_labels(tmp_path / "mine/a.nii.gz", labels=SWAPPED, liver=LIVER)
    evaluation = medseg.evaluate(tmp_path / "mine", tmp_path / "truth")
    assert evaluation.cases == ()
    assert evaluation.failed[0].code is ErrorCode.LABEL_MISMATCH


def test_all_that_can_be_wrong_with_a_case_is_told_and_the_others_are_scored(tmp_path):
    dataset = write_dataset(tmp_path / "set", list("abcdef"))
    mine = tmp_path / "mine"
    moved = medseg.Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.5))
    write_labels(mine / "a.nii.gz", geometry=moved, liver=LIVER)
    write_labels(mine / "b.nii.gz", labels=SWAPPED, liver=LIVER)
    write_labels(mine / "c.nii.gz", liver=LIVER)
    reference = dataset / "labelsTr/c.nii.gz"
    reference.unlink()
    write_labels(reference, labels=OTHERS, third=LIVER)  # not in the dataset's set
    write_labels(mine / "d.nii.gz", liver=LIVER)
    (mine / "d.nii.gz").write_bytes(b"Dear colleague")
    write_labels(mine / "f.nii.gz", liver=LIVER)
    evaluation = medseg.evaluate(mine, dataset)
    assert [(case.case_id, case.code) for case in evaluation.failed] == [
        ("a", ErrorCode.GRID_MISMATCH),
        ("b", ErrorCode.LABEL_MISMATCH),
        ("c", ErrorCode.UNKNOWN_LABEL),
        ("d", evaluation.failed[3].code),
    ]
    assert "corners up to 3.5 mm apart" in evaluation.failed[0].what
    assert evaluation.missing == ("e",)
    assert [case.case_id for case in evaluation.cases] == ["f"]


def test_probabilities_beside_label_maps_are_no_cases(tmp_path):
    folder = write_labels(tmp_path / "mine/a.nii.gz", liver=LIVER).parent
    write_scan(folder / "a.probabilities.nii.gz", 0.5)
    evaluation = medseg.evaluate(folder, folder)
    assert [case.case_id for case in evaluation.cases] == ["a"]
    assert evaluation.surplus == ()


def test_a_reference_on_another_grid_is_resampled_when_asked(tmp_path):
    fine = GEOMETRY.with_shape((20, 18, 16))
    array = np.zeros(fine.shape, np.uint8)
    array[2:10] = 1  # the same slab in finer voxels
    reference = medseg.Segmentation(array=array, geometry=fine, labels=ORGANS)
    medseg.write_segmentation(reference, tmp_path / "truth.nii.gz")
    prediction = write_labels(tmp_path / "a.nii.gz", liver=LIVER)
    with pytest.raises(UnusableInput, match="GRID_MISMATCH"):
        medseg.evaluate(prediction, tmp_path / "truth.nii.gz")
    settings = EvaluationSettings(resample_reference=True)
    evaluation = medseg.evaluate(
        prediction, tmp_path / "truth.nii.gz", settings=settings
    )
    assert evaluation.cases[0]["liver"].dice == 1
    (note,) = evaluation.cases[0].notes
    assert "nearest neighbour (shapes (10, 9, 8) and (20, 18, 16))" in note
    same = medseg.evaluate(prediction, prediction, settings=settings)
    assert same.cases[0].notes == ()


def test_tolerances_go_to_their_structures(tmp_path):
    dataset = write_dataset(tmp_path / "set", ["a"])
    mine = write_labels(tmp_path / "mine/a.nii.gz", liver=LIVER, tumour=TUMOUR).parent
    settings = EvaluationSettings(tolerances=("liver=2",))
    (scores,) = medseg.evaluate(mine, dataset, settings=settings).cases
    assert (scores["liver"].tolerance_mm, scores["liver"].nsd) == (2, 1)
    assert scores["tumour"].nsd is None
    settings = EvaluationSettings(tolerances=("livr=2",))
    with pytest.raises(WrongUse, match="There are liver, tumour"):
        medseg.evaluate(mine, dataset, settings=settings)


def test_a_tolerance_that_fits_no_case_is_told(tmp_path):
    folder = write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER).parent
    settings = EvaluationSettings(tolerances=("label 1=2", "label 2=1", "label 3=1"))
    write_labels(folder / "b.nii.gz", liver=LIVER, tumour=TUMOUR)
    evaluation = medseg.evaluate(folder, folder, settings=settings)
    assert [case["label 1"].nsd for case in evaluation.cases] == [1, 1]
    assert evaluation.notes == (
        "no case has a structure 'label 3'; its tolerance was not used",
    )


def test_a_preset_that_is_not_confirmed_is_told(tmp_path):
    file = write_labels(tmp_path / "a.nii.gz", liver=LIVER)
    settings = EvaluationSettings(tolerances=("decathlon-liver",))
    (note,) = medseg.evaluate(file, file, settings=settings).notes
    assert "not confirmed" in note


def test_what_missed_structures_count_is_as_asked(tmp_path):
    write_labels(tmp_path / "truth/a.nii.gz", labels=ORGANS, liver=LIVER)
    write_labels(tmp_path / "mine/a.nii.gz", labels=ORGANS)
    settings = EvaluationSettings(missed=WhenMissed.LEAVE_OUT)
    folders = tmp_path / "mine", tmp_path / "truth"
    (mean, _) = medseg.evaluate(*folders).means
    assert mean["hd95_mm"].value == pytest.approx(np.hypot(np.hypot(9, 8), 14))
    (mean, _) = medseg.evaluate(*folders, settings=settings).means
    assert mean["hd95_mm"].n == 0


def test_evaluating_needs_no_torch(tmp_path):
    path = write_labels(tmp_path / "a.nii.gz", labels=ORGANS, liver=LIVER)
    code = (
        "import sys, medseg; medseg.list_models(); "
        "medseg.evaluate(sys.argv[1], sys.argv[1]); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)


def test_real_references_score_one_with_themselves(real_data):
    folder = real_data / "Task21_AbdomenMR"
    evaluation = medseg.evaluate(folder / "labelsTr", folder)
    assert len(evaluation.cases) == 16
    assert {row.structure for row in evaluation.cases[0].rows} == {
        mean.structure for mean in evaluation.means
    }
    assert evaluation.mean_dice == evaluation.mean_iou == 1.0
    assert evaluation.is_complete
