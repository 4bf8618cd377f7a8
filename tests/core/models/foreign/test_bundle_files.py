"""What a bundle's files hold is taken over or refused by name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medseg import ErrorCode, UnusableInput, export_bundle, import_model, load_model
from medseg.core.plan import (
    IntensityStatistics,
    Normalisation,
    NormalisationKind,
)
from medseg.models.foreign.bundle import import_bundle
from medseg.models.foreign.bundle_checkpoint import read_weights
from medseg.models.foreign.bundle_config import Config, read_config
from medseg.models.foreign.bundle_export import _require_data
from medseg.models.foreign.bundle_transforms import preprocessing_of
from tests.core.making import TINY_PLAN
from tests.core.models.foreign.bundles import (
    QUIETLY,
    RAS,
    SEGRESNET,
    SIGMOID,
    SOFTMAX,
    SPACING,
    THRESHOLD,
    UNET,
    Recipe,
    chance_state,
    write_bundle,
    write_configs,
)

pytestmark = [pytest.mark.filterwarnings(line) for line in QUIETLY]
CODE = "$'$__import__(\"os\").getcwd()'"
CROP = {"_target_": "CropForegroundd", "keys": "image", "source_key": "image"}
LOADER = {"_target_": "CheckpointLoader", "load_dict": {"model": "@network"}}


@pytest.mark.parametrize(
    "content", ["$1", " @name", "%file", {"_target_": 1}, ["a", {"b": ("$",)}]]
)
def test_nothing_that_monai_evaluates_is_exported(content):
    _require_data({"name": "2 $ or 3 @ home", "values": [1, None]}, "a model")
    with pytest.raises(UnusableInput, match="UNSUPPORTED_MODEL"):
        _require_data({"name": content}, "a model")


def test_a_z_score_that_monai_computes_otherwise_is_not_exported():
    statistics = IntensityStatistics(
        mean=0.0, sd=1.0, percentile_00_5=0.0, percentile_99_5=1.0
    )
    kind = NormalisationKind.Z_SCORE_NONZERO
    how = Normalisation(kind=kind, statistics=statistics)
    plan = replace(TINY_PLAN, normalisation=(how,) * len(TINY_PLAN.channels))
    with pytest.raises(UnusableInput, match="not zero"):
        preprocessing_of(plan)


@pytest.mark.parametrize(
    "loader",
    [
        {**LOADER, "load_path": "$@folder + '/best.pt'"},
        {**LOADER, "load_path": "@checkpoint", "_disabled_": "$not @exists"},
    ],
)
def test_the_weights_are_those_the_bundle_loads(tmp_path, loader):
    more = {
        "bundle_root": "$os.environ['HOME']",
        "folder": "$@bundle_root + '/models'",
        "checkpoint": "$@folder + '/best.pt'",
        "evaluator": {"_target_": "Evaluator", "val_handlers": [{}, loader]},
    }
    torch.save({"a": torch.ones(2)}, made(tmp_path) / "model.pt")
    torch.save({"model": {"a": torch.full((2,), 7.0)}}, tmp_path / "models/best.pt")
    config = Config(root=more, where=tmp_path)
    file, checkpoint = read_weights(tmp_path, config)
    assert file == tmp_path / "models" / "best.pt"
    assert checkpoint.tensors["a"].tolist() == [7, 7]


@pytest.mark.parametrize(
    ("paths", "code", "named"),
    [
        (["models/gone.pt"], ErrorCode.NOT_FOUND, "gone.pt"),
        (["$str(Path(@bundle_root) / 'x.pt')"], ErrorCode.UNSUPPORTED_MODEL, "Path"),
        (["../other/model.pt"], ErrorCode.UNSUPPORTED_MODEL, "no file of the bundle"),
        (["/models/model.pt"], ErrorCode.UNSUPPORTED_MODEL, "no file of the bundle"),
        ([None], ErrorCode.UNSUPPORTED_MODEL, "no file of the bundle"),
        (["models/model.pt", "models/b.pt"], ErrorCode.UNSUPPORTED_MODEL, "several"),
    ],
)
def test_weights_that_are_not_there_or_not_known_are_refused(
    tmp_path, paths, code, named
):
    torch.save({"a": torch.ones(2)}, made(tmp_path) / "model.pt")
    loaders = [{**LOADER, "load_path": path} for path in paths]
    config = Config(root={"handlers": loaders}, where=tmp_path)
    with pytest.raises(UnusableInput, match=named) as caught:
        read_weights(tmp_path, config)
    assert caught.value.code is code


def made(folder: Path) -> Path:
    (folder / "models").mkdir()
    return folder / "models"


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]",
        "a: &a {x: 1}\nb: {<<: *a}",
        "a: 2020-01-01",
        "a: !!set {x, y}",
        "a: !!python/name:os.system",
    ],
)
def test_yaml_that_is_no_plain_data_is_refused(tmp_path, text):
    (tmp_path / "inference.yaml").write_text(text)
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL"):
        read_config(tmp_path / "inference.yaml")


def test_a_bundles_licence_goes_along_and_nothing_is_made_up(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", Recipe())
    import_model(bundle, tmp_path / "without")
    assert "not known" in (tmp_path / "without" / "LICENSE").read_text()
    assert "Not known" in (tmp_path / "without" / "MODEL_CARD.md").read_text()
    (bundle / "LICENSE").write_text("CC BY-NC 4.0")
    import_model(bundle, tmp_path / "with")
    assert (tmp_path / "with" / "LICENSE").read_text() == "CC BY-NC 4.0"


def test_code_in_a_bundle_does_not_reach_one_exported_again(tmp_path):
    network = {**UNET, "bias": CODE}
    bundle = write_bundle(tmp_path / "bundle", Recipe())
    file = bundle / "configs" / "inference.json"
    file.write_text(json.dumps(Recipe(network=network).config()))
    with pytest.raises(UnusableInput, match="__import__"):
        import_model(bundle, tmp_path / "model")
    file.write_text(json.dumps(Recipe().config()))
    import_model(bundle, tmp_path / "model")
    export_bundle(load_model(tmp_path / "model"), tmp_path / "again")
    assert "__import__" not in (tmp_path / "again/configs/inference.json").read_text()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"network_def": {"_target_": "os.system", "command": "id"}}, "os.system"),
        ({"network_def": {**UNET, "channels": "$__import__('os')"}}, "__import__"),
        ({"network_def": {**UNET, "channels": "$[4, 8, 16][::-1]"}}, "not evaluated"),
        ({"network_def": {**UNET, "channels": "@channels"}}, "no @channels"),
        ({"network_def": {**UNET, "channels": "%other.json#x"}}, "another file"),
        ({"a": "@b", "b": "@a", "network_def": {**UNET, "norm": "@a"}}, "go round"),
        ({"network_def": {**UNET, "spatial_dims": 2}}, "not 3D"),
        ({"network_def": {**UNET, "channels": [4, 8, 10**9]}}, "1000000000"),
        ({"network_def": {**UNET, "shape": 3}}, "no argument 'shape'"),
        ({"network_def": {"_target_": "DiNTS"}}, "DiNTS"),
        ({"preprocessing": [{"_target_": "scripts.mine.Mine"}]}, "scripts.mine.Mine"),
        ({"preprocessing": [{"_target_": "Resized", "keys": "image"}]}, "Resized"),
        ({"preprocessing": [{**SPACING, "pixdim": 1, "mode": 3}]}, "mode = 3"),
        ({"preprocessing": [{**SPACING, "pixdim": [1, 1]}]}, "pixdim"),
        ({"preprocessing": [{**CROP, "select_fn": "$lambda x: exit()"}]}, "select_fn"),
        ({"preprocessing": [{**SPACING, "pixdim": 1}, RAS]}, "Orientationd"),
        ({"inferer": {"_target_": "SimpleInferer"}}, "SimpleInferer"),
        ({"postprocessing": [SOFTMAX]}, "no AsDiscreted"),
        ({"postprocessing": [SIGMOID, {**THRESHOLD, "threshold": 0.3}]}, "0.5"),
    ],
)
def test_what_has_no_equal_is_refused_by_its_name(tmp_path, change, named):
    recipe = Recipe(more=change)
    write_configs(tmp_path / "bundle", recipe.config(), recipe.metadata())
    with pytest.raises(UnusableInput, match="UNSUPPORTED_MODEL") as caught:
        import_bundle(tmp_path / "bundle", tmp_path / "model")
    assert named in str(caught.value)
    assert not (tmp_path / "model").exists()


def test_weights_of_another_network_are_refused(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", Recipe())
    torch.save(chance_state(SEGRESNET), bundle / "models" / "model.pt")
    with pytest.raises(UnusableInput, match="are missing") as caught:
        import_bundle(bundle, tmp_path / "model")
    assert caught.value.code is ErrorCode.DAMAGED_MODEL


@pytest.mark.parametrize("content", ["{", "[]", '{"a": ' + "[" * 100_000])
def test_a_configuration_that_is_none_is_refused(tmp_path, content):
    write_configs(tmp_path / "bundle", {}, Recipe().metadata())
    (tmp_path / "bundle/configs/inference.json").write_text(content)
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL"):
        import_bundle(tmp_path / "bundle", tmp_path / "model")


def test_a_yaml_configuration_is_read_as_data(tmp_path):
    bundle = tmp_path / "bundle"
    write_configs(bundle, {}, Recipe().metadata())
    (bundle / "configs/inference.json").unlink()
    file = bundle / "configs/inference.yaml"
    file.write_text("network_def: !!python/object/apply:os.system ['id']")
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL"):
        import_bundle(bundle, tmp_path / "model")
    file.write_text(json.dumps(Recipe(more={"inferer": 3}).config()))  # YAML, too
    with pytest.raises(UnusableInput, match="inferer: it is no component"):
        import_bundle(bundle, tmp_path / "model")
