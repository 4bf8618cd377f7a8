"""Inference side by side: MedSeg, MONAI's inferer and nnU-Net's predictor."""

import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from medseg.bench.timings import InferenceBench, InferenceTiming
from medseg.bench.window_contenders import (
    WindowRun,
    medseg_run,
    monai_run,
    nnunet_run,
)
from medseg.bench.window_scenes import (
    LabelMap,
    WindowScene,
    require_nnunet_can,
    write_nnunet_weights,
    written_scene,
)
from medseg.bench.window_sources import Noise, Peer, Scan
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.settings import Device, InferenceSettings, Precision
from medseg.inference import Layout, resolved_choice
from medseg.io.checks import require_there
from medseg.metrics.overlap import count_voxels
from medseg.networks import build_network, parameter_count

_EXACT = "MedSeg, float32"
_NOISE = Noise()
_EVERY_WINDOW = InferenceSettings(device=Device("cpu"), mirror=False, skip_air=False)


def bench_inference(
    source: Noise | Scan = _NOISE,
    settings: InferenceSettings = _EVERY_WINDOW,
    *,
    against: Sequence[Peer] = (Peer.FLOAT32, Peer.MONAI),
    nnunet_python: Path | None = None,
    repeats: int = 3,
    on_progress: ProgressCallback = ignore_progress,
) -> InferenceBench:
    """Run the same weights over the same windows in several ways, in turns.

    Every run is a process of its own, and begins with the prepared image in memory.

    Args:
        source: Network and scan.
        settings: Overlap, mirroring and device of every contender; the rest is that
            of the first one, MedSeg. Others compute every window, wherever they lay it.
        against: Others that take part.
        nnunet_python: Python of an environment with nnU-Net v2, if that does.
        repeats: Runs of each contender.
        on_progress: Called after every run.

    Raises:
        MedSegError: When model or scan cannot be read, or nnU-Net cannot be run.
        WrongUse: INVALID_OPTION for an option out of range; NO_SUCH_DEVICE.
    """
    _require_usable(against, nnunet_python, repeats)
    device, precision = resolved_choice(settings.device, settings.precision)
    with TemporaryDirectory(prefix="medseg-bench-") as name:
        scene = written_scene(source, settings, Path(name))
        contenders: dict[str, Callable[[], WindowRun]] = {
            "MedSeg": partial(medseg_run, scene, precision),
            **_others(scene, against, nnunet_python),
        }
        runs = _runs(contenders, repeats, on_progress)
        i, j, k = scene.image().shape[1:]
        windows = Layout.of(scene.prepared(), scene.plan, settings, None).needed
    first, *_ = runs.values()
    truth = list(runs)[1] if len(runs) > 1 else None
    wanted = runs[truth][0].labels if truth else None
    plan = scene.plan
    return InferenceBench(
        shape=(i, j, k),
        window=plan.patch_shape,
        windows=windows,
        overlap=settings.overlap,
        copies=2 ** len(scene.mirror_axes),
        outputs=plan.output_count,
        parameters=parameter_count(build_network(plan)),
        timings=tuple(_timing(each, runs[each], first, wanted) for each in runs),
        compared_with=truth,
        precision=precision.value,
        is_compiled=settings.compile,
        device=str(device),
        threads=torch.get_num_threads(),
        versions=(*_versions(), *_named_by(runs)),
    )


def _require_usable(
    against: Sequence[Peer], nnunet_python: Path | None, repeats: int
) -> None:
    if repeats < 1:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"repeats {repeats}",
            where="bench inference",
            remedy="Give 1 or more.",
        )
    if Peer.NNUNET in against and nnunet_python is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "nnU-Net cannot share MedSeg's environment",
            where="--against nnunet",
            remedy="Add --nnunet-python with the Python of an environment it is in.",
        )
    if nnunet_python is not None:
        require_there(nnunet_python)


def _others(
    scene: WindowScene, against: Sequence[Peer], python: Path | None
) -> Mapping[str, Callable[[], WindowRun]]:
    others: dict[str, Callable[[], WindowRun]] = {}
    if Peer.FLOAT32 in against:
        others[_EXACT] = partial(medseg_run, scene, Precision.FLOAT32)
    if Peer.MONAI in against:
        others["MONAI"] = partial(monai_run, scene)
    if Peer.NNUNET in against and python is not None:
        require_nnunet_can(scene.plan)
        write_nnunet_weights(scene)
        others["nnU-Net"] = partial(nnunet_run, scene, python)
    if Peer.BFLOAT16 in against:
        others["MedSeg, bfloat16"] = partial(medseg_run, scene, Precision.BFLOAT16)
    return others


def _runs(
    contenders: Mapping[str, Callable[[], WindowRun]],
    repeats: int,
    on_progress: ProgressCallback,
) -> Mapping[str, Sequence[WindowRun]]:
    """Every contender once a turn; in the order given, MedSeg first."""
    runs: dict[str, list[WindowRun]] = {name: [] for name in contenders}
    total = repeats * len(contenders)
    for turn in range(repeats):
        for place, (name, run) in enumerate(contenders.items()):
            runs[name].append(run())
            done = turn * len(contenders) + place + 1
            on_progress(Progress(stage="runs", done=done, total=total, note=name))
    return runs


def _timing(
    name: str,
    runs: Sequence[WindowRun],
    first: Sequence[WindowRun],
    wanted: LabelMap | None,
) -> InferenceTiming:
    peaks = [run.peak_mb for run in runs if run.peak_mb is not None]
    dices = [] if wanted is None else _dices(runs[0].labels, wanted)
    return InferenceTiming(
        contender=name,
        seconds=tuple(run.seconds for run in runs),
        median_s=statistics.median(run.seconds for run in runs),
        times_medseg=statistics.median(
            run.seconds / ours.seconds for run, ours in zip(runs, first, strict=True)
        ),
        peak_mb=max(peaks) if peaks else None,
        dice=statistics.fmean(dices) if dices else None,
        least_dice=min(dices, default=None),
    )


def _dices(labels: LabelMap, wanted: LabelMap) -> list[float]:
    """Of every structure that is in either."""
    counts = count_voxels(labels, wanted)
    found = (counts.of(label).dice for label in range(1, len(counts.shared)))
    return [dice for dice in found if dice is not None]


def _named_by(runs: Mapping[str, Sequence[WindowRun]]) -> list[str]:
    return [
        f"{each} (nnU-Net's)" for some in runs.values() for each in some[0].versions
    ]


def _versions() -> tuple[str, ...]:
    return (
        f"python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in ("medseg", "torch", "monai")),
    )
