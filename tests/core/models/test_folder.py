"""Models on disk: written, read back, and refused when damaged."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import medseg
from medseg import ErrorCode, UnusableInput, WrongUse
from medseg.core.model_info import ModelInfo, TrainingRecord, WeightFile
from medseg.models import (
    list_models,
    load_model,
    load_parameters,
    read_model_info,
    save_model,
    second_stage_plan,
    weights_bytes,
)
from medseg.networks import build_network
from tests.core.making import LABELS, TINY_PLAN

WEIGHTS = "weights/fold_0.safetensors"


def info_of(*weights: bytes) -> ModelInfo:
    return ModelInfo(
        name="tiny",
        summary="Knows nothing.",
        licence="CC0-1.0",
        plan=TINY_PLAN,
        weights=tuple(
            WeightFile(
                path=f"weights/fold_{n}.safetensors",
                sha256=hashlib.sha256(content).hexdigest(),
            )
            for n, content in enumerate(weights)
        ),
        training=TrainingRecord(
            dataset="none",
            source="",
            cases=("a",),
            image_sha256=("0" * 64,),
            held_out=(),
            settings=(("steps", "0"),),
            steps=0,
            seconds=0.5,
            versions=(("medseg", "0"),),
        ),
    )


@pytest.fixture(scope="module")
def networks() -> list[nn.Module]:
    """Untrained ones, for two folds."""
    torch.manual_seed(0)
    return [build_network(TINY_PLAN) for _ in range(2)]


@pytest.fixture
def folder(networks: list[nn.Module], tmp_path: Path) -> Path:
    contents = [weights_bytes(network) for network in networks]
    save_model(info_of(*contents), contents, tmp_path / "tiny")
    return tmp_path / "tiny"


def edit(folder: Path, *keys, value) -> None:
    """Change one value in model.json."""
    path = folder / "model.json"
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))


def rehash(folder: Path) -> None:
    """Make model.json name the first weight file as it is now."""
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    edit(folder, "weights", 0, "sha256", value=digest)


def damage_of(folder: Path) -> UnusableInput:
    with pytest.raises(UnusableInput) as caught:
        load_model(folder)
    assert caught.value.code is ErrorCode.DAMAGED_MODEL
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_model_comes_back_as_it_was_saved(folder, networks):
    model = load_model(folder)
    assert model.info.plan == TINY_PLAN
    assert model.info.plan.labels == LABELS
    assert model.info == read_model_info(folder)
    for network, original in zip(model.networks, networks, strict=True):
        assert not network.training
        for mine, theirs in zip(
            network.parameters(), original.parameters(), strict=True
        ):
            assert torch.equal(mine, theirs)


def test_opening_a_model_leaves_pytorchs_chance_alone(folder):
    before = torch.random.get_rng_state()
    load_model(folder)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_saving_again_replaces_the_model(folder, networks):
    content = weights_bytes(networks[1])
    before = load_model(folder).sha256
    save_model(info_of(content), [content], folder)
    after = load_model(folder)
    assert len(after.networks) == 1
    assert after.sha256 != before


def test_weights_do_not_depend_on_the_memory_layout():
    network = build_network(TINY_PLAN)
    before = weights_bytes(network)
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    assert weights_bytes(network) == before


def test_a_flipped_bit_is_noticed(folder):
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-7] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    assert "SHA-256" in damage_of(folder).what


def test_truncated_weights_are_noticed(folder):
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])
    damage_of(folder)
    rehash(folder)
    damage_of(folder)


def test_missing_weights_are_noticed(folder):
    (folder / WEIGHTS).unlink()
    assert damage_of(folder).where.endswith("fold_0.safetensors")


def test_a_folder_in_place_of_the_weights_is_noticed(folder):
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).mkdir()
    damage_of(folder)


def test_a_pickle_called_safetensors_is_refused_unopened(folder):
    torch.save(build_network(TINY_PLAN).state_dict(), folder / WEIGHTS)
    damage_of(folder)
    rehash(folder)
    damage_of(folder)


def test_weights_of_another_network_are_refused(folder):
    (folder / WEIGHTS).write_bytes(weights_bytes(nn.Conv3d(1, 2, 3)))
    rehash(folder)
    assert "other layers" in damage_of(folder).what
    edit(folder, "plan", "widths", value=[4, 8, 32])
    damage_of(folder)


def test_a_folder_without_a_description_is_no_model(tmp_path):
    assert "model.json" in damage_of(tmp_path).what


def test_a_file_is_no_model_folder(tmp_path):
    (tmp_path / "model.json").mkdir()
    damage_of(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"name": "tiny"}', "\x00\xff"]
)
def test_a_garbled_description_is_refused(folder, text):
    (folder / "model.json").write_text(text, encoding="latin-1")
    damage_of(folder)


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("schema_version",), 2),
        (("weights",), []),
        (("plan", "spacing_mm"), [1.0, 1.0]),
        (("plan", "spacing_mm"), [1.0, 1.0, 0.0]),
        (("plan", "patch_shape"), [16, 12, 9]),
        (("plan", "widths"), [4, 8]),
        (("plan", "widths"), [4, 8, 0]),
        (("plan", "kernels"), [[3, 3, 3], [3, 3, 3], [2, 3, 3]]),
        (("plan", "normalisation", 0, "kind"), "pickle"),
        (("plan", "labels", "structures", 0, "id"), 4),
        (("plan", "labels", "structures"), []),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(folder, keys, value):
    edit(folder, *keys, value=value)
    damage_of(folder)


@pytest.mark.parametrize(
    "path",
    ["../outside", "/etc/passwd", "..\\outside", "C:\\x", "", "a\0b", "a/../../b"],
)
def test_weights_outside_the_folder_are_refused_unread(folder, path):
    edit(folder, "weights", 0, "path", value=path)
    assert "model's folder" in damage_of(folder).what


def test_an_unknown_model_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(WrongUse) as caught:
        load_model(str(tmp_path / "nonesuch"))
    assert caught.value.code is ErrorCode.UNKNOWN_MODEL
    for info in list_models():
        assert info.name in caught.value.remedy


def test_every_shipped_model_opens_and_is_small():
    models = list_models()
    assert [info.name for info in models] == ["hippocampus", "phantom-abdomen"]
    for info in models:
        model = medseg.load_model(info.name)
        folder = Path(medseg.__file__).parent / "models/zoo" / info.name
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        assert size < 12e6
        assert model.info.training.image_sha256


@pytest.mark.parametrize("change", ["missing", "surplus", "shape"])
def test_parameters_that_do_not_fit_are_refused(change):
    layer = nn.Linear(2, 3)
    tensors = {name: tensor.detach() for name, tensor in layer.named_parameters()}
    match change:
        case "missing":
            del tensors["bias"]
        case "surplus":
            tensors["scale"] = torch.ones(1)
        case "shape":
            tensors["bias"] = torch.ones(4)
    with pytest.raises(ValueError, match=r"other layers|another shape"):
        load_parameters(layer, tensors)


@pytest.fixture
def cascaded(networks: list[nn.Module], tmp_path: Path) -> Path:
    """A model with a coarser one within its folder."""
    torch.manual_seed(1)
    coarse = [weights_bytes(networks[0])]
    fine = [weights_bytes(build_network(second_stage_plan(TINY_PLAN, TINY_PLAN)))]
    info = replace(info_of(*fine), first_stage="coarse")
    save_model(info, fine, tmp_path / "tiny")
    save_model(info_of(*coarse), coarse, tmp_path / "tiny" / "coarse")
    return tmp_path / "tiny"


def test_a_second_stage_takes_a_channel_for_each_structure_of_the_first(cascaded):
    model = load_model(cascaded)
    assert model.first_stage is not None
    channels = 1 + len(LABELS)
    logits = model.networks[0](torch.zeros(1, channels, *TINY_PLAN.patch_shape))
    assert logits.shape == (1, 3, *TINY_PLAN.patch_shape)
    assert model.sha256 != replace(model, first_stage=None).sha256


@pytest.mark.parametrize("place", ["..", "../tiny", "/tmp", "absent"])  # noqa: S108
def test_a_first_stage_lies_in_the_folder(place, cascaded):
    edit(cascaded, "first_stage", value=place)
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL"):
        load_model(cascaded)


def test_a_first_stage_has_none_of_its_own(cascaded):
    edit(cascaded / "coarse", "first_stage", value="coarse")
    with pytest.raises(UnusableInput, match="none of its own"):
        load_model(cascaded)
