"""From a dataset on disk to a model folder."""

import csv
import shutil
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from surface_distance import (
    compute_surface_dice_at_tolerance,
    compute_surface_distances,
)

import medseg
from medseg import (
    Cancelled,
    Device,
    ErrorCode,
    MedSegError,
    Preset,
    Progress,
    UnusableInput,
    WrongUse,
)
from medseg.core.case import Dataset
from medseg.models import load_model
from medseg.training import train
from medseg.training.cache import DatasetCache
from medseg.training.runs import Run
from medseg.training.runs import split as split_of
from tests.core.training.cubes import QUICK, SHAPE, write_cubes
from tests.core.training.shortage import files_of_at_most, take_too_much


@pytest.fixture(scope="module")
def cubes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return medseg.read_dataset(write_cubes(tmp_path_factory.mktemp("cubes")))


@pytest.fixture(scope="module")
def trained(cubes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "cubes"
    train(cubes, out, QUICK)
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def without_time(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: row[name] for name in row if name != "seconds"} for row in rows]


def stopper(stage: str, done: int):
    def stop(progress) -> None:
        if (progress.stage, progress.done) == (stage, done):
            raise Cancelled

    return stop


def test_a_model_folder_says_what_it_was_made_of(trained, cubes):
    info = load_model(trained).info
    assert info.name == "cubes"
    assert info.licence == "CC0-1.0"
    assert info.training.dataset == "Cubes"
    assert set(info.training.cases) | set(info.training.held_out) == {
        case.id for case in cubes.cases
    }
    assert not set(info.training.cases) & set(info.training.held_out)
    assert all(len(digest) == 64 for digest in info.training.image_sha256)
    assert info.training.steps == 4
    assert dict(info.training.settings)["learning_rate"] == "0.01"
    assert "fold 0 of 5" in info.results_note


def test_held_out_cases_are_scored(trained):
    info = load_model(trained).info
    (result,) = info.results
    rows = rows_of(trained / "training/fold_0/validation.csv")
    assert {row["case"] for row in rows} == set(info.training.held_out)
    assert result.cases == len(rows)
    assert result.mean_dice == pytest.approx(
        np.mean([float(row["dice"]) for row in rows]), abs=1e-6
    )


def test_a_distance_of_a_missed_structure_counts_as_the_diagonal(trained):
    (result,) = load_model(trained).info.results
    rows = rows_of(trained / "training/fold_0/validation.csv")
    spans_mm = [(edge - 1) * mm for edge, mm in zip(SHAPE, (1, 1, 2), strict=True)]
    distances = [float(row["hd95_mm"] or np.linalg.norm(spans_mm)) for row in rows]
    assert result.mean_hd95_mm == pytest.approx(np.mean(distances), abs=1e-4)
    assert result.mean_nsd is None


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
def test_a_training_begun_without_a_tolerance_goes_on_with_one(
    cubes, trained, tmp_path
):
    out = tmp_path / "cubes"
    with pytest.raises(Cancelled):
        train(cubes, out, QUICK, on_progress=stopper("training", 3))
    steps: list[Progress] = []
    settings = replace(QUICK, tolerance_mm=1.5)
    train(cubes, out, settings, resume=True, on_progress=steps.append)
    assert [p.done for p in steps if p.stage == "training"] == [4]
    weights = "weights/fold_0.safetensors"
    assert (out / weights).read_bytes() == (trained / weights).read_bytes()
    info = load_model(out).info
    (result,) = info.results
    rows = rows_of(out / "training/fold_0/validation.csv")
    nsd = [_nsd(case, out, cubes) for case in info.training.held_out]
    assert [float(row["nsd"]) for row in rows] == pytest.approx(nsd, abs=1e-5)
    assert result.mean_nsd == pytest.approx(np.mean(nsd), abs=1e-5)
    assert "mean NSD at 1.5 mm" in (out / "MODEL_CARD.md").read_text()


def _nsd(case: str, out: Path, cubes: Dataset) -> float:
    """By DeepMind's surface-distance, over the voxels of the files."""
    (reference,) = [each.reference for each in cubes.cases if each.id == case]
    assert reference is not None
    files = reference, out / f"training/fold_0/predictions/{case}.nii.gz"
    masks = [medseg.read_segmentation(file).array > 0 for file in files]
    distances = compute_surface_distances(*masks, (1.0, 1.0, 2.0))
    nsd: float = compute_surface_dice_at_tolerance(distances, 1.5)
    return nsd


def test_a_tolerance_is_above_0():
    with pytest.raises(WrongUse, match=r"INVALID_OPTION: it is above 0 mm, got 0.0"):
        replace(QUICK, tolerance_mm=0.0)


def test_the_log_has_a_line_an_interval(trained):
    rows = rows_of(trained / "training/fold_0/log.csv")
    assert [row["step"] for row in rows] == ["2", "4"]
    assert all(float(row["loss"]) > 0 for row in rows)
    assert all(0 <= float(row["pseudo_dice cube"]) <= 1 for row in rows)


def test_the_model_segments_a_case_on_its_own_grid(trained, cubes):
    scan = medseg.read_volume(cubes.cases[0].images[0])
    result = medseg.segment(scan, load_model(trained))
    assert result.array.shape == SHAPE
    assert result.geometry.is_same_grid(scan.geometry)
    assert result.labels.names == ("cube",)


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_a_stopped_training_goes_on_bit_by_bit(cubes, trained, tmp_path, stop_at):
    out = tmp_path / "cubes"
    with pytest.raises(Cancelled):
        train(cubes, out, QUICK, on_progress=stopper("training", stop_at))
    assert not (out / "model.json").exists()
    steps: list[Progress] = []
    train(cubes, out, QUICK, resume=True, on_progress=steps.append)
    trained_steps = [p.done for p in steps if p.stage == "training"]
    assert trained_steps == list(range(stop_at + 1, 5))
    weights = "weights/fold_0.safetensors"
    assert (out / weights).read_bytes() == (trained / weights).read_bytes()
    log = rows_of(out / "training/fold_0/log.csv")
    whole_log = rows_of(trained / "training/fold_0/log.csv")
    assert without_time(log) == without_time(whole_log)


def test_a_disk_full_in_the_middle_loses_nothing_of_the_last_checkpoint(
    cubes, trained, tmp_path
):
    out = tmp_path / "cubes"
    full = ExitStack()

    def fill(progress: Progress) -> None:
        if (progress.stage, progress.done) == ("training", 3):
            full.enter_context(files_of_at_most(20_000))

    with full, pytest.raises(UnusableInput, match="checkpoint") as caught:
        train(cubes, out, QUICK, on_progress=fill)
    assert caught.value.code is ErrorCode.DISK_FULL
    steps: list[Progress] = []
    train(cubes, out, QUICK, resume=True, on_progress=steps.append)
    assert [p.done for p in steps if p.stage == "training"] == [3, 4]
    weights = "weights/fold_0.safetensors"
    assert (out / weights).read_bytes() == (trained / weights).read_bytes()
    rows = rows_of(out / "training/fold_0/log.csv")
    assert [row["step"] for row in rows] == ["2", "4"]


@pytest.mark.parametrize("part", ["facts", "prepared"])
def test_memory_that_runs_out_for_a_case_is_told_with_its_name(
    cubes, tmp_path, monkeypatch, part
):
    monkeypatch.setattr(DatasetCache, part, take_too_much)
    with pytest.raises(UnusableInput, match="--workers") as caught:
        train(cubes, tmp_path / "out", QUICK)
    assert caught.value.code is ErrorCode.OUT_OF_MEMORY
    assert caught.value.where in {case.id for case in cubes.cases}


def test_memory_that_runs_out_for_the_network_is_told(cubes, tmp_path, monkeypatch):
    module = sys.modules["medseg.training.train"]  # the name is a function's, too
    monkeypatch.setattr(module, "new_state", take_too_much)
    with pytest.raises(UnusableInput, match="network of fold_0") as caught:
        train(cubes, tmp_path / "out", QUICK)
    assert caught.value.code is ErrorCode.OUT_OF_MEMORY


def test_a_finished_training_may_be_resumed_and_stays_the_same(cubes, tmp_path):
    out = tmp_path / "cubes"
    before = train(cubes, out, replace(QUICK, steps=2))
    again = train(cubes, out, replace(QUICK, steps=2), resume=True)
    assert again.sha256 == before.sha256


@pytest.mark.parametrize(
    "other",
    [
        *({"steps": 7}, {"seed": 1}, {"learning_rate": 1e-3}),
        *({"foreground_share": 0.25}, {"domain_randomisation": True}),
    ],
)
def test_resuming_with_other_settings_is_refused(cubes, trained, other):
    before = (trained / "model.json").read_bytes()
    with pytest.raises(WrongUse) as caught:
        train(cubes, trained, replace(QUICK, **other), resume=True)
    assert caught.value.code is ErrorCode.OTHER_RECIPE
    assert (trained / "model.json").read_bytes() == before


def test_resuming_what_is_not_there_starts_anew_and_says_so(cubes, tmp_path, caplog):
    out = tmp_path / "cubse"
    train(cubes, out, replace(QUICK, steps=1), resume=True)
    assert load_model(out).info.training.steps == 1
    assert f"there is no {out}: training starts anew" in caplog.text


def test_resuming_on_other_images_is_refused(tmp_path):
    folder = write_cubes(tmp_path / "data")
    dataset, out = medseg.read_dataset(folder), tmp_path / "out"
    with pytest.raises(Cancelled):
        train(dataset, out, QUICK, on_progress=stopper("training", 1))
    for case in dataset.cases:
        name = f"imagesTr/{case.images[0].name}"
        rewrite(folder, name, lambda array, affine: (array + 1, affine))
    with pytest.raises(WrongUse) as caught:
        train(dataset, out, QUICK, resume=True)
    assert caught.value.code is ErrorCode.OTHER_RECIPE


def test_a_folder_with_something_in_it_is_not_written_to(cubes, trained, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    for out, resume in (
        (trained, False),
        (tmp_path, False),
        (tmp_path, True),
        (tmp_path / "letter.txt", True),
    ):
        with pytest.raises(WrongUse) as caught:
            train(cubes, out, QUICK, resume=resume)
        assert caught.value.code is ErrorCode.OUTPUT_EXISTS
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_a_copy_of_a_case_learned_from_is_told_before_training(tmp_path, caplog):
    folder = write_cubes(tmp_path / "data")
    dataset = medseg.read_dataset(folder)
    learned, held_out = (split[0] for split in split_of(dataset, 0))
    shutil.copy(learned.images[0], held_out.images[0])
    told: list[str] = []
    stop = stopper("training", 1)

    def note_and_stop(progress: Progress) -> None:
        told.append(caplog.text)
        stop(progress)

    with pytest.raises(Cancelled):
        train(dataset, tmp_path / "out", QUICK, on_progress=note_and_stop)
    text = f"{held_out.id} is held out and has the same image as {learned.id}"
    assert text in told[-1]
    model = train(dataset, tmp_path / "out", QUICK, resume=True)
    assert "1 of them are copies of cases" in model.info.results_note


def test_mirroring_can_be_switched_off(cubes, trained, tmp_path):
    assert load_model(trained).info.plan.mirror_axes == (0,)
    settings = replace(QUICK, fold=None, steps=1, mirror=False, batch_size=3)
    model = train(cubes, tmp_path / "out", settings)
    assert model.info.plan.mirror_axes == ()
    card = (tmp_path / "out/MODEL_CARD.md").read_text()
    assert "mirror_axes: none: switched off" in card
    assert "batch_size: as asked for" in card


def test_the_memory_allowed_is_that_of_the_device(cubes, tmp_path):
    """On a GPU two GiB hold no network."""
    settings = replace(QUICK, preset=Preset.STANDARD, memory_gib=2.0)
    stop = stopper("preparing cases", 1)
    with pytest.raises(Cancelled):
        train(cubes, tmp_path / "out", settings, on_progress=stop)
    gpu = Device("cuda:0")
    with pytest.raises(WrongUse) as caught:
        medseg.plan_dataset(cubes, Preset.STANDARD, memory_gib=2.0, device=gpu)
    assert caught.value.code is ErrorCode.INVALID_OPTION


def test_a_reason_that_earlier_plans_had_not_is_no_other_recipe(cubes, trained):
    plan = load_model(trained).info.plan
    earlier = tuple(each for each in plan.reasons if each[0] != "blocks")
    assert len(earlier) == len(plan.reasons) - 1
    now, then = (
        Run(
            dataset=cubes,
            out=trained,
            plan=replace(plan, reasons=reasons),
            settings=QUICK,
            learned=cubes.cases,
            held_out=(),
        )
        for reasons in (plan.reasons, earlier)
    )
    assert now.recipe([]) == then.recipe([])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_stopped_training_on_a_gpu_goes_on_bit_by_bit(cubes, tmp_path):
    settings = replace(QUICK, device=medseg.Device("cuda:0"), deterministic=True)
    whole = train(cubes, tmp_path / "whole", settings)
    with pytest.raises(Cancelled):
        train(cubes, tmp_path / "out", settings, on_progress=stopper("training", 2))
    parts = train(cubes, tmp_path / "out", settings, resume=True)
    assert parts.sha256 == whole.sha256


def test_every_case_may_be_learned_from(cubes, tmp_path):
    model = train(cubes, tmp_path / "all", replace(QUICK, fold=None, steps=1))
    assert len(model.info.training.cases) == 6
    assert model.info.training.held_out == ()
    assert model.info.results == ()
    assert (tmp_path / "all/weights/all_cases.safetensors").is_file()


@pytest.mark.parametrize("fold", [-1, 5])
def test_an_unknown_fold_is_refused(cubes, tmp_path, fold):
    with pytest.raises(WrongUse, match="0 to 4"):
        train(cubes, tmp_path / "out", replace(QUICK, fold=fold))
    assert not (tmp_path / "out").exists()


def holds_only_prepared_cases(out: Path) -> bool:
    files = [path.relative_to(out) for path in out.rglob("*") if path.is_file()]
    return all(str(file).startswith("training/cache/") for file in files)


def test_stopping_before_the_first_step_leaves_only_prepared_cases(cubes, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        train(cubes, out, QUICK, on_progress=stopper("preparing cases", 1))
    assert holds_only_prepared_cases(out)
    train(cubes, out, replace(QUICK, steps=1))
    assert (out / "model.json").is_file()


def refusal_of(folder: Path, out: Path) -> MedSegError:
    with pytest.raises(UnusableInput) as caught:
        train(medseg.read_dataset(folder), out, QUICK)
    assert holds_only_prepared_cases(out)
    assert "\n" not in str(caught.value)
    return caught.value


def rewrite(folder: Path, name: str, change) -> None:
    path = folder / name
    image = nib.nifti1.load(path)
    array, affine = change(np.asarray(image.dataobj), image.affine.copy())
    nib.save(nib.Nifti1Image(array, affine), path)


def test_a_label_the_description_does_not_name_is_refused(tmp_path):
    folder = write_cubes(tmp_path / "data")
    rewrite(
        folder,
        "labelsTr/cube_002.nii.gz",
        lambda array, affine: (array * 7, affine),
    )
    error = refusal_of(folder, tmp_path / "out")
    assert error.code is ErrorCode.UNKNOWN_LABEL
    assert "cube_002" in str(error)


def test_a_reference_on_another_grid_is_refused(tmp_path):
    folder = write_cubes(tmp_path / "data")
    rewrite(
        folder,
        "labelsTr/cube_003.nii.gz",
        lambda array, affine: (array, affine + np.diag([0, 0, 0.5, 0])),
    )
    error = refusal_of(folder, tmp_path / "out")
    assert error.code is ErrorCode.GRID_MISMATCH
    assert "cube_003" in str(error)


def test_a_missing_file_is_refused(tmp_path):
    folder = write_cubes(tmp_path / "data")
    (folder / "imagesTr/cube_004.nii.gz").unlink()
    error = refusal_of(folder, tmp_path / "out")
    assert error.code is ErrorCode.INVALID_DATASET
    assert "cube_004" in str(error)


def test_a_truncated_image_is_refused(tmp_path):
    folder = write_cubes(tmp_path / "data")
    path = folder / "imagesTr/cube_001.nii.gz"
    path.write_bytes(path.read_bytes()[:3000])
    error = refusal_of(folder, tmp_path / "out")
    assert error.code is ErrorCode.TRUNCATED_FILE
    assert "cube_001" in str(error)


def test_fewer_cases_than_folds_are_refused_with_a_way_out(tmp_path):
    folder = write_cubes(tmp_path / "data", cases=4)
    error = refusal_of(folder, tmp_path / "out")
    assert error.code is ErrorCode.INVALID_DATASET
    assert "--fold none" in error.remedy
