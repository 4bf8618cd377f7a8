"""Folders of scans side by side: one run, one process a scan, and nnU-Net."""

import os
import platform
import shutil
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from medseg.bench.cohort_scene import CohortScene
from medseg.bench.cohort_ways import Way, WayRun, prepared_work, ways_of
from medseg.bench.timings import CohortBench, CohortTiming
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.inference import resolved_device
from medseg.io import read_segmentation
from medseg.metrics.overlap import count_voxels


def bench_cohort(
    scene: CohortScene,
    *,
    repeats: int = 3,
    on_progress: ProgressCallback = ignore_progress,
) -> CohortBench:
    """Segment the same scans in several ways, in turns.

    Every run starts from nothing, by the command that a user would type, and ends with
    the label maps on the disk.

    Args:
        scene: What is segmented, by whom, and how.
        repeats: Runs of each way.
        on_progress: Called after every run.

    Raises:
        MedSegError: When the model or the scans cannot be used.
        WrongUse: INVALID_OPTION for an option out of range, or a command that fails;
            NO_SUCH_DEVICE.
    """
    if repeats < 1 or (scene.count is not None and scene.count < 1):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"repeats {repeats}, count {scene.count}",
            where="bench cohort",
            remedy="Give 1 or more.",
        )
    device = resolved_device(scene.device)
    with TemporaryDirectory(prefix="medseg-bench-") as name:
        work = prepared_work(scene, Path(name))
        runs = _runs(ways_of(work), work.folder, repeats, on_progress)
        cases = len(work.cases)
        timings = tuple(_timing(way, runs, cases) for way in runs)
    return CohortBench(
        cases=cases,
        timings=timings,
        mirror=scene.mirrors,
        device=str(device),
        processors=os.cpu_count() or 1,
        versions=_versions(),
    )


def _runs(
    ways: Mapping[str, Way], folder: Path, repeats: int, on_progress: ProgressCallback
) -> Mapping[str, Sequence[WayRun]]:
    """Every way once a turn; only the label maps of the first turn are kept."""
    runs: dict[str, list[WayRun]] = {name: [] for name in ways}
    total = repeats * len(ways)
    for turn in range(repeats):
        for place, (name, way) in enumerate(ways.items()):
            out = folder / f"out-{turn}-{place}"
            runs[name].append(way(out))
            if turn:
                shutil.rmtree(out)
            done = turn * len(ways) + place + 1
            on_progress(Progress(stage="runs", done=done, total=total, note=name))
    return runs


def _timing(
    name: str, runs: Mapping[str, Sequence[WayRun]], cases: int
) -> CohortTiming:
    mine, (first, *_) = runs[name], runs.values()
    median_s = statistics.median(run.seconds for run in mine)
    dices = _dices(mine[0].label_maps, first[0].label_maps)
    return CohortTiming(
        contender=name,
        seconds=tuple(run.seconds for run in mine),
        median_s=median_s,
        times_first=statistics.median(
            run.seconds / other.seconds for run, other in zip(mine, first, strict=True)
        ),
        first_case_s=statistics.median(run.first_s for run in mine),
        cases_per_hour=3600 * cases / median_s,
        dice_first=statistics.fmean(dices) if dices else None,
        least_dice_first=min(dices, default=None),
    )


def _dices(mine: Sequence[Path], others: Sequence[Path]) -> list[float]:
    """Of every structure of every case that is in either label map."""
    dices: list[float] = []
    for path, other in zip(mine, others, strict=True):
        counts = count_voxels(
            *(read_segmentation(each).array for each in (path, other))
        )
        found = (counts.of(label).dice for label in range(1, len(counts.shared)))
        dices += [dice for dice in found if dice is not None]
    return dices


def _versions() -> tuple[str, ...]:
    return (
        f"python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in ("medseg", "torch")),
    )
