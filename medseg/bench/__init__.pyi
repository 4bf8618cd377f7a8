from .cohort import bench_cohort
from .cohort_scene import CohortScene, NnunetModel
from .inference import bench_inference
from .io import bench_io
from .metrics import bench_metrics
from .timings import (
    CohortBench,
    CohortTiming,
    FilesBench,
    FileTiming,
    InferenceBench,
    InferenceTiming,
    MetricsBench,
    SceneTimings,
    StepArithmetic,
    StepsBeside,
    TaskTimings,
    Timing,
    TrainingBench,
    TrainingTiming,
)
from .training import bench_train
from .window_sources import Noise, Peer, Scan

__all__ = [
    "CohortBench",
    "CohortScene",
    "CohortTiming",
    "FileTiming",
    "FilesBench",
    "InferenceBench",
    "InferenceTiming",
    "MetricsBench",
    "NnunetModel",
    "Noise",
    "Peer",
    "Scan",
    "SceneTimings",
    "StepArithmetic",
    "StepsBeside",
    "TaskTimings",
    "Timing",
    "TrainingBench",
    "TrainingTiming",
    "bench_cohort",
    "bench_inference",
    "bench_io",
    "bench_metrics",
    "bench_train",
]
