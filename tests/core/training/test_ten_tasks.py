"""Each decathlon task in small: planned, trained, predicted and scored.

The datasets are made up, with the header facts of the ten tasks: channels in one 4D
file, labels, spacing, proportions; stored in several orientations and number formats.
"""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import medseg
from medseg import DECATHLON_TASKS, DecathlonTask, Preset, Volume
from medseg.core.case import Case, Dataset
from medseg.core.plan import NormalisationKind
from medseg.training.cache import DatasetCache
from medseg.training.planning import prepared_cases
from tests.core.making import dice, save_untrained
from tests.core.training.cubes import QUICK

CASES = 2
LONGEST_EDGE = 16
SHORTEST_EDGE = 8


@dataclass(frozen=True)
class Storage:
    """How the files of a task are written.

    Attributes:
        flips: Signs of the affine's diagonal: RAS has none, LPS the first two.
        image: Number format of the scan.
        labels: Number format of the label map.
    """

    flips: tuple[int, int, int] = (1, 1, 1)
    image: type = np.int16
    labels: type = np.uint8


STORAGE = {
    "Task01_BrainTumour": Storage(image=np.float32),
    "Task02_Heart": Storage(flips=(-1, 1, 1), image=np.float32),
    "Task03_Liver": Storage(flips=(-1, -1, 1), image=np.float32, labels=np.float32),
    "Task04_Hippocampus": Storage(image=np.uint8),
    "Task05_Prostate": Storage(image=np.float32, labels=np.float32),
    "Task06_Lung": Storage(flips=(-1, -1, 1)),
    "Task07_Pancreas": Storage(flips=(1, -1, 1), labels=np.int16),
    "Task08_HepaticVessel": Storage(labels=np.float64),
    "Task09_Spleen": Storage(image=np.float64),
    "Task10_Colon": Storage(flips=(-1, 1, -1), image=np.int32),
}


def small_shape(task: DecathlonTask) -> tuple[int, int, int]:
    """The task's median shape, shrunk."""
    factor = LONGEST_EDGE / max(task.median_shape)
    i, j, k = (max(SHORTEST_EDGE, round(n * factor)) for n in task.median_shape)
    return i, j, k


def voxels(task: DecathlonTask, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Scan (i, j, k or i, j, k, channel) and labels: a cube a label, one inside all."""
    rng = np.random.default_rng(number)
    shape = small_shape(task)
    labels = np.zeros(shape, np.uint8)
    for label in range(1, len(task.labels) + 1):
        edge = 7 - 2 * label
        start = rng.integers(label, label + 2, 3)
        labels[tuple(slice(s, s + edge) for s in start)] = label
    air, contrast = (-200.0, 150.0) if task.modality == "CT" else (40.0, 60.0)
    channels = [
        air + rng.normal(0, 10, shape) + (channel + 1) * contrast * (labels > 0)
        for channel in range(len(task.channels))
    ]
    scan = np.stack(channels, axis=-1) if len(channels) > 1 else channels[0]
    return scan, labels


def write_task(task: DecathlonTask, folder: Path) -> Path:
    """A dataset of a few small cases, its description as the decathlon writes it."""
    storage = STORAGE[task.name]
    affine = np.diag([*np.multiply(storage.flips, task.median_spacing_mm), 1.0])
    entries = []
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for number in range(CASES):
        scan, labels = voxels(task, number)
        scan = np.clip(scan, 0, 255) if storage.image is np.uint8 else scan
        name = f"case_{number:03d}.nii.gz"
        for part, array, kind in (
            ("imagesTr", scan, storage.image),
            ("labelsTr", labels, storage.labels),
        ):
            image = nib.Nifti1Image(array.astype(kind), affine)
            image.header.set_xyzt_units("mm", "sec")
            nib.save(image, folder / part / name)
        entries.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    description = {
        "name": task.name.partition("_")[2],
        "licence": "CC-BY-SA 4.0",
        "tensorImageSize": "4D" if len(task.channels) > 1 else "3D",
        "modality": {str(n): name for n, name in enumerate(task.channels)},
        "labels": {str(n): name for n, name in enumerate(("background", *task.labels))},
        "numTraining": CASES,
        "numTest": 1,
        "training": entries,
        "test": ["./imagesTs/case_900.nii.gz"],
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def stored_the_other_way(folder: Path, out: Path) -> Path:
    """The dataset with all three axes of its files reversed, patients unmoved."""
    shutil.copytree(folder, out)
    for path in (*(out / "imagesTr").iterdir(), *(out / "labelsTr").iterdir()):
        image = nib.nifti1.load(path)
        reverse = np.diag([-1.0, -1.0, -1.0, 1.0])
        reverse[:3, 3] = np.array(image.shape[:3]) - 1
        voxels = np.asarray(image.dataobj)[::-1, ::-1, ::-1]
        turned = nib.nifti1.Nifti1Image(voxels, image.affine @ reverse)
        turned.header.set_data_dtype(image.get_data_dtype())
        turned.header.set_xyzt_units("mm", "sec")
        nib.save(turned, path)
    return out


def scan_of(case: Case, dataset: Dataset) -> Volume:
    (file,) = case.images
    return medseg.read_volume(file, channels=dict.fromkeys(dataset.channels, file))


def test_every_task_has_its_storage():
    assert list(STORAGE) == [task.name for task in DECATHLON_TASKS]


@pytest.mark.parametrize("task", DECATHLON_TASKS, ids=lambda task: task.name)
def test_a_task_is_planned_trained_predicted_and_scored(task, tmp_path):
    dataset = medseg.read_dataset(write_task(task, tmp_path / task.name))
    assert dataset.channels == task.channels
    assert dataset.labels.names == task.labels

    settings = replace(QUICK, fold=None, steps=2, checkpoint_every=2)
    model = medseg.train(dataset, tmp_path / "model", settings)
    plan = model.info.plan
    assert plan.channels == task.channels
    assert plan.spacing_mm == pytest.approx(task.median_spacing_mm, rel=1e-3)
    is_ct = [how.kind == NormalisationKind.CT for how in plan.normalisation]
    assert is_ct == [task.modality == "CT"] * len(task.channels)
    assert model.info.training.steps == 2

    case = dataset.cases[0]
    assert case.reference is not None
    scan = scan_of(case, dataset)
    assert scan.array.shape == (len(task.channels), *small_shape(task))
    predicted = medseg.segment(scan, model)
    reference = medseg.read_segmentation(case.reference, labels=dataset.labels)
    np.testing.assert_array_equal(predicted.geometry.affine, scan.geometry.affine)
    scores = medseg.score(
        predicted, reference, tolerance_mm=task.tolerance.tolerance_mm
    )
    assert [row.structure for row in scores.rows] == list(task.labels)
    for row in scores.rows:
        inside = [each.array == row.label for each in (predicted, reference)]
        assert row.dice == pytest.approx(dice(*inside))
        assert row.tolerance_mm == task.tolerance.tolerance_mm


@pytest.mark.parametrize("task", DECATHLON_TASKS, ids=lambda task: task.name)
def test_however_a_task_is_stored_the_same_patient_is_learned_and_segmented(
    task, tmp_path
):
    """The same voxels of the patient, in a file whose axes run the other way."""
    dataset = medseg.read_dataset(write_task(task, tmp_path / task.name))
    turned = medseg.read_dataset(
        stored_the_other_way(tmp_path / task.name, tmp_path / "turned")
    )
    plan = medseg.plan_dataset(dataset, Preset.TINY)
    again = medseg.plan_dataset(turned, Preset.TINY)  # statistics differ by rounding
    assert replace(again, normalisation=plan.normalisation) == plan
    case, other = (
        prepared_cases(DatasetCache(each, None), each.cases[:1], plan)[0]
        for each in (dataset, turned)
    )
    whole = (slice(None),) * 4
    np.testing.assert_array_equal(case.labels[whole[1:]], other.labels[whole[1:]])
    np.testing.assert_allclose(case.image[whole], other.image[whole], atol=1e-4)
    model = medseg.load_model(save_untrained(plan, tmp_path / "model"))
    here, there = (
        medseg.segment(scan_of(each.cases[0], each), model)
        for each in (dataset, turned)
    )
    np.testing.assert_array_equal(here.array, there.array[::-1, ::-1, ::-1])
    assert np.unique(here.array).size > 1
