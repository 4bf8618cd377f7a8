from .metrics import MetricsBench, SceneTimings, bench_metrics

__all__ = ["MetricsBench", "SceneTimings", "bench_metrics"]
