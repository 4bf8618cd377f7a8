"""A dataset in nnU-Net's layout, with regions and ignored voxels, from end to end."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import medseg
from medseg.core.regions import Region
from medseg.models import load_model
from medseg.training import train
from medseg.training.planning import with_regions
from tests.core.making import TINY_PLAN
from tests.core.training.cubes import QUICK, cube

AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])


def write_regions(folder: Path, cases: int = 6) -> Path:
    """Two channels; a cube whose one half is a region of its own; a part ignored."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for number in range(cases):
        image, labels = cube(number)
        labels[5:][labels[5:] > 0] = 2
        labels[:, :, -1] = 3
        for channel, array in enumerate((image, -image)):
            name = f"imagesTr/c{number}_{channel:04d}.nii.gz"
            nib.save(nib.Nifti1Image(array, AFFINE), folder / name)
        nib.save(nib.Nifti1Image(labels, AFFINE), folder / f"labelsTr/c{number}.nii.gz")
    description = {
        "channel_names": {"0": "T1", "1": "T2"},
        "labels": {"background": 0, "cube": [1, 2], "half": 2, "ignore": 3},
        "regions_class_order": [1, 2],
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return medseg.read_dataset(write_regions(tmp_path_factory.mktemp("regions")))


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "regions"
    train(dataset, out, QUICK)
    return out


def test_a_region_named_by_its_side_switches_mirroring_off_and_is_the_reason():
    sides = (
        Region(name="left", ids=(1, 4), painted_as=1),
        Region(name="rest", ids=(4,), painted_as=4),
    )
    plan = replace(TINY_PLAN, reasons=(("mirror_axes", "left-right"),))
    lateral = with_regions(plan, sides)
    assert lateral.mirror_axes == ()
    assert lateral.reasons == (("mirror_axes", "none: a region is named by its side"),)
    plain = with_regions(plan, (replace(sides[0], name="whole"), sides[1]))
    assert (plain.mirror_axes, plain.reasons) == ((0,), plan.reasons)


def test_the_model_folder_keeps_the_regions(trained, dataset):
    plan = load_model(trained).info.plan
    assert plan.regions == dataset.regions
    assert plan.output_names == ("cube", "half")


def test_regions_are_scored_and_reported(trained):
    info = load_model(trained).info
    assert [result.structure for result in info.results] == ["cube", "half"]
    with (trained / "training/fold_0/validation.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert {row["structure"] for row in rows} == {"cube", "half"}
    for result in info.results:
        values = [float(r["dice"]) for r in rows if r["structure"] == result.structure]
        assert result.cases == len(values) == len(info.training.held_out)
        assert result.mean_dice == pytest.approx(np.mean(values), abs=1e-6)


@pytest.mark.parametrize("references", ["", "labelsTr"])
def test_evaluate_gives_the_scores_of_the_validation(trained, dataset, references):
    folder = dataset.cases[0].images[0].parents[1]
    predictions = trained / "training/fold_0/predictions"
    evaluation = medseg.evaluate(predictions, folder / references)
    assert not evaluation.failed
    with (trained / "training/fold_0/validation.csv").open(newline="") as file:
        rows = {(r["case"], r["structure"]): r for r in csv.DictReader(file)}
    assert len(rows) == sum(len(case.rows) for case in evaluation.cases)
    for case in evaluation.cases:
        for score in case.rows:
            row = rows[case.case_id, score.structure]
            assert row["state"] == score.state
            for name in ("dice", "iou", "hd95_mm", "volume_ml", "reference_volume_ml"):
                known = float(row[name]) if row[name] else None
                assert getattr(score, name) == pytest.approx(known, abs=1e-5)


def test_a_scan_is_segmented_into_labels_and_probabilities_of_regions(trained, dataset):
    model = load_model(trained)
    files = dict(zip(dataset.channels, dataset.cases[0].images, strict=True))
    scan = medseg.read_volume(dataset.cases[0].images[0], channels=files)
    labels, probabilities = medseg.segment_with_probabilities(scan, model)
    assert labels.labels.names == ("cube, label 1", "half")
    assert probabilities.channels == ("cube", "half")
    cube_, half = probabilities.array > 0.5
    wanted = np.where(half, 2, np.where(cube_, 1, 0))
    np.testing.assert_array_equal(labels.array, wanted)
