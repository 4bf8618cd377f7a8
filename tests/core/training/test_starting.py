"""Training that starts from an earlier model."""

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import medseg
from medseg import ErrorCode, Preset, WrongUse
from medseg.core.case import Dataset
from medseg.core.labels import LabelSet
from medseg.core.plan import Architecture
from medseg.models import save_model, second_stage_plan, weights_bytes
from medseg.networks import build_network, encoder_parameters
from medseg.training import train
from medseg.training.starting import plan_from
from tests.core.training.cubes import QUICK, write_cubes
from tests.core.training.shortage import no_work

ONE_STEP = replace(QUICK, steps=1, checkpoint_every=1, fold=None, learning_rate=1e-9)


@pytest.fixture(scope="module")
def cubes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return medseg.read_dataset(write_cubes(tmp_path_factory.mktemp("cubes")))


@pytest.fixture(scope="module")
def earlier(cubes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "earlier"
    train(cubes, out, QUICK)
    return out


def weights_of(folder: Path, name: str) -> dict[str, torch.Tensor]:
    return load_file(folder / f"weights/{name}.safetensors")


def test_the_first_step_starts_where_the_model_ended(cubes, earlier, tmp_path):
    train(cubes, tmp_path / "later", ONE_STEP, start=earlier)
    before = weights_of(earlier, "fold_0")
    for name, after in weights_of(tmp_path / "later", "all_cases").items():
        torch.testing.assert_close(after, before[name], atol=1e-6, rtol=0)


def test_another_label_set_gets_another_output_layer(cubes, earlier, tmp_path):
    labels = LabelSet.from_names([(1, "cube"), (2, "ball")])
    train(replace(cubes, labels=labels), tmp_path / "later", ONE_STEP, start=earlier)
    before = weights_of(earlier, "fold_0")
    after = weights_of(tmp_path / "later", "all_cases")
    other = {name for name in after if after[name].shape != before[name].shape}
    assert other
    assert all(name.startswith("output_block") for name in other)
    model = medseg.load_model(tmp_path / "later")
    assert model.info.plan.labels.names == ("cube", "ball")


def test_what_the_earlier_model_had_seen_stays_known(cubes, tmp_path):
    train(cubes, tmp_path / "first", replace(ONE_STEP, fold=None))
    settings = replace(ONE_STEP, fold=0)
    train(cubes, tmp_path / "second", settings, start=tmp_path / "first")
    model = medseg.load_model(tmp_path / "second")
    assert model.info.training.started_from == "first"
    first = medseg.load_model(tmp_path / "first")
    assert model.info.training.started_from_sha256 == first.sha256
    held_out = set(model.info.training.held_out)
    for case in cubes.cases:
        made = medseg.segment(medseg.read_volume(case.images[0]), model).provenance
        assert made is not None
        assert made.is_trained_on
    assert f"had learned from {len(held_out)} of them" in model.info.results_note


def test_as_many_other_labels_get_another_output_layer_too(cubes, earlier, tmp_path):
    labels = LabelSet.from_names([(1, "ball")])
    settings = replace(ONE_STEP, seed=5)
    train(replace(cubes, labels=labels), tmp_path / "later", settings, start=earlier)
    before = weights_of(earlier, "fold_0")
    after = weights_of(tmp_path / "later", "all_cases")
    other = {name for name in after if (after[name] - before[name]).abs().max() > 1e-3}
    assert other
    assert all(name.startswith("output_block") for name in other)


@pytest.mark.parametrize(
    "option",
    [
        {"preset": Preset.RESENC_M},
        {"memory_gib": 3.0},
        {"architecture": Architecture.FCN},
    ],
)
def test_a_plan_of_its_own_is_refused(cubes, earlier, tmp_path, option):
    settings = replace(QUICK, **option)
    with pytest.raises(WrongUse, match="keeps its plan"):
        train(cubes, tmp_path / "out", settings, start=earlier, on_progress=no_work)
    assert not (tmp_path / "out").exists()


def test_what_differs_from_the_models_plan_is_among_the_reasons(cubes, earlier):
    model = medseg.load_model(earlier)
    usual = ("start", "everything as in the model earlier")
    assert plan_from(model, cubes, QUICK).reasons == (usual,)
    asked = plan_from(model, cubes, replace(QUICK, batch_size=3, mirror=False))
    assert (asked.batch_size, asked.mirror_axes) == (3, ())
    assert asked.reasons == (
        usual,
        ("mirror_axes", "none: switched off"),
        ("batch_size", "as asked for"),
    )
    sided = replace(cubes, labels=LabelSet.from_names([(1, "left cube")]))
    lateral = plan_from(model, sided, QUICK)
    assert lateral.mirror_axes == ()
    assert "named by its side" in dict(lateral.reasons)["mirror_axes"]


def test_other_references_are_another_training(earlier, tmp_path):
    folder = write_cubes(tmp_path / "cubes")
    out = tmp_path / "later"
    train(medseg.read_dataset(folder), out, ONE_STEP, start=earlier)
    path = folder / "labelsTr/cube_000.nii.gz"
    labels = medseg.read_segmentation(path)
    moved = replace(labels, array=np.roll(labels.array, 2, axis=0))
    medseg.write_segmentation(moved, path, overwrite=True)
    path.with_name("cube_000.json").unlink()
    with pytest.raises(WrongUse) as refusal:
        train(medseg.read_dataset(folder), out, ONE_STEP, start=earlier, resume=True)
    assert refusal.value.code is ErrorCode.OTHER_RECIPE


def test_a_frozen_encoder_stays_as_it_was(cubes, earlier, tmp_path):
    settings = replace(QUICK, freeze_encoder=True, fold=None)
    train(cubes, tmp_path / "later", settings, start=earlier)
    before = weights_of(earlier, "fold_0")
    after = weights_of(tmp_path / "later", "all_cases")
    network = build_network(medseg.load_model(earlier).info.plan)
    frozen = encoder_parameters(network)
    assert frozen
    same = {name for name in after if torch.equal(after[name], before[name])}
    assert same == set(frozen)


def test_a_model_of_other_channels_is_refused(earlier, tmp_path):
    folder = write_cubes(tmp_path / "two")
    description = json.loads((folder / "dataset.json").read_text())
    description["modality"] = {"0": "T1", "1": "T2"}
    (folder / "dataset.json").write_text(json.dumps(description))
    two = medseg.read_dataset(folder)
    with pytest.raises(WrongUse) as refusal:
        train(two, tmp_path / "out", QUICK, start=earlier, on_progress=no_work)
    assert refusal.value.code is ErrorCode.CHANNEL_MISMATCH
    assert not (tmp_path / "out").exists()


def test_a_model_that_refines_a_coarser_one_is_refused_its_first_stage_is_not(
    cubes, earlier, tmp_path
):
    coarse = medseg.load_model(earlier).info
    network = build_network(second_stage_plan(coarse.plan, coarse.plan))
    content = weights_bytes(network)
    weights = replace(coarse.weights[0], sha256=sha256(content).hexdigest())
    fine = tmp_path / "fine"
    save_model(
        replace(coarse, weights=(weights,), first_stage="first_stage"), [content], fine
    )
    shutil.copytree(earlier, fine / "first_stage")
    with pytest.raises(WrongUse, match="coarser") as refusal:
        train(cubes, tmp_path / "out", QUICK, start=fine, on_progress=no_work)
    assert refusal.value.code is ErrorCode.INVALID_OPTION
    assert "first_stage" in refusal.value.remedy
    train(cubes, tmp_path / "out", ONE_STEP, start=fine / "first_stage")


def test_freezing_needs_a_model_to_start_from(cubes, tmp_path):
    with pytest.raises(WrongUse) as refusal:
        train(cubes, tmp_path / "out", replace(QUICK, freeze_encoder=True))
    assert refusal.value.code is ErrorCode.INVALID_OPTION


def test_a_resumed_training_must_start_from_the_same_model(cubes, earlier, tmp_path):
    out = tmp_path / "later"
    train(cubes, out, ONE_STEP, start=earlier)
    with pytest.raises(WrongUse) as refusal:
        train(cubes, out, ONE_STEP, resume=True)
    assert refusal.value.code is ErrorCode.OTHER_RECIPE
