"""Commands that measure MedSeg side by side with other tools."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from medseg import bench
from medseg.cli.bench_cohort import bench_cohort
from medseg.cli.bench_tables import (
    arithmetic_lines,
    files_table,
    inference_table,
    timings_table,
    training_table,
)
from medseg.cli.console import shown_progress
from medseg.cli.scans import Json
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.geometry import Shape3
from medseg.core.settings import Device, InferenceSettings, Precision

_CPU = Device("cpu")

app = App(name="bench", help="Measure MedSeg side by side with other tools.")
app.command(bench_cohort, name="cohort")


@app.command(name="metrics")
def bench_metrics(
    *,
    repeats: int = 5,
    labels: Path | None = None,
    tolerance_mm: float = 2.0,
    as_json: Json = False,
) -> None:
    """Time all scores of one organ and of many structures, against two libraries.

    Example: medseg bench metrics --repeats 3

    Args:
        repeats: Runs of each contender; the median counts.
        labels: Label map of many structures to measure on. Default: a generated one.
        tolerance_mm: Tolerance of the surface scores.
        as_json: Print JSON instead of tables.
    """
    with shown_progress() as progress:
        result = bench.bench_metrics(
            labels, repeats=repeats, tolerance_mm=tolerance_mm, on_progress=progress
        )
    if as_json:
        print(json.dumps(asdict(result), indent=1))
        return
    for scene in result.scenes:
        print(timings_table(scene), end="\n\n")
    print(f"threads: {result.threads}; tolerance: {result.tolerance_mm:g} mm")
    print(", ".join(result.versions))


@app.command(name="io")
def bench_io(*, slices: int = 300, repeats: int = 5, as_json: Json = False) -> None:
    """Time reading and writing of a CT and a label map, against SimpleITK and nibabel.

    The command makes the files first; a scan of 300 slices of 512 x 512 takes 0.8 GB of
    disk.

    Example: medseg bench io --slices 100

    Args:
        slices: Slices of the CT, 512 x 512 each.
        repeats: Runs of each contender; the median counts.
        as_json: Print JSON instead of tables.
    """
    with shown_progress() as progress:
        result = bench.bench_io(slices=slices, repeats=repeats, on_progress=progress)
    if as_json:
        print(json.dumps(asdict(result), indent=1))
        return
    for task in result.tasks:
        print(files_table(task), end="\n\n")
    print(" x ".join(str(size) for size in result.shape) + " voxels")
    print(", ".join(result.versions))


@app.command(name="train")
def bench_train(  # noqa: PLR0913 - the options of the measurement
    *,
    patch: int = 32,
    batch: int = 2,
    repeats: int = 3,
    is_compiled: Annotated[bool, Parameter(name="--compile")] = True,
    device: Device = _CPU,
    nnunet_python: Path | None = None,
    as_json: Json = False,
) -> None:
    """Time training steps of every network, and of the U-Net against other loops.

    The plain loop does what nnU-Net's trainer does on a CPU: 32-bit numbers, no
    compiler, SGD. Its patches are augmented beforehand.

    With --nnunet-python, nnU-Net's own trainer takes turns with MedSeg's step, with the
    network, patch and batch that it plans for the hippocampus. Only MedSeg's time
    includes augmentation. Below it stands how much the convolutions of a step compute,
    and the time of as much in products of large matrices: a yardstick of what the
    device can do.

    "GPU busy" is the share of the steps' time in which the GPU computes or copies.

    Example: medseg bench train --patch 48

    Example: medseg bench train --nnunet-python nnunet/bin/python --repeats 10

    Args:
        patch: Voxels along each edge, a multiple of 8 from 24 on.
        batch: Patches a step.
        repeats: Steps of each; the median counts.
        is_compiled: Compile MedSeg's step.
        device: cpu or cuda:N.
        nnunet_python: Python of an environment with nnunetv2 2.8 or later.
        as_json: Print JSON instead of tables.
    """
    with shown_progress() as progress:
        result = bench.bench_train(
            patch=patch,
            batch=batch,
            repeats=repeats,
            is_compiled=is_compiled,
            device=device,
            nnunet_python=nnunet_python,
            on_progress=progress,
        )
    if as_json:
        print(json.dumps(asdict(result), indent=1))
        return
    print(f"networks, not compiled\n{training_table(result.networks)}", end="\n\n")
    print(f"training step of the U-Net\n{training_table(result.unet)}", end="\n\n")
    if result.nnunet is not None:
        title = f"beside nnU-Net's trainer, {_patches(result.nnunet)}"
        print(f"{title}\n{training_table(result.nnunet.timings)}")
        print(arithmetic_lines(result.nnunet.arithmetic))
        print(", ".join(result.nnunet.versions), end="\n\n")
    print(f"{_patches(result)}; threads: {result.threads}")
    print(", ".join(result.versions))


@app.command(name="inference")
def bench_inference(  # noqa: PLR0913 - the options of the measurement
    *,
    against: str = "float32,monai",
    nnunet_python: Path | None = None,
    size: Shape3 = (192, 192, 128),
    body: Shape3 | None = None,
    window: int = 128,
    outputs: int = 5,
    model: str | None = None,
    scan: Path | None = None,
    overlap: float = 0.5,
    mirror: bool = False,
    skip_air: bool = False,
    precision: Precision = Precision.AUTO,
    compile_first: Annotated[bool, Parameter(name="--compile")] = False,
    repeats: int = 3,
    device: Device = _CPU,
    as_json: Json = False,
) -> None:
    """Time inference beside MONAI's inferer and nnU-Net's predictor.

    All use the same weights, prepared scan, window size, overlap and Gaussian blending,
    in turns, each run in its own process. By default a random U-Net of 31 million
    parameters runs over noise, so only time and memory mean something; with --model and
    --scan the Dice between the results does, too.

    Example: medseg bench inference --size 320 320 160 --repeats 1

    Example: medseg bench inference --model phantom-abdomen --scan ct.nii.gz

    Example: medseg bench inference --size 320 320 256 --body 60 60 60 --skip-air

    Args:
        against: Contenders, with commas: float32 (MedSeg in 32-bit numbers, the
            reference of the Dice), monai, nnunet, bfloat16 (MedSeg); or none.
        nnunet_python: Python of an environment with nnunetv2 2.8 or later.
        size: Voxels of the scan of noise.
        body: Voxels of a box in its middle that holds the noise, air around it; the
            whole scan by default.
        window: Edge of a window on the noise, a multiple of 32 from 64 on.
        outputs: Outputs of the random network.
        model: Name or folder of a model to run instead; needs --scan.
        scan: Scan to run the model over.
        overlap: Fraction shared by neighbouring windows, 0 to 0.9.
        mirror: Average over mirrored copies.
        skip_air: Let MedSeg skip windows with nothing in them, as medseg segment does;
            the others compute them all.
        precision: MedSeg's number format.
        compile_first: Compile MedSeg's network; the time that takes counts.
        repeats: Runs of each; the median counts.
        device: cpu or cuda:N.
        as_json: Print JSON instead of a table.
    """
    source = _source(
        bench.Noise(shape=size, window=window, outputs=outputs, body=body), model, scan
    )
    settings = InferenceSettings(
        device=device,
        precision=precision,
        overlap=overlap,
        mirror=mirror,
        skip_air=skip_air,
        compile=compile_first,
    )
    with shown_progress() as progress:
        result = bench.bench_inference(
            source,
            settings,
            against=_peers(against),
            nnunet_python=nnunet_python,
            repeats=repeats,
            on_progress=progress,
        )
    if as_json:
        print(json.dumps(asdict(result), indent=1))
        return
    print(inference_table(result), end="\n\n")
    shape, edges = (_by(sizes) for sizes in (result.shape, result.window))
    print(
        f"{shape} voxels in {result.windows} windows of {edges}, overlap "
        f"{result.overlap:g}, mirrored copies: {result.copies}; {result.outputs} "
        f"outputs, {result.parameters:,} parameters; MedSeg in {result.precision}"
        f"{', compiled' if result.is_compiled else ''}; "
        f"{result.device}, threads: {result.threads}"
        + (f"; Dice with {result.compared_with}" if result.compared_with else "")
    )
    print(", ".join(result.versions))


def _source(
    noise: bench.Noise, model: str | None, scan: Path | None
) -> bench.Noise | bench.Scan:
    if model is None and scan is None:
        return noise
    if noise.body is not None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "a body is one of noise",
            where="--body",
            remedy="Leave out --body, or --model and --scan.",
        )
    if model is None or scan is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "a model needs a scan, and a scan a model",
            where="bench inference",
            remedy="Give both --model and --scan, or neither.",
        )
    return bench.Scan(model=model, path=scan)


def _peers(text: str) -> tuple[bench.Peer, ...]:
    """Who is named, with commas between them."""
    if text == "none":
        return ()
    try:
        return tuple(bench.Peer(name.strip()) for name in text.split(","))
    except ValueError:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"no contender is called {text!r}",
            where="--against",
            remedy="Give float32, monai, nnunet, several with commas, or none.",
        ) from None


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(str(size) for size in sizes)


def _patches(steps: bench.TrainingBench | bench.StepsBeside) -> str:
    shape = " x ".join(str(size) for size in steps.patch_shape)
    return f"patches of {shape}, {steps.batch_size} a step"
