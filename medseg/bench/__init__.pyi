from .io import bench_io
from .metrics import bench_metrics
from .timings import (
    FilesBench,
    FileTiming,
    MetricsBench,
    SceneTimings,
    StepsBeside,
    TaskTimings,
    Timing,
    TrainingBench,
    TrainingTiming,
)
from .training import bench_train

__all__ = [
    "FileTiming",
    "FilesBench",
    "MetricsBench",
    "SceneTimings",
    "StepsBeside",
    "TaskTimings",
    "Timing",
    "TrainingBench",
    "TrainingTiming",
    "bench_io",
    "bench_metrics",
    "bench_train",
]
