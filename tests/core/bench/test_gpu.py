"""Memory and busy share of a GPU, told by a stand-in for it; once by a real one."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import DeviceType

from medseg import Device
from medseg.bench.gpu import Trace, covered_s, device_spans_s, use_of
from medseg.bench.trainers import Trainer, bench_plan, bench_settings
from medseg.core.plan import Architecture

TICKS = st.integers(0, 30)


class FakeGauge:
    """A GPU that computes from 1 to 3 s and from 2 to 4 s of the 6 s of all work."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def held_bytes(self) -> int:
        self.asked.append("held")
        return 2_000_000

    def peak_bytes(self) -> int:
        self.asked.append("peak")
        return 9_000_000

    def traced(self, work: Callable[[], None]) -> Trace:
        self.asked.append("trace")
        work()
        return Trace(spans_s=[(2.0, 4.0), (1.0, 3.0)], wall_s=6.0)


class SilentGauge(FakeGauge):
    """A GPU whose profiler tells nothing."""

    def traced(self, work: Callable[[], None]) -> Trace:
        work()
        return Trace(spans_s=[], wall_s=6.0)


def losses_told_to(asked: list[str]) -> Iterator[float]:
    asked.append("built")
    while True:
        asked.append("step")
        yield 1.0


def test_the_peak_is_beyond_what_was_held_before_the_network_was_built():
    gauge = FakeGauge()
    use = use_of(lambda: losses_told_to(gauge.asked), gauge)
    assert use.peak_mb == 7.0
    assert gauge.asked[:2] == ["held", "built"]
    assert gauge.asked[-1] == "peak"


def test_steps_are_traced_after_some_that_are_not():
    gauge = FakeGauge()
    use = use_of(lambda: losses_told_to(gauge.asked), gauge)
    assert use.busy_share == 3 / 6
    place = gauge.asked.index("trace")
    assert gauge.asked[:place].count("step") > 0
    assert gauge.asked[place:].count("step") > 0


def test_a_gpu_that_tells_nothing_has_no_busy_share():
    assert use_of(lambda: losses_told_to([]), SilentGauge()).busy_share is None


@given(st.lists(st.tuples(TICKS, TICKS).map(sorted)))
def test_time_in_several_spans_counts_once(spans):
    covered = np.zeros(31, bool)
    for start, end in spans:
        covered[start:end] = True
    found = covered_s([(float(start), float(end)) for start, end in spans])
    assert found == covered.sum()


def event(device: DeviceType, start_us: float, end_us: float, **more) -> FunctionEvent:
    return FunctionEvent(
        id=0,
        name="event",
        thread=0,
        start_us=start_us,
        end_us=end_us,
        device_type=device,
        **more,
    )


def test_only_kernels_and_copies_count():
    events = [
        event(DeviceType.CPU, 0, 9e6),
        event(DeviceType.CUDA, 1e6, 2e6),
        event(DeviceType.CUDA, 0, 5e6, is_user_annotation=True),
    ]
    assert device_spans_s(events) == [(1.0, 2.0)]


def test_a_processor_has_no_busy_share():
    trainer = Trainer(
        name="unet",
        plan=bench_plan(Architecture.UNET, (4, 8, 16), (12, 12, 12), 1),
        settings=bench_settings(device=Device("cpu"), is_compiled=False),
    )
    assert trainer.use().busy_share is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_real_gpu_tells_memory_and_busy_share():
    trainer = Trainer(
        name="unet",
        plan=bench_plan(Architecture.UNET, (8, 16, 32), (48, 48, 48), 2),
        settings=bench_settings(device=Device("cuda:0"), is_compiled=False),
    )
    use = trainer.use()
    assert use.peak_mb is not None
    assert use.peak_mb > 4 * trainer.parameters / 1e6
    assert use.busy_share is not None
    assert 0 < use.busy_share <= 1
