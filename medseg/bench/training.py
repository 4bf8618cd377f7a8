"""Training side by side: the networks, a plain step, and that of nnU-Net."""

import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import torch

from medseg.bench.arithmetic import step_arithmetic
from medseg.bench.nnunet import NnunetTrainer, nnunet_trainer
from medseg.bench.timings import StepsBeside, TrainingBench, TrainingTiming
from medseg.bench.trainers import Trainer, bench_plan, bench_settings
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.plan import TRAINED_ARCHITECTURES, Architecture, Plan
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.settings import Device, TrainingSettings
from medseg.inference import resolved_device

_TINY_WIDTHS = (16, 32, 64, 128)
_WIDE_WIDTHS = (32, 64, 128, 256)
_MULTIPLE = 2 ** (len(_TINY_WIDTHS) - 1)
_LEAST_PATCH = 3 * _MULTIPLE
_HIPPOCAMPUS_PATCH = 40, 56, 40
_HIPPOCAMPUS_BATCH = 7
_CPU = Device("cpu")


def bench_train(  # noqa: PLR0913 - the options of the command
    *,
    patch: int = 32,
    batch: int = 2,
    repeats: int = 3,
    is_compiled: bool = True,
    device: Device = _CPU,
    nnunet_python: Path | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> TrainingBench:
    """Measure training steps of every network, and of the U-Net in several ways.

    Args:
        patch: Voxels along each edge, a multiple of 8 from 24 on.
        batch: Patches a step.
        repeats: Steps of each that are timed, after one that is not.
        is_compiled: Whether MedSeg's step beside those of others is compiled; the
            networks beside each other never are.
        device: Where to train.
        nnunet_python: Python of an environment with nnU-Net v2, whose trainer MedSeg's
            step is measured beside, on nnU-Net's own plan of the hippocampus.
        on_progress: Called after every step.

    Raises:
        UnusableInput: NOT_FOUND when there is no such Python.
        WrongUse: INVALID_OPTION for an option out of range, or a Python without
            nnU-Net; NO_SUCH_DEVICE.
    """
    if min(batch, repeats) < 1 or patch < _LEAST_PATCH or patch % _MULTIPLE:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"patch {patch}, batch {batch}, repeats {repeats}",
            where="bench train",
            remedy=f"Give a patch from {_LEAST_PATCH} on, a multiple of {_MULTIPLE}; "
            "1 or more of the others.",
        )
    resolved_device(device)
    beside_nnunet = None
    if nnunet_python is not None:
        beside_nnunet = steps_beside_nnunet(
            nnunet_python,
            _nnunet_plan(),
            bench_settings(device=device, is_compiled=is_compiled),
            repeats=repeats,
            on_progress=on_progress,
        )
    shape = patch, patch, patch
    eager = bench_settings(device=device, is_compiled=False)
    networks = [
        Trainer(
            name=name,
            plan=bench_plan(architecture, widths, shape, batch),
            settings=eager,
        )
        for name, architecture, widths in _networks()
    ]
    ours = replace(
        networks[0],
        name="MedSeg",
        settings=bench_settings(device=device, is_compiled=is_compiled),
    )
    plain = replace(networks[0], name="plain float32", is_plain=True)
    return TrainingBench(
        patch_shape=shape,
        batch_size=batch,
        networks=timed_trainers(networks, repeats=repeats, on_progress=on_progress),
        unet=timed_trainers([ours, plain], repeats=repeats, on_progress=on_progress),
        nnunet=beside_nnunet,
        threads=torch.get_num_threads(),
        versions=_versions(),
    )


def steps_beside_nnunet(
    python: Path,
    plan: Plan,
    settings: TrainingSettings,
    *,
    repeats: int,
    on_progress: ProgressCallback = ignore_progress,
) -> StepsBeside:
    """MedSeg's step, augmentation included, in turns with that of nnU-Net's trainer."""
    ours = Trainer(name="MedSeg", plan=plan, settings=settings)
    with nnunet_trainer(python, plan, settings.device) as theirs:
        return StepsBeside(
            patch_shape=plan.patch_shape,
            batch_size=plan.batch_size,
            timings=timed_trainers(
                [ours, theirs], repeats=repeats, on_progress=on_progress
            ),
            arithmetic=step_arithmetic(plan, resolved_device(settings.device)),
            versions=theirs.versions,
        )


def timed_trainers(
    trainers: Sequence[Trainer | NnunetTrainer],
    *,
    repeats: int,
    on_progress: ProgressCallback = ignore_progress,
) -> tuple[TrainingTiming, ...]:
    """Let all take steps in turns, then once more for what they take of the device."""
    total = len(trainers) * (repeats + 2)
    running = [trainer.losses() for trainer in trainers]
    seconds: list[list[float]] = [[] for _ in trainers]
    for step in range(len(trainers) * (repeats + 1)):
        index = step % len(trainers)
        began = time.perf_counter()
        next(running[index])
        seconds[index].append(time.perf_counter() - began)
        on_progress(_progress(step + 1, total, trainers[index]))
    running.clear()
    uses = []
    for step, trainer in enumerate(trainers, start=total - len(trainers) + 1):
        uses.append(trainer.use())
        on_progress(_progress(step, total, trainer))
    medians = [statistics.median(taken[1:]) for taken in seconds]
    return tuple(
        TrainingTiming(
            contender=trainer.name,
            parameters=trainer.parameters,
            first_s=first,
            seconds=tuple(timed),
            median_s=median,
            times_first=median / medians[0],
            peak_mb=use.peak_mb,
            busy_share=use.busy_share,
        )
        for trainer, (first, *timed), median, use in zip(
            trainers, seconds, medians, uses, strict=True
        )
    )


def _networks() -> Sequence[tuple[str, Architecture, tuple[int, ...]]]:
    wide = (Architecture.UNET, Architecture.RESIDUAL_UNET)
    return (
        *((each.value, each, _TINY_WIDTHS) for each in TRAINED_ARCHITECTURES),
        *((f"{each.value}, wide", each, _WIDE_WIDTHS) for each in wide),
    )


def _nnunet_plan() -> Plan:
    """What nnU-Net 2.8 plans for the hippocampus, MedSeg's preset standard as well."""
    return bench_plan(
        Architecture.UNET, _WIDE_WIDTHS, _HIPPOCAMPUS_PATCH, _HIPPOCAMPUS_BATCH
    )


def _progress(done: int, total: int, trainer: Trainer | NnunetTrainer) -> Progress:
    return Progress(stage="training steps", done=done, total=total, note=trainer.name)


def _versions() -> tuple[str, ...]:
    return (
        f"python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in ("medseg", "torch", "monai")),
    )
