"""Inference beside MONAI's inferer and nnU-Net's predictor."""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medseg import Device, InferenceSettings, Progress, UnusableInput, WrongUse, bench
from medseg.bench.memory import with_whole_peak
from medseg.bench.window_contenders import medseg_run, monai_run
from medseg.bench.window_scenes import require_nnunet_can, written_scene
from medseg.cli.bench import app
from medseg.core.labels import LabelSet
from medseg.core.plan import Architecture
from medseg.core.regions import Region
from medseg.core.settings import Precision
from tests.core.making import TINY_PLAN, save_untrained

CPU = InferenceSettings(device=Device("cpu"), mirror=False, skip_air=False)
SMALL = bench.Noise(shape=(72, 64, 64), window=64, outputs=3)


@pytest.fixture(scope="module")
def small_bench() -> tuple[bench.InferenceBench, list[Progress]]:
    heard: list[Progress] = []
    return bench.bench_inference(SMALL, CPU, repeats=1, on_progress=heard.append), heard


def test_monai_gives_the_labels_of_medseg_in_32_bits(small_bench):
    result, _ = small_bench
    assert result["MONAI"].dice == pytest.approx(1, abs=1e-3)
    assert result["MONAI"].least_dice == pytest.approx(1, abs=1e-3)


def test_what_was_measured_is_told(small_bench):
    result, heard = small_bench
    assert (result.shape, result.window, result.outputs) == ((72, 64, 64), (64,) * 3, 3)
    assert result.copies == 1
    assert result.compared_with == "MedSeg, float32"
    assert result.windows == 2  # 72 voxels with windows of 64
    assert 31_000_000 < result.parameters < 31_500_000
    names = ["MedSeg", "MedSeg, float32", "MONAI"]
    assert [each.contender for each in result.timings] == names
    assert [step.note for step in heard] == names
    assert heard[-1].done == heard[-1].total == 3
    for each in result.timings[1:]:
        assert each.times_medseg == each.seconds[0] / result["MedSeg"].seconds[0]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own count")
def test_memory_at_the_peak_is_that_of_the_whole_process():
    _, little = with_whole_peak(partial(np.ones, 1))
    _, much = with_whole_peak(partial(total_of_ones, 30_000_000))
    assert little is not None
    assert much is not None
    assert much - little > 220  # of 240 MB


def total_of_ones(count: int) -> float:
    return float(np.ones(count).sum())


def test_a_body_in_air_takes_the_windows_that_touch_it(tmp_path):
    noise = bench.Noise(shape=(64, 64, 160), body=(64, 64, 30), window=64, outputs=2)
    image = written_scene(noise, CPU, tmp_path).image()[0]
    held = image != image.min()
    assert not held[..., :65].any()
    assert not held[..., 95:].any()
    assert held.sum() == 64 * 64 * 30 - 1  # but for the lowest itself
    skipping = replace(CPU, skip_air=True)
    result = bench.bench_inference(
        noise, skipping, against=[bench.Peer.MONAI], repeats=1
    )
    assert result.windows == 2  # of four, which begin at 0, 32, 64 and 96
    assert result.compared_with == "MONAI"
    assert result["MONAI"].dice == 1
    dice = result["MedSeg"].dice
    assert dice is not None
    assert dice < 1  # it leaves out air, where MONAI's network sees something


def test_mirrored_copies_are_averaged_alike(tmp_path):
    noise = bench.Noise(shape=(64, 64, 64), window=64, outputs=3)
    scene = written_scene(noise, replace(CPU, mirror=True), tmp_path)
    exact = medseg_run(scene, Precision.FLOAT32)
    agreeing = (monai_run(scene).labels == exact.labels).mean()
    assert agreeing > 0.999


@pytest.fixture
def scan(tmp_path) -> Path:
    voxels = np.random.default_rng(0).normal(0, 200, (24, 24, 24)).astype(np.float32)
    file: Path = tmp_path / "scan.nii.gz"
    nibabel.nifti1.save(nibabel.Nifti1Image(voxels, np.diag([3.0, 3, 3, 1])), file)
    return file


def test_a_model_runs_over_a_scan_and_its_labels_are_compared_by_number(
    scan, tmp_path, capsys
):
    labels = LabelSet.from_names([(7, "liver"), (300, "tumour")])
    folder = save_untrained(replace(TINY_PLAN, labels=labels), tmp_path / "model")
    words = ["inference", "--model", str(folder), "--scan", str(scan)]
    app([*words, "--repeats", "1", "--json"], result_action="return_value")
    told = json.loads(capsys.readouterr().out)
    monai = told["timings"][2]
    assert monai["contender"] == "MONAI"
    assert monai["least_dice"] > 0.95  # 0 where numbers were mixed up


def test_a_model_of_overlapping_structures_is_refused(scan, tmp_path):
    every = TINY_PLAN.labels.ids
    regions = (Region(name="both", ids=every, painted_as=every[0]),)
    folder = save_untrained(replace(TINY_PLAN, regions=regions), tmp_path / "model")
    with pytest.raises(WrongUse, match=r"INVALID_OPTION.*structures overlap"):
        bench.bench_inference(bench.Scan(model=str(folder), path=scan), CPU)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--against", "elastix"], "no contender is called 'elastix'"),
        (["--against", "nnunet"], "nnU-Net cannot share MedSeg's environment"),
        (["--model", "phantom-abdomen"], "a model needs a scan"),
        (["--scan", "ct.nii.gz"], "a model needs a scan"),
        (["--body", "9", "9", "9", "--scan", "ct.nii.gz"], "a body is one of noise"),
        (["--repeats", "0"], "repeats 0"),
        (["--window", "48"], "window 48"),
        (["--size", "0", "64", "64"], r"size \(0, 64, 64\)"),
        (["--body", "256", "64", "64"], r"body \(256, 64, 64\) in a scan of"),
        (["--outputs", "1"], "outputs 1"),
    ],
)
def test_a_wrong_option_is_named(words, message):
    with pytest.raises(WrongUse, match=message):
        app(["inference", *words], result_action="return_value")


def test_a_python_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnusableInput, match=r"NOT_FOUND.*no_python"):
        bench.bench_inference(SMALL, CPU, nnunet_python=tmp_path / "no_python")


def test_nnunet_has_no_residual_network_of_ours():
    require_nnunet_can(TINY_PLAN)
    with pytest.raises(WrongUse, match=r"INVALID_OPTION.*no network like"):
        require_nnunet_can(replace(TINY_PLAN, architecture=Architecture.SEGRESNET))
    kernels = ((1, 3, 3), *TINY_PLAN.kernels[1:])
    with pytest.raises(WrongUse, match=r"INVALID_OPTION.*no network like"):
        require_nnunet_can(replace(TINY_PLAN, kernels=kernels))


@pytest.mark.slow
def test_nnunet_gives_the_same_labels_but_for_its_sums_in_16_bits(nnunet_python: Path):
    result = bench.bench_inference(
        bench.Noise(shape=(72, 64, 64), window=64, outputs=2),
        CPU,
        against=[bench.Peer.FLOAT32, bench.Peer.NNUNET],
        nnunet_python=nnunet_python,
        repeats=1,
    )
    dice = result["nnU-Net"].dice
    assert dice is not None
    assert dice > 0.95
    assert "nnunetv2" in " ".join(result.versions)
