"""How much memory training steps take on a GPU, and how much of the time it works."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import DeviceType, ProfilerActivity, profile

_WARM_UP_STEPS = 3
_TRACED_STEPS = 5

Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class DeviceUse:
    """What training steps take of the device.

    Attributes:
        peak_mb: Memory at the peak, weights and optimiser included; None if not
            measured.
        busy_share: Share of the time in which a GPU computes or copies, 0 to 1; None
            for a CPU, or if not measured.
    """

    peak_mb: float | None = None
    busy_share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What a GPU did while some work was done.

    Attributes:
        spans_s: Beginning and end of each kernel and copy, in seconds by one clock.
        wall_s: How long the work took, until the GPU had finished.
    """

    spans_s: Sequence[Span]
    wall_s: float


@runtime_checkable
class Gauge(Protocol):
    """What a device tells of itself."""

    def held_bytes(self) -> int:
        """Memory that tensors take now; the peak is counted anew from here."""

    def peak_bytes(self) -> int:
        """Memory that tensors took at the most since `held_bytes`."""

    def traced(self, work: Callable[[], None]) -> Trace:
        """Do some work and say when the device was at it."""


@dataclass(frozen=True)
class CudaGauge:
    """A GPU, asked through PyTorch: its allocator and its profiler."""

    device: torch.device

    def held_bytes(self) -> int:
        """Memory that tensors take now; the peak is counted anew from here."""
        torch.cuda.reset_peak_memory_stats(self.device)
        return torch.cuda.memory_allocated(self.device)

    def peak_bytes(self) -> int:
        """Memory that tensors took at the most since `held_bytes`."""
        return torch.cuda.max_memory_allocated(self.device)

    def traced(self, work: Callable[[], None]) -> Trace:
        """Do some work and say when the GPU was at it."""
        torch.cuda.synchronize(self.device)
        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            began = time.perf_counter()
            work()
            torch.cuda.synchronize(self.device)
            wall_s = time.perf_counter() - began
        return Trace(spans_s=device_spans_s(profiled.events() or ()), wall_s=wall_s)


def device_spans_s(events: Iterable[FunctionEvent]) -> list[Span]:
    """When kernels and copies ran, without the named stretches they lie in."""
    return [
        (event.time_range.start / 1e6, event.time_range.end / 1e6)
        for event in events
        if event.device_type is DeviceType.CUDA and not event.is_user_annotation
    ]


def use_of(losses: Callable[[], Iterator[float]], gauge: Gauge) -> DeviceUse:
    """Memory and busy share of training steps, after some to warm up.

    Args:
        losses: Builds a network and takes a step for each loss that is asked for.
        gauge: The device they are taken on.
    """
    before = gauge.held_bytes()
    steps = losses()

    def take_steps() -> None:
        for _ in range(_TRACED_STEPS):
            next(steps)

    for _ in range(_WARM_UP_STEPS):
        next(steps)
    trace = gauge.traced(take_steps)
    return DeviceUse(
        peak_mb=(gauge.peak_bytes() - before) / 1e6,
        busy_share=covered_s(trace.spans_s) / trace.wall_s if trace.spans_s else None,
    )


def covered_s(spans_s: Iterable[Span]) -> float:
    """Seconds that lie in a span, those in several counted once."""
    covered, reached = 0.0, float("-inf")
    for start, end in sorted(spans_s):
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered
