"""A model small enough to run in a moment."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medseg.core.model_info import ModelInfo, TrainingRecord, WeightFile
from medseg.models import save_model, weights_bytes
from medseg.networks import build_network
from tests.core.making import TINY_PLAN


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an untrained model of one channel, 6 mm voxels."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    plan = replace(TINY_PLAN, spacing_mm=(6.0, 6.0, 6.0), patch_shape=(32, 32, 32))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = weights_bytes(build_network(plan))
    sha256 = hashlib.sha256(weights).hexdigest()
    info = ModelInfo(
        name="tiny",
        summary="untrained",
        licence="CC0-1.0",
        plan=plan,
        weights=(WeightFile(path="weights/fold_0.safetensors", sha256=sha256),),
        training=TrainingRecord(
            dataset="none",
            source="none",
            cases=(),
            image_sha256=(),
            held_out=(),
            settings=(),
            steps=0,
            seconds=0.0,
            versions=(),
        ),
    )
    save_model(info, [weights], folder)
    return folder
