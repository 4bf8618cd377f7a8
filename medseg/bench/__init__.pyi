from .io import bench_io
from .metrics import bench_metrics
from .timings import (
    FilesBench,
    FileTiming,
    MetricsBench,
    SceneTimings,
    TaskTimings,
    Timing,
)

__all__ = [
    "FileTiming",
    "FilesBench",
    "MetricsBench",
    "SceneTimings",
    "TaskTimings",
    "Timing",
    "bench_io",
    "bench_metrics",
]
