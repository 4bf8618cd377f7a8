"""Too little memory is a step down, and the answer stays the same."""

import logging
import tempfile
import threading
from dataclasses import replace

import pytest
import torch
from torch import nn

from medseg import Device, InferenceSettings, Precision
from medseg.core.memory import available_bytes
from medseg.inference import (
    Runner,
    stream_logits,
    stream_of_ready,
)
from medseg.inference.accumulators import Place, RingShape, RowRing
from medseg.inference.layout import windows_at_once
from medseg.networks import InPlaceUNet, build_network
from medseg.preprocessing import is_out_of_memory, restored
from tests.core.inference.streaming import joined, prepared_of
from tests.core.making import TINY_PLAN

CPU = torch.device("cpu")
EXACT = InferenceSettings(device=Device("cpu"), precision=Precision.FLOAT32)
SHAPE = (40, 30, 19)


class Refusing(nn.Module):
    """A network on a device that has room for so many windows at once.

    Args:
        network: What computes.
        most: Windows that fit.
        failures: How often not even one fits, at first.
        error: What the device says then.
    """

    def __init__(
        self,
        network: nn.Module,
        most: int = 1000,
        failures: int = 0,
        error: Exception | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.most = most
        self.failures = failures
        self.error = error or torch.OutOfMemoryError("it is full")

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        if len(windows) > self.most:
            raise self.error
        if self.failures:
            self.failures -= 1
            raise self.error
        logits: torch.Tensor = self.network(windows)
        return logits


def local() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 3, 1))


def labels_and_logits(network):
    prepared = prepared_of(*SHAPE, crop_shape=(33, 30, 25))
    slabs = list(stream_logits([network], prepared, TINY_PLAN, EXACT))
    return restored(slabs, prepared, TINY_PLAN).labels, joined(slabs)


def steps_to_one_window() -> int:
    return windows_at_once(TINY_PLAN.patch_shape, CPU).bit_length() - 1


@pytest.mark.parametrize("most", [1, 2, 3])
def test_fewer_windows_at_once_give_the_same_labels(most, caplog):
    expected, logits = labels_and_logits(local())
    caplog.set_level(logging.INFO)
    labels, fewer = labels_and_logits(Refusing(local(), most))
    assert (labels == expected).all()
    torch.testing.assert_close(fewer, logits, rtol=1e-5, atol=1e-5)
    assert "windows at once from now on" in caplog.text


def test_sums_in_a_temporary_file_give_the_same_labels(caplog):
    expected, logits = labels_and_logits(local())
    caplog.set_level(logging.INFO)
    failures = steps_to_one_window() + 1
    labels, mapped = labels_and_logits(Refusing(local(), failures=failures))
    assert "sums are kept in temporary file" in caplog.text
    assert (labels == expected).all()
    torch.testing.assert_close(mapped, logits, rtol=1e-5, atol=1e-5)


def test_when_no_step_is_left_it_ends():
    failures = steps_to_one_window() + 2
    with pytest.raises(torch.OutOfMemoryError, match="it is full"):
        labels_and_logits(Refusing(local(), failures=failures))


def test_without_room_for_a_file_it_ends(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    failures = steps_to_one_window() + 1
    with pytest.raises(torch.OutOfMemoryError, match="it is full"):
        labels_and_logits(Refusing(local(), failures=failures))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("could not create a primitive"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublas`"),
        MemoryError("numpy"),
    ],
)
def test_main_memory_that_runs_out_is_a_step_down_too(error):
    expected, _ = labels_and_logits(local())
    labels, _ = labels_and_logits(Refusing(local(), 1, error=error))
    assert (labels == expected).all()


class Spoilt(nn.Module):
    """A network whose thread fails for good after it was given too many windows.

    So does oneDNN, as its kernels' errors stay with the thread. Threads are told apart
    by the system's number: that of Python goes on to the next when one has ended.

    Args:
        network: What computes.
        most: Windows that fit.
    """

    def __init__(self, network: nn.Module, most: int) -> None:
        super().__init__()
        self.network = network
        self.most = most
        self.threads: set[int] = set()

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        if len(windows) > self.most:
            self.threads.add(threading.get_native_id())
        if threading.get_native_id() in self.threads:
            raise RuntimeError("could not create a primitive")
        logits: torch.Tensor = self.network(windows)
        return logits


def test_a_thread_that_onednn_failed_in_is_left(caplog):
    most = windows_at_once(TINY_PLAN.patch_shape, CPU) // 2
    expected, _ = labels_and_logits(local())
    caplog.set_level(logging.INFO)
    labels, _ = labels_and_logits(Spoilt(local(), most))
    assert (labels == expected).all()
    assert f"{most} windows at once from now on" in caplog.text
    assert caplog.text.count("from now on") == 1


@pytest.mark.parametrize(
    "text",
    [
        "the network is wrong",
        "could not create a primitive descriptor for a convolution forward",
    ],
)
def test_any_other_error_is_passed_on_at_once(text):
    error = RuntimeError(text)
    with pytest.raises(RuntimeError, match=text):
        labels_and_logits(Refusing(local(), failures=1, error=error))


def test_sums_without_room_leave_as_many_windows_at_once(caplog, monkeypatch):
    add = RowRing.add
    failed: list[RowRing] = []

    def full_at_first(ring, *what):
        if not failed:
            failed.append(ring)
            raise torch.OutOfMemoryError("it is full")
        add(ring, *what)

    expected, _ = labels_and_logits(local())
    monkeypatch.setattr(RowRing, "add", full_at_first)
    caplog.set_level(logging.INFO)
    labels, _ = labels_and_logits(local())
    assert (labels == expected).all()
    assert "sums are kept in temporary file" in caplog.text
    assert "windows at once" not in caplog.text


@pytest.mark.parametrize("step", ["fewer windows", "a file"])
def test_bfloat16_gives_nearly_all_voxels_the_same_label(step, caplog):
    torch.manual_seed(2)
    network = build_network(TINY_PLAN)
    settings = replace(EXACT, precision=Precision.BFLOAT16)
    prepared = prepared_of(*SHAPE)
    ready = Runner.ready([network], TINY_PLAN, settings)
    (quick,) = ready.networks
    assert isinstance(quick, InPlaceUNet)
    refusing = {
        "fewer windows": Refusing(quick, 1),
        "a file": Refusing(quick, failures=steps_to_one_window() + 1),
    }
    little = replace(ready, networks=(refusing[step],))
    caplog.set_level(logging.INFO)
    labels, expected = (
        restored(stream_of_ready(each, prepared), prepared, TINY_PLAN).labels
        for each in (little, ready)
    )
    told = "temporary file" if step == "a file" else "1 windows at once"
    assert f"{told} from now on" in caplog.text
    assert len(set(expected.ravel())) > 1
    assert (labels == expected).mean() >= 0.9999


def steps_of(runner, prepared, caplog):
    """What a scan goes on with after it ran out of memory, and its labels."""
    caplog.clear()
    slabs = stream_of_ready(runner, prepared)
    labels = restored(slabs, prepared, TINY_PLAN).labels
    return [text for text in caplog.messages if "from now on" in text], labels


def refusing_runner(**how) -> Runner:
    ready = Runner.ready([local()], TINY_PLAN, EXACT)
    return replace(ready, networks=(Refusing(local(), **how),))


def test_the_next_scan_begins_with_as_many_windows_as_there_was_memory_for(caplog):
    caplog.set_level(logging.INFO)
    runner, scan = refusing_runner(most=2), prepared_of(*SHAPE)
    first, expected = steps_of(runner, scan, caplog)
    assert first[-1] == "out of memory: 2 windows at once from now on"
    for asked in (runner, runner.asked(members=True)):
        again, labels = steps_of(asked, scan, caplog)
        assert again == []
        assert (labels == expected).all()


def test_the_next_scan_begins_with_its_sums_where_there_was_room(caplog):
    caplog.set_level(logging.INFO)
    runner = refusing_runner(failures=steps_to_one_window() + 1)
    scan = prepared_of(*SHAPE)
    first, expected = steps_of(runner, scan, caplog)
    assert first[-1] == "out of memory: sums are kept in temporary file from now on"
    again, labels = steps_of(runner, scan, caplog)
    assert again == []
    assert (labels == expected).all()


def test_a_smaller_scan_finds_out_for_itself_what_there_is_memory_for(caplog):
    caplog.set_level(logging.INFO)
    runner = refusing_runner(failures=1)
    large, _ = steps_of(runner, prepared_of(*SHAPE), caplog)
    assert len(large) == 1
    few = windows_at_once(TINY_PLAN.patch_shape, CPU) // 2
    seen: list[int] = []
    runner.networks[0].register_forward_pre_hook(
        lambda _network, given: seen.append(len(given[0]))
    )
    i, j, k = SHAPE
    for shape, most in (((i, j - 1, k), 2 * few), ((i, j, k + 1), few)):
        seen.clear()
        assert steps_of(runner, prepared_of(*shape), caplog)[0] == []
        assert max(seen) == most


def test_what_the_system_says_when_it_has_no_memory_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shapes differ"))


@pytest.mark.parametrize("place", list(Place))
def test_a_ring_gives_the_same_means_wherever_it_is(place):
    shape = RingShape(members=2, outputs=3, rows=8, across=(5, 6))
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(8, 4, 6, generator=generator) + 0.1
    ring, moved = (RowRing(shape, Place.CPU, weights, 1) for _ in range(2))
    for number, first in enumerate((0, 3, 5)):
        window = torch.randn(2, 8, 4, 6, 3, generator=generator)
        for each in (ring, moved):
            for rows in stretches_before(first, number):
                each.clear(rows)
            for member, logits in enumerate(window):
                each.add(member, (first, 1, 0), logits)
        if number == 1:
            moved = moved.moved(place)
    assert moved.place is place
    for rows in (slice(5, 8), slice(8, 13)):
        assert torch.equal(moved.mean(rows)[:, :, 1:], ring.mean(rows)[:, :, 1:])


def stretches_before(first: int, number: int):
    return [slice(0, 3)] if number == 1 else [slice(3, first)] if number else []


def test_sums_larger_than_half_of_the_memory_begin_in_a_file():
    shape = RingShape(members=1, outputs=60, rows=128, across=(400, 300))
    memory_first, file_first = (Place.CPU, Place.FILE), (Place.FILE, Place.CPU)
    assert shape.places(CPU, 10 * shape.byte_count) == memory_first
    assert shape.places(CPU, shape.byte_count) == file_first
    assert shape.places(CPU, None) == memory_first
    gpu = torch.device("cuda:0")
    assert shape.places(gpu, 1) == (Place.DEVICE, *file_first)
    assert shape.lower_places(Place.DEVICE, 1) == file_first
    assert shape.lower_places(Place.DEVICE, None) == memory_first
    assert shape.lower_places(Place.CPU, None) == (Place.FILE,)
    assert shape.lower_places(Place.FILE, None) == ()


def test_the_memory_there_is_is_a_sensible_number():
    there = available_bytes()
    assert there is None or 10**7 < there < 10**14


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_sums_in_main_memory_give_a_gpus_labels_too(caplog):
    settings = replace(EXACT, device=Device("cuda"))
    prepared = prepared_of(*SHAPE)
    expected = list(stream_logits([local()], prepared, TINY_PLAN, settings))
    device = torch.device("cuda:0")
    steps = windows_at_once(TINY_PLAN.patch_shape, device).bit_length() - 1
    for failures, place in ((steps + 1, Place.CPU), (steps + 2, Place.FILE)):
        caplog.clear()
        network = Refusing(local(), failures=failures)
        slabs = list(stream_logits([network], prepared, TINY_PLAN, settings))
        assert f"sums are kept in {place}" in caplog.text
        a, b = (restored(s, prepared, TINY_PLAN).labels for s in (slabs, expected))
        assert (a == b).all()
