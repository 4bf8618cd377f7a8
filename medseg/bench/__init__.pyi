from .metrics import bench_metrics
from .timings import MetricsBench, SceneTimings, Timing

__all__ = ["MetricsBench", "SceneTimings", "Timing", "bench_metrics"]
