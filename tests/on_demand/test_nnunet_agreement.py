"""A model that nnU-Net trained, run by nnU-Net and, imported, by MedSeg.

    pytest tests/on_demand/test_nnunet_agreement.py -o log_cli=true
        --nnunet-python PYTHON --nnunet-model FOLDER

FOLDER is a results folder (Trainer__Plans__configuration) of a training on the
hippocampus of the decathlon, which lies at `--real-data`. Both mirror, and MedSeg
computes in float32. nnU-Net blends windows in float16, which decides voxels whose two
largest logits are nearer to each other than that tells apart; so each structure is
compared with nnU-Net's sums in float32, and with those it ships whole label maps.
"""

import logging
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import medseg
from medseg.core.settings import InferenceSettings, Precision
from medseg.models import load_model
from medseg.models.foreign.nnunet import import_nnunet
from medseg.preprocessing import prepare
from tests.core.making import dice

CASES = 20
PREDICTOR = Path(__file__).with_name("nnunet_predictor.py")
EXACT = InferenceSettings(precision=Precision.FLOAT32)


def say(figures: str) -> None:
    logging.getLogger(__name__).info("%s", figures)


@pytest.mark.parametrize("sums_in", ["float16", "float32"])
def test_labels_and_logits_are_those_of_nnunet(
    sums_in: str,
    nnunet_python: Path,
    nnunet_model: Path,
    real_data: Path,
    tmp_path: Path,
) -> None:
    scans = sorted(real_data.rglob("Task04_Hippocampus/imagesTr/hippocampus_*.nii.gz"))
    scans = scans[:: max(1, len(scans) // CASES)][:CASES]
    assert len(scans) == CASES
    command = [nnunet_python, PREDICTOR, sums_in, nnunet_model, tmp_path, *scans]
    subprocess.run([*map(str, command)], check=True)
    import_nnunet(nnunet_model, tmp_path / "model")
    model = load_model(tmp_path / "model")

    truth = np.load(tmp_path / "window.npz")
    with torch.no_grad():
        logits = model.networks[0](torch.from_numpy(truth["window"])).numpy()
    error = np.abs(logits - truth["logits"]).max() / np.abs(truth["logits"]).max()
    image = prepare(medseg.read_volume(scans[0]), model.info.plan).image
    apart = float(np.abs(image - truth["prepared"]).max())
    say(f"logits {error:.1e} of the largest apart, prepared scan {apart:.1e}")
    assert error < 1e-4

    whole, structures, differing = [], [], 0
    for scan in scans:
        theirs = medseg.read_segmentation(tmp_path / scan.name).array
        ours = medseg.segment(medseg.read_volume(scan), model, EXACT).array
        differing += int((ours != theirs).sum())
        whole.append(label_dice(ours, theirs))
        present = [i for i in model.info.plan.labels.ids if (theirs == i).any()]
        structures += [dice(ours == i, theirs == i) for i in present]
    say(f"{differing} voxels differ in {CASES} cases")
    say(f"Dice of whole label maps: least {min(whole):.5f}")
    median, least = np.median(structures), min(structures)
    say(f"of {len(structures)} structures: median {median:.5f}, least {least:.5f}")
    assert min(whole) >= 0.999
    if sums_in == "float32":
        assert differing <= 2  # whose two largest logits are nearly equal


def label_dice(a: np.ndarray, b: np.ndarray) -> float:
    """Of all structures at once: voxels both give the same label."""
    same = (a == b) & (a > 0)
    either = (a > 0).sum() + (b > 0).sum()
    assert either, "nothing is found: train the model for more steps"
    return float(2 * same.sum() / either)


@pytest.fixture
def nnunet_model(request: pytest.FixtureRequest) -> Path:
    folder: Path | None = request.config.getoption("--nnunet-model")
    if folder is None:
        pytest.skip("no --nnunet-model")
    return folder
