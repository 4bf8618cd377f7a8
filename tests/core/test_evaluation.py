"""Pairs of files and of folders, and what is not a pair."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg import ErrorCode, LabelSet, MaskState, UnusableInput, WrongUse

SHAPE = (10, 9, 8)
GEOMETRY = medseg.Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.0))
ORGANS = LabelSet.from_names([(1, "liver"), (2, "tumour")])
LIVER, TUMOUR = slice(1, 5), slice(6, 8)


def write_labels(path: Path, *, geometry=GEOMETRY, labels=None, **parts: slice) -> Path:
    """Write a label map of slabs; names lie beside it when `labels` are given."""
    array = np.zeros(SHAPE, np.uint8)
    for label, name in enumerate(("liver", "tumour"), start=1):
        if name in parts:
            array[parts[name]] = label
    if labels is None:
        labels = LabelSet.from_names([(1, "label 1"), (2, "label 2")])
    segmentation = medseg.Segmentation(array=array, geometry=geometry, labels=labels)
    medseg.write_segmentation(segmentation, path)
    if labels.names[0] == "label 1":
        path.with_name(path.name.split(".")[0] + ".json").unlink()
    return path


def write_scan(path: Path, value: float) -> Path:
    array = np.full((1, *SHAPE), value, np.float32)
    medseg.write_volume(medseg.Volume(array=array, geometry=GEOMETRY), path)
    return path


def write_description(folder: Path, cases: list[str], modality: str = "CT") -> None:
    description = {
        "name": "abdomen",
        "modality": {"0": modality},
        "labels": {"0": "background", "1": "liver", "2": "tumour"},
        "training": [
            {
                "image": f"./imagesTr/{case}.nii.gz",
                "label": f"./labelsTr/{case}.nii.gz",
            }
            for case in cases
        ],
    }
    (folder / "dataset.json").write_text(json.dumps(description))


def write_dataset(folder: Path, cases: list[str], modality: str = "CT") -> Path:
    for case in cases:
        write_labels(folder / f"labelsTr/{case}.nii.gz", liver=LIVER, tumour=TUMOUR)
        write_scan(folder / f"imagesTr/{case}.nii.gz", 60)
    write_description(folder, cases, modality)
    return folder


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
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UnusableInput, match="NO_PAIRS"):
        medseg.evaluate(empty, truth)


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


def test_scores_are_written_as_csv_and_json(tmp_path):
    file = write_labels(tmp_path / "a.nii.gz", liver=LIVER)
    evaluation = medseg.evaluate(file, file)
    medseg.write_scores(evaluation, tmp_path / "out/scores.csv")
    medseg.write_scores(evaluation, tmp_path / "out/scores.json")
    with (tmp_path / "out/scores.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["dice"]) == 1
    assert json.loads((tmp_path / "out/scores.json").read_text())["mean_dice"] == 1


def test_scores_already_written_are_kept_unless_overwriting_is_allowed(tmp_path):
    file = write_labels(tmp_path / "a.nii.gz", liver=LIVER)
    evaluation, path = medseg.evaluate(file, file), tmp_path / "scores.csv"
    path.write_text("precious")
    with pytest.raises(WrongUse) as refusal:
        medseg.write_scores(evaluation, path)
    assert refusal.value.code is ErrorCode.OUTPUT_EXISTS
    assert path.read_text() == "precious"
    medseg.write_scores(evaluation, path, overwrite=True)
    assert path.read_text().startswith("case,structure")


def test_scores_of_an_unknown_format_are_refused(tmp_path):
    file = write_labels(tmp_path / "a.nii.gz", liver=LIVER)
    evaluation = medseg.evaluate(file, file)
    with pytest.raises(WrongUse) as refusal:
        medseg.write_scores(evaluation, tmp_path / "scores.xlsx")
    assert refusal.value.code is ErrorCode.UNKNOWN_FORMAT
    assert not (tmp_path / "scores.xlsx").exists()


def test_a_table_that_could_not_be_written_is_refused_before_any_scoring(tmp_path):
    with pytest.raises(WrongUse, match="UNKNOWN_FORMAT"):
        medseg.require_writable_scores(tmp_path / "scores.txt")
    (tmp_path / "scores.csv").write_text("precious")
    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        medseg.require_writable_scores(tmp_path / "scores.csv")
    medseg.require_writable_scores(tmp_path / "scores.csv", overwrite=True)


def test_one_scan_is_not_taken_for_a_folder_of_scans(tmp_path):
    folder = write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER).parent
    scan = write_scan(tmp_path / "ct.nii.gz", 55)
    with pytest.raises(WrongUse) as refusal:
        medseg.evaluate(folder, folder, images=scan)
    assert refusal.value.code is ErrorCode.INVALID_OPTION
    assert refusal.value.where == str(scan)


def test_names_that_say_the_labels_were_swapped_fail_the_case(tmp_path):
    swapped = LabelSet.from_names([(2, "liver"), (1, "tumour")])
    write_labels(tmp_path / "truth/a.nii.gz", labels=ORGANS, liver=LIVER)
    write_labels(tmp_path / "mine/a.nii.gz", labels=swapped, liver=LIVER)
    evaluation = medseg.evaluate(tmp_path / "mine", tmp_path / "truth")
    assert evaluation.cases == ()
    assert evaluation.failed[0].code is ErrorCode.LABEL_MISMATCH


def test_what_a_shipped_model_was_trained_on_is_no_validation(tmp_path):
    shipped = medseg.list_models()[0]
    seen = shipped.training.image_sha256[0]
    write_labels(tmp_path / "truth/a.nii.gz", liver=LIVER)
    for case, model, input_sha256 in (
        ("seen", shipped.name, seen),
        ("unseen", shipped.name, "0" * 64),
        ("other_model", "mine", seen),
    ):
        made = medseg.Provenance(
            case_id=case,
            input_sha256=input_sha256,
            model=model,
            model_sha256="",
            versions=(),
            settings=(),
        )
        write_labels(tmp_path / f"truth/{case}.nii.gz", liver=LIVER)
        path = write_labels(tmp_path / f"mine/{case}.nii.gz", liver=LIVER)
        result = replace(medseg.read_segmentation(path), provenance=made)
        medseg.write_segmentation(result, path, overwrite=True)
    evaluation = medseg.evaluate(tmp_path / "mine", tmp_path / "truth")
    assert evaluation.trained_on == ("seen",)
    assert "trained on: seen" in evaluation.table()
    alone = medseg.evaluate(
        tmp_path / "mine/seen.nii.gz", tmp_path / "truth/seen.nii.gz"
    )
    assert alone.trained_on == ("seen",)


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
