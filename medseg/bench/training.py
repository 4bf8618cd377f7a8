"""Training side by side: the networks, and MedSeg's step beside a plain one."""

import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version

import torch

from medseg.bench.memory import peak_mb
from medseg.bench.timings import TrainingBench, TrainingTiming
from medseg.bench.trainers import Trainer, bench_plan, bench_settings
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.plan import Architecture
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.settings import Device
from medseg.inference import resolved_device

_TINY_WIDTHS = (16, 32, 64, 128)
_WIDE_WIDTHS = (32, 64, 128, 256)
_MULTIPLE = 2 ** (len(_TINY_WIDTHS) - 1)
_LEAST_PATCH = 3 * _MULTIPLE
_MEASURED_STEPS = 2
_CPU = Device("cpu")


def bench_train(
    *,
    patch: int = 32,
    batch: int = 2,
    repeats: int = 3,
    is_compiled: bool = True,
    device: Device = _CPU,
    on_progress: ProgressCallback = ignore_progress,
) -> TrainingBench:
    """Measure training steps of every network, and of the U-Net in two ways.

    Args:
        patch: Voxels along each edge, a multiple of 8 from 24 on.
        batch: Patches a step.
        repeats: Steps of each that are timed, after one that is not.
        is_compiled: Whether MedSeg's step beside the plain one is compiled; the
            networks beside each other never are.
        device: Where to train.
        on_progress: Called after every step.

    Raises:
        WrongUse: INVALID_OPTION for an option out of range; NO_SUCH_DEVICE.
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
        threads=torch.get_num_threads(),
        versions=_versions(),
    )


def timed_trainers(
    trainers: Sequence[Trainer],
    *,
    repeats: int,
    on_progress: ProgressCallback = ignore_progress,
) -> tuple[TrainingTiming, ...]:
    """Let all take steps in turns, then once more for their memory."""
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
    peaks = []
    for step, trainer in enumerate(trainers, start=total - len(trainers) + 1):
        peaks.append(_peak_mb(trainer))
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
            peak_mb=peak,
        )
        for trainer, (first, *timed), median, peak in zip(
            trainers, seconds, medians, peaks, strict=True
        )
    )


def _networks() -> Sequence[tuple[str, Architecture, tuple[int, ...]]]:
    wide = (Architecture.UNET, Architecture.RESIDUAL_UNET)
    return (
        *((each.value, each, _TINY_WIDTHS) for each in Architecture),
        *((f"{each.value}, wide", each, _WIDE_WIDTHS) for each in wide),
    )


def _peak_mb(trainer: Trainer) -> float | None:
    """Resident memory of a few steps; None on a GPU, whose memory this is not."""
    if resolved_device(trainer.settings.device).type != "cpu":
        return None
    tiny = (_LEAST_PATCH,) * 3
    plan = replace(trainer.plan, patch_shape=tiny, batch_size=1)
    return peak_mb(
        partial(trainer.steps, _MEASURED_STEPS),
        warm_up=partial(replace(trainer, plan=plan).steps, 1),
    )


def _progress(done: int, total: int, trainer: Trainer) -> Progress:
    return Progress(stage="training steps", done=done, total=total, note=trainer.name)


def _versions() -> tuple[str, ...]:
    return (
        f"python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in ("medseg", "torch", "monai")),
    )
