"""Files side by side: MedSeg, SimpleITK (with GDCM) and nibabel."""

import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from medseg.bench.file_contenders import (
    Contender,
    Task,
    is_right,
    path_of,
    work_of,
)
from medseg.bench.files import PIXELS, ScanFiles, make_scan_files
from medseg.bench.memory import peak_mb
from medseg.bench.timings import FilesBench, FileTiming, TaskTimings
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.io.dicom.planes import MIN_SLICES


def bench_io(
    *,
    slices: int = 300,
    repeats: int = 5,
    pixels: int = PIXELS,
    on_progress: ProgressCallback = ignore_progress,
) -> FilesBench:
    """Measure reading and writing of a CT and a label map, every contender in turns.

    The files are made in a temporary folder and are in the system's cache when read.

    Args:
        slices: Of the CT.
        repeats: Runs of each contender.
        pixels: Along both sides of a slice.
        on_progress: Called after every run.

    Raises:
        WrongUse: INVALID_OPTION for an option out of range.
    """
    if repeats < 1 or slices < MIN_SLICES or pixels < 1:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"repeats {repeats}, slices {slices}, pixels {pixels}",
            where="bench io",
            remedy=f"Give 1 or more repeats and pixels, and {MIN_SLICES} or more "
            "slices.",
        )
    with TemporaryDirectory(prefix="medseg-bench-") as name:
        folder = Path(name)
        (folder / "tiny").mkdir()
        files = make_scan_files(folder, slices, pixels)
        tiny = make_scan_files(folder / "tiny", MIN_SLICES, min(pixels, 16))
        tasks = tuple(
            timed_task(task, files, tiny, repeats=repeats, on_progress=on_progress)
            for task in Task
        )
    return FilesBench(
        shape=files.scan.geometry.shape, tasks=tasks, versions=_versions()
    )


def timed_task(
    task: Task,
    files: ScanFiles,
    tiny: ScanFiles,
    *,
    repeats: int,
    on_progress: ProgressCallback = ignore_progress,
) -> TaskTimings:
    """Run every contender in turns on one task, then once more for its memory."""
    contenders = task.contenders
    seconds: dict[Contender, list[float]] = {each: [] for each in contenders}
    is_equal = dict.fromkeys(contenders, True)
    sizes_mb: dict[Contender, float] = {}
    peaks_mb: dict[Contender, float | None] = {}
    steps = len(contenders) * (repeats + 1)
    for step in range(len(contenders) * repeats):
        contender = contenders[step % len(contenders)]
        work = work_of(contender, task, files)
        start = time.perf_counter()
        result = work()
        seconds[contender].append(time.perf_counter() - start)
        is_equal[contender] &= is_right(result, task, files)
        del result  # or the next contender would run with less memory
        sizes_mb[contender] = _size_mb(path_of(task, files))
        on_progress(_step(task, step + 1, steps, contender))
    for step, contender in enumerate(contenders, start=steps - len(contenders)):
        peaks_mb[contender] = peak_mb(
            work_of(contender, task, files), warm_up=work_of(contender, task, tiny)
        )
        on_progress(_step(task, step + 1, steps, contender))
    medians = {each: statistics.median(taken) for each, taken in seconds.items()}
    return TaskTimings(
        task=task.value,
        timings=tuple(
            FileTiming(
                contender=each.value,
                seconds=tuple(seconds[each]),
                median_s=medians[each],
                times_medseg=medians[each] / medians[Contender.MEDSEG],
                peak_mb=peaks_mb[each],
                file_mb=sizes_mb[each],
                is_equal=is_equal[each],
            )
            for each in contenders
        ),
    )


def _step(task: Task, done: int, total: int, contender: Contender) -> Progress:
    return Progress(stage=task.value, done=done, total=total, note=contender.value)


def _size_mb(path: Path) -> float:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files) / 1e6


def _versions() -> tuple[str, ...]:
    packages = ("medseg", "SimpleITK", "nibabel", "pydicom", "isal", "numpy")
    return (
        f"python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in packages),
    )
