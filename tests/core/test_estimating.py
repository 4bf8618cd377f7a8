from dataclasses import replace

import numpy as np
import pytest
import torch

import medseg
from medseg import Device, InferenceSettings, Precision, Request
from medseg.inference import free_bytes, measuring
from medseg.inference.accumulators import RowRing
from tests.core.test_predictions import UNCERTAIN, model_of, region_of, scan_of

VARYING = Request(wanted=medseg.Wanted(uncertainty=True, mirror_variance=True))
EXACT = InferenceSettings(device=Device("cpu"), precision=Precision.FLOAT32)


def windows_run(scan, model, settings=EXACT, region=None):
    steps: list[medseg.Progress] = []
    medseg.segment(scan, model, settings, steps.append, region)
    return sum(step.stage == "segmenting" for step in steps)


def test_as_many_windows_are_counted_as_are_run():
    scan, model = scan_of(), model_of()

    made = medseg.estimate(scan, model, EXACT)

    assert made.windows == windows_run(scan, model)
    assert made.seconds > 0
    assert (made.device, made.precision) == ("cpu", "float32")


def test_a_region_leaves_out_the_same_windows():
    scan, model = scan_of(), model_of()
    settings = replace(EXACT, margin_mm=0.0)
    region = region_of(scan)

    made = medseg.estimate(scan, model, settings, request=Request(region=region))

    assert made.windows == windows_run(scan, model, settings, region)
    assert made.windows < medseg.estimate(scan, model, settings).windows


def test_a_region_that_is_empty_leaves_nothing_to_run():
    scan, model = scan_of(), model_of()
    region = region_of(scan)
    nothing = replace(region, array=np.zeros_like(region.array))

    made = medseg.estimate(
        scan, model, replace(EXACT, margin_mm=0.0), request=Request(region=nothing)
    )

    assert made.windows == 0


def test_memory_holds_at_least_the_scan_and_the_sums_over_windows():
    scan, model = scan_of(), model_of()

    made = medseg.estimate(scan, model, EXACT)

    if made.memory_bytes is None:
        pytest.skip("this system does not say how much memory a process holds")
    outputs = len(model.info.plan.output_names)
    assert made.memory_bytes >= 4 * scan.array.size
    assert made.memory_bytes < 4 * scan.array.size * (1 + outputs) + 2**28


@pytest.fixture
def no_memory_of_networks(monkeypatch):
    """The process holds the same before and after a network is run."""
    monkeypatch.setattr(measuring, "_process_bytes", lambda: 10**9)


def sums_of_a_run(scan, model, request, monkeypatch) -> int:
    """Bytes of the sums over windows that a run makes."""
    made: list[int] = []
    begin = RowRing.__init__

    def noted(ring, shape, *others):
        begin(ring, shape, *others)
        made.append(shape.byte_count)

    with monkeypatch.context() as patch:
        patch.setattr(RowRing, "__init__", noted)
        medseg.predict(scan, model, EXACT, request=request)
    (sums,) = made
    return sums


@pytest.mark.usefixtures("no_memory_of_networks")
@pytest.mark.parametrize("networks", [1, 2, 3])
@pytest.mark.parametrize("request_", [Request(), UNCERTAIN, VARYING])
def test_memory_holds_the_sums_of_every_network_whose_answer_is_kept(
    networks, request_, monkeypatch
):
    scan, model = scan_of(), model_of(networks=networks)
    sums = sums_of_a_run(scan, model, request_, monkeypatch)

    made = medseg.estimate(scan, model, EXACT, request=request_)

    assert made.memory_bytes is not None
    image = 4 * scan.array.size
    kept = networks if request_.wanted.uncertainty else 1
    kept *= 2 if request_.wanted.mirror_variance else 1  # one axis is mirrored
    outputs, patch = 3, 16 * 12 * 8
    at_once = min(32, made.windows)
    answers = 4 * (kept - 1) * at_once * outputs * patch
    assert made.memory_bytes == image + sums + answers


@pytest.mark.parametrize(
    ("memory_bytes", "free_bytes", "is_too_large"),
    [(10, 20, False), (20, 10, True), (None, 10, False), (20, None, False)],
)
def test_what_takes_more_than_there_is_is_too_large(
    memory_bytes, free_bytes, is_too_large
):
    made = medseg.Estimate(
        device=Device("cpu"),
        precision=Precision.FLOAT32,
        windows=1,
        seconds=1.0,
        memory_bytes=memory_bytes,
        free_bytes=free_bytes,
    )

    assert made.is_too_large is is_too_large


class Narrow(torch.nn.Module):
    """A network on a device that has room for so many windows at once.

    Args:
        network: What computes.
        most: Windows that fit.
    """

    def __init__(self, network: torch.nn.Module, most: int) -> None:
        super().__init__()
        self.network = network
        self.most = most

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        if len(windows) > self.most:
            raise RuntimeError("could not create a primitive")
        logits: torch.Tensor = self.network(windows)
        return logits


def narrow(model, most):
    """The same model on such a device."""
    return replace(model, networks=(Narrow(model.networks[0], most),))


@pytest.mark.parametrize("most", [1, 3])
def test_half_as_many_windows_are_measured_where_memory_runs_out(monkeypatch, most):
    monkeypatch.setattr(measuring, "windows_at_once", lambda *_: 8)
    scan, model = scan_of(), model_of()

    made = medseg.estimate(scan, narrow(model, most), EXACT)

    assert made.windows == medseg.estimate(scan, model, EXACT).windows
    assert made.seconds > 0


def test_too_little_memory_for_a_window_is_the_error_of_a_run():
    model, scan = narrow(model_of(), 0), scan_of(case_id="a")

    with pytest.raises(medseg.UnusableInput, match="--device cpu") as caught:
        medseg.estimate(scan, model, EXACT)

    assert caught.value.code is medseg.ErrorCode.OUT_OF_MEMORY
    assert caught.value.where == "a"
    assert "could not create a primitive" in str(caught.value.__cause__)


def test_what_is_free_on_a_gpu_is_what_it_says_and_what_is_held_for_this_process(
    monkeypatch,
):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (5_000, 80_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 700)

    assert free_bytes(Device("cuda:0")) == 5_700


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_an_estimate_on_a_gpu_says_what_is_free_there():
    made = medseg.estimate(scan_of(), model_of(), InferenceSettings())

    _, total = torch.cuda.mem_get_info()
    assert made.free_bytes is not None
    assert made.memory_bytes is not None
    assert made.memory_bytes < made.free_bytes <= total


def test_it_can_be_cancelled():
    def stop(_progress):
        raise medseg.Cancelled

    with pytest.raises(medseg.Cancelled):
        medseg.estimate(scan_of(), model_of(), EXACT, stop)


def test_another_modality_is_refused():
    values = np.zeros((8, 8, 8), np.float32)
    scan = medseg.Volume(
        array=values[None],
        geometry=medseg.Geometry.from_spacing((8, 8, 8), (1.0, 1.0, 1.0)),
        channels=("CT",),
    )

    with pytest.raises(medseg.UnusableInput, match="CHANNEL_MISMATCH"):
        medseg.estimate(scan, model_of(), EXACT)
