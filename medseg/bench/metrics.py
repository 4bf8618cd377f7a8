"""Scores side by side: MedSeg, DeepMind's surface-distance and MONAI."""

import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from medseg.bench.contenders import (
    Contender,
    Measured,
    measure,
    require_installed,
)
from medseg.bench.memory import peak_mb
from medseg.bench.scenes import Scene, body_scene, file_scene, organ_scene
from medseg.bench.timings import MetricsBench, SceneTimings, Timing
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.progress import Progress, ProgressCallback, ignore_progress

THREADS = 1

_ENOUGH_S = 120.0


def bench_metrics(
    labels: Path | None = None,
    *,
    repeats: int = 5,
    tolerance_mm: float = 2.0,
    on_progress: ProgressCallback = ignore_progress,
) -> MetricsBench:
    """Measure one organ and a map of many structures, every contender in turns.

    Args:
        labels: Label map of many structures; None makes one of 41.
        repeats: Runs of each contender, fewer where one has taken two minutes.
        tolerance_mm: Of nsd and boundary_iou.
        on_progress: Called after every run.

    Raises:
        WrongUse: INVALID_OPTION for an option out of range, or without the extra
            `bench`.
        UnusableInput: The label map cannot be read.
    """
    require_installed()
    if repeats < 1 or not tolerance_mm > 0:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"repeats {repeats}, tolerance {tolerance_mm} mm",
            where="bench metrics",
            remedy="Give 1 or more repeats, and a tolerance above 0 mm.",
        )
    many = (
        body_scene(tolerance_mm) if labels is None else file_scene(labels, tolerance_mm)
    )
    scenes = organ_scene(tolerance_mm), many
    return MetricsBench(
        scenes=tuple(
            timed_scene(scene, repeats=repeats, on_progress=on_progress)
            for scene in scenes
        ),
        tolerance_mm=tolerance_mm,
        threads=THREADS,
        versions=_versions(),
    )


def timed_scene(
    scene: Scene, *, repeats: int, on_progress: ProgressCallback = ignore_progress
) -> SceneTimings:
    """Run every contender in turns on one scene, then once more for its memory."""
    contenders = tuple(Contender)
    seconds: dict[Contender, list[float]] = {each: [] for each in contenders}
    measured: dict[Contender, Measured] = {}
    steps = len(contenders) * (repeats + 1)
    with _one_thread():
        for step in range(len(contenders) * repeats):
            contender = contenders[step % len(contenders)]
            if sum(seconds[contender]) < _ENOUGH_S:
                start = time.perf_counter()
                measured[contender] = measure(contender, scene)
                seconds[contender].append(time.perf_counter() - start)
            on_progress(_step(scene, step + 1, steps, contender))
    peaks: dict[Contender, float | None] = {}
    tiny = organ_scene(scene.tolerance_mm, shape=(16, 16, 16))
    for step, contender in enumerate(contenders, start=steps - len(contenders)):
        peaks[contender] = peak_mb(
            partial(measure, contender, scene),
            warm_up=partial(measure, contender, tiny),
        )
        on_progress(_step(scene, step + 1, steps, contender))
    ours = Contender.MEDSEG
    medians = {each: statistics.median(taken) for each, taken in seconds.items()}
    return SceneTimings(
        scene=scene.name,
        shape=scene.reference.geometry.shape,
        structures=len(scene.present),
        timings=tuple(
            Timing(
                contender=each.value,
                seconds=tuple(seconds[each]),
                median_s=medians[each],
                times_medseg=medians[each] / medians[ours],
                peak_mb=peaks[each],
                largest_difference=_difference(measured[each], measured[ours]),
            )
            for each in contenders
        ),
    )


def _step(scene: Scene, done: int, total: int, contender: Contender) -> Progress:
    return Progress(stage=scene.name, done=done, total=total, note=contender.value)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread, as SciPy and NumPy are here anyway."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _difference(measured: Measured, ours: Measured) -> float:
    gaps: Sequence[float] = [
        float(np.abs(values - ours[name]).max()) for name, values in measured.items()
    ]
    return max(gaps)


def _versions() -> tuple[str, ...]:
    packages = ("medseg", "surface-distance", "monai", "torch", "numpy", "scipy")
    return (
        f"python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in packages),
    )
