"""Tables of what the bench commands measured."""

from collections.abc import Sequence

from medseg import bench
from medseg.cli.tables import aligned


def inference_table(result: bench.InferenceBench) -> str:
    """One line a contender."""
    header = ("by", "median s", "of MedSeg's", "peak MB", "Dice", "least Dice", "runs")
    rows = [
        (
            each.contender,
            f"{each.median_s:.1f}",
            f"{each.times_medseg:.2f} x",
            _or_dash(each.peak_mb, ".0f"),
            _or_dash(each.dice, ".4f"),
            _or_dash(each.least_dice, ".4f"),
            str(len(each.seconds)),
        )
        for each in result.timings
    ]
    return aligned(header, rows)


def training_table(timings: Sequence[bench.TrainingTiming]) -> str:
    """One line a contender."""
    header = (
        *("by", "parameters", "median s", "steps/s", "of the first's", "first s"),
        *("peak MB", "GPU busy", "steps"),
    )
    rows = [
        (
            each.contender,
            f"{each.parameters:,}",
            f"{each.median_s:.3f}",
            f"{1 / each.median_s:.2f}",
            f"{each.times_first:.2f} x",
            f"{each.first_s:.1f}",
            _or_dash(each.peak_mb, ".0f"),
            _or_dash(each.busy_share, ".0%"),
            str(len(each.seconds)),
        )
        for each in timings
    ]
    return aligned(header, rows)


def arithmetic_lines(arithmetic: bench.StepArithmetic) -> str:
    """What a step computes, and its time at the rate of a product of matrices."""
    return (
        f"convolutions of a step: {arithmetic.gflop:.0f} GFLOP; at the rate of a "
        "product of large matrices\n"
        f"in bfloat16, {arithmetic.bfloat16_gflop_s:.0f} GFLOP/s: "
        f"{arithmetic.bfloat16_s:.3g} s\n"
        f"in float32, {arithmetic.float32_gflop_s:.0f} GFLOP/s: "
        f"{arithmetic.float32_s:.3g} s"
    )


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


def files_table(task: bench.TaskTimings) -> str:
    """One line a contender, below what was read or written."""
    header = (
        *("by", "median s", "of MedSeg's", "peak MB", "file MB", "voxels right"),
        "runs",
    )
    rows = [
        (
            each.contender,
            f"{each.median_s:.3f}",
            f"{each.times_medseg:.2f} x",
            "-" if each.peak_mb is None else f"{each.peak_mb:.0f}",
            f"{each.file_mb:.1f}",
            "yes" if each.is_equal else "NO",
            str(len(each.seconds)),
        )
        for each in task.timings
    ]
    return f"{task.task}\n{aligned(header, rows)}"


def cohort_table(result: bench.CohortBench) -> str:
    """One line a way."""
    header = (
        *("by", "median s", "of the first's", "cases/h", "first case s"),
        *("Dice", "least Dice", "runs"),
    )
    rows = [
        (
            each.contender,
            f"{each.median_s:.1f}",
            f"{each.times_first:.2f} x",
            f"{each.cases_per_hour:.0f}",
            f"{each.first_case_s:.1f}",
            _or_dash(each.dice_first, ".4f"),
            _or_dash(each.least_dice_first, ".4f"),
            str(len(each.seconds)),
        )
        for each in result.timings
    ]
    return aligned(header, rows)


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
