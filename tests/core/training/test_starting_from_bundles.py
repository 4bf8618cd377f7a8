"""Training that starts from a network of a MONAI bundle."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import medseg
from medseg import Cancelled, ErrorCode, WrongUse
from medseg.core.case import Dataset
from medseg.core.labels import LabelSet
from medseg.models.foreign.bundle import import_bundle
from medseg.training import train
from medseg.training.starting import plan_from
from tests.core.models.foreign.bundles import (
    DYNUNET,
    QUIETLY,
    SEGRESNET,
    UNET,
    Recipe,
    write_bundle,
)
from tests.core.training.cubes import QUICK, write_cubes
from tests.core.training.shortage import no_work

pytestmark = [pytest.mark.filterwarnings(line) for line in QUIETLY]
SETTINGS = replace(QUICK, batch_size=2, fold=None)


@pytest.fixture(scope="module")
def cubes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return medseg.read_dataset(write_cubes(tmp_path_factory.mktemp("cubes"), cases=2))


def imported(folder: Path, network: dict[str, object]) -> Path:
    bundle = write_bundle(folder / "bundle", Recipe(network=network, windows=16))
    import_bundle(bundle, folder / "model")
    return folder / "model"


@pytest.mark.parametrize("names", [("cube",), ("cube", "ball"), ("a", "b", "c")])
@pytest.mark.parametrize(
    "network", [UNET, SEGRESNET, DYNUNET], ids=lambda n: n["_target_"]
)
def test_other_labels_get_another_output_layer(cubes, tmp_path, network, names):
    start = imported(tmp_path, network)
    labels = LabelSet.from_names(list(enumerate(names, start=1)))
    settings = replace(SETTINGS, steps=1, learning_rate=1e-9)
    later = train(
        replace(cubes, labels=labels), tmp_path / "out", settings, start=start
    )
    assert later.info.plan.labels.names == names
    (before,) = medseg.load_model(start).networks
    (after,) = later.networks
    earlier = dict(before.named_parameters())
    kept = [
        name
        for name, weights in after.named_parameters()
        if weights.shape == earlier[name].shape
        and torch.allclose(weights, earlier[name], atol=1e-6)
    ]
    assert 0 < len(earlier) - len(kept) <= 6  # the last convolution or block


def test_the_same_labels_keep_the_output_layer(cubes, tmp_path):
    start = imported(tmp_path, UNET)
    model = medseg.load_model(start)
    dataset = replace(cubes, labels=model.info.plan.labels)
    assert plan_from(model, dataset, SETTINGS).monai_network == (
        model.info.plan.monai_network
    )


def test_dropout_follows_from_seed_and_step_so_that_stopping_changes_nothing(
    cubes, tmp_path
):
    start = imported(tmp_path, {**SEGRESNET, "dropout_prob": 0.5})

    def stop(progress: medseg.Progress) -> None:
        if (progress.stage, progress.done) == ("training", 2):
            raise Cancelled

    whole = train(cubes, tmp_path / "whole", SETTINGS, start=start)
    torch.manual_seed(99)
    with pytest.raises(Cancelled):
        train(cubes, tmp_path / "parts", SETTINGS, start=start, on_progress=stop)
    torch.manual_seed(7)
    parts = train(cubes, tmp_path / "parts", SETTINGS, start=start, resume=True)
    assert parts.sha256 == whole.sha256


def test_what_such_a_network_cannot_learn_is_refused_before_any_case_is_read(
    cubes, tmp_path
):
    start, out = imported(tmp_path, UNET), tmp_path / "out"
    things = replace(cubes, things=("cube",))
    with pytest.raises(WrongUse) as refusal:
        train(things, out, SETTINGS, start=start, on_progress=no_work)
    assert refusal.value.code is ErrorCode.INVALID_OPTION
    frozen = replace(SETTINGS, freeze_encoder=True)
    with pytest.raises(WrongUse, match="way down"):
        train(cubes, out, frozen, start=start, on_progress=no_work)
    assert not out.exists()
