"""Aligned plain-text tables for the terminal."""

from collections.abc import Sequence

from medseg import DECATHLON_LICENCE, DecathlonTask, VolumeInfo


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell, two spaces between them."""
    lines = [header, *rows]
    widths = [max(len(line[c]) for line in lines) for c in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def volumes_table(volumes: Sequence[VolumeInfo]) -> str:
    """What `inspect` found, one line a volume and two more for each problem."""
    header = (
        *("kind", "modality", "shape", "spacing_mm", "axes", "times"),
        *("series", "path"),
    )
    rows = [
        (
            str(volume.kind),
            volume.modality or "-",
            " x ".join(str(size) for size in volume.shape) or "-",
            " x ".join(f"{edge:.3g}" for edge in volume.spacing_mm or ()) or "-",
            volume.orientation or "-",
            str(volume.time_points),
            volume.series_uid or "-",
            str(volume.path),
        )
        for volume in volumes
    ]
    table = aligned(header, rows)
    problems = [
        f"{volume.path} {volume.series_uid}".strip()
        + f": {problem}\n  {problem.remedy}"
        for volume in volumes
        for problem in volume.problems
    ]
    return "\n".join([table, *(["", "problems:", *problems] if problems else [])])


def decathlon_table(tasks: Sequence[DecathlonTask]) -> str:
    """One line a task, and what holds for all of them below."""
    header = (
        *("task", "channels", "labels", "training", "test"),
        *("median shape", "spacing_mm", "GB", "tolerance_mm"),
    )
    rows = [
        (
            task.name,
            f"{task.modality}: {', '.join(task.channels)}"
            if len(task.channels) > 1
            else task.modality,
            ", ".join(task.labels),
            str(task.training_cases),
            str(task.test_cases),
            " x ".join(str(size) for size in task.median_shape),
            " x ".join(f"{edge:g}" for edge in task.median_spacing_mm),
            f"{task.archive_bytes / 1e9:.2f}" if task.archive_bytes else "-",
            f"{task.tolerance.tolerance_mm:g}",
        )
        for task in tasks
    ]
    sources = sorted({task.tolerance.source for task in tasks})
    notes = [f"licence: {DECATHLON_LICENCE}", f"tolerances: {'; '.join(sources)}"]
    return "\n".join([aligned(header, rows), "", *notes])
