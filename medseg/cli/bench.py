"""Commands that measure MedSeg side by side with other tools."""

import json
from dataclasses import asdict
from pathlib import Path

from cyclopts import App

from medseg import bench
from medseg.cli.console import shown_progress
from medseg.cli.scans import Json
from medseg.cli.tables import aligned

app = App(name="bench", help="Measure MedSeg side by side with other tools.")


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
        labels: Label map of many structures to measure on; by default one is made.
        tolerance_mm: How far off a surface may be and still count as right.
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


def timings_table(scene: bench.SceneTimings) -> str:
    """One line a contender, below what was measured."""
    header = ("scores by", "median s", "of MedSeg's", "peak MB", "differs by", "runs")
    shape = " x ".join(str(size) for size in scene.shape)
    rows = [
        (
            each.contender,
            f"{each.median_s:.3f}",
            f"{each.times_medseg:.1f} x",
            "-" if each.peak_mb is None else f"{each.peak_mb:.0f}",
            f"{each.largest_difference:.1g}",
            str(len(each.seconds)),
        )
        for each in scene.timings
    ]
    title = f"{scene.scene}, {shape} voxels, {scene.structures} in both maps"
    return f"{title}\n{aligned(header, rows)}"
