"""What there is to compute on."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from medseg import (
    Device,
    ErrorCode,
    InferenceSettings,
    Precision,
    TrainingSettings,
    WrongUse,
)
from medseg.inference import (
    Runner,
    available_devices,
    memory_format,
    place,
    resolved_choice,
    resolved_device,
    resolved_dtype,
)
from medseg.inference.devices import fast_dtype
from medseg.networks import build_network
from medseg.networks.inference_form import PlainForm
from tests.core.making import TINY_PLAN

CPU = torch.device("cpu")
CPU_ALONE = Device("cpu")


def test_the_cpu_is_always_there_and_last():
    assert available_devices()[-1] == Device("cpu")
    assert resolved_device(Device("cpu")) == CPU


def test_auto_is_the_first_device():
    first = torch.device(str(available_devices()[0]))
    assert resolved_device(Device("auto")) == first


def test_a_gpu_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(WrongUse, match="cpu") as caught:
        resolved_device(Device("cuda:97"))
    assert caught.value.code is ErrorCode.NO_SUCH_DEVICE
    assert "cuda:97" in caught.value.what


def test_a_number_format_asked_for_is_used():
    assert resolved_dtype(Precision.FLOAT32, CPU) is torch.float32
    assert resolved_dtype(Precision.BFLOAT16, CPU) is torch.bfloat16
    assert resolved_dtype(Precision.AUTO, CPU) in (torch.float32, torch.bfloat16)


def test_auto_is_bfloat16_or_else_float16_where_hardware_is_fast_at_it():
    volta, pascal = (7, 0), (6, 1)
    for trains in (False, True):
        assert fast_dtype(None, has_bfloat16=True, trains=trains) is torch.bfloat16
        assert fast_dtype(None, has_bfloat16=False, trains=trains) is torch.float32
        assert fast_dtype(pascal, has_bfloat16=False, trains=trains) is torch.float32
    assert fast_dtype(volta, has_bfloat16=False, trains=False) is torch.float16
    assert fast_dtype(volta, has_bfloat16=False, trains=True) is torch.float32


@pytest.mark.parametrize("precision", [Precision.FLOAT16, Precision.INT8])
def test_training_in_too_small_a_range_is_refused(precision):
    with pytest.raises(WrongUse, match="float32 or bfloat16") as caught:
        TrainingSettings(precision=precision)
    assert caught.value.code is ErrorCode.INVALID_OPTION


def test_float16_on_a_cpu_is_refused():
    with pytest.raises(WrongUse, match="float16 is for GPUs") as caught:
        resolved_choice(CPU_ALONE, Precision.FLOAT16)
    assert caught.value.code is ErrorCode.INVALID_OPTION


@pytest.mark.parametrize(("weight", "fits"), [(1.0, True), (1e4, False)])
def test_what_float16_cannot_hold_is_said(weight, fits):
    network = nn.Conv3d(1, 3, 1, bias=False)
    network.weight.data.fill_(weight)
    exact = InferenceSettings(
        device=CPU_ALONE, precision=Precision.FLOAT32, mirror=False
    )
    half = PlainForm(network, CPU, torch.float16)
    runner = replace(
        Runner.ready([network], TINY_PLAN, exact), networks=(half,), dtype=torch.float16
    )
    windows = torch.full((1, 1, 16, 16, 16), 10.0)
    if fits:
        assert runner.logits(windows)[0].dtype is torch.float16
        return
    with pytest.raises(WrongUse, match="beyond the range of float16"):
        runner.logits(windows)


def test_a_choice_says_what_auto_stood_for():
    assert resolved_choice(Device("cpu"), Precision.FLOAT32) == (
        Device("cpu"),
        Precision.FLOAT32,
    )
    device, precision = resolved_choice(Device("auto"), Precision.AUTO)
    assert device == available_devices()[0]
    assert precision is not Precision.AUTO


def test_placing_a_network_lays_its_weights_channels_last_and_changes_none():
    network = build_network(TINY_PLAN)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    assert place(network, CPU) is network
    for parameter, value in zip(network.parameters(), before, strict=True):
        torch.testing.assert_close(parameter, value, rtol=0, atol=0)
        if parameter.ndim == 5:
            assert parameter.is_contiguous(memory_format=torch.channels_last_3d)


def test_memory_is_channels_last_on_the_cpu_only():
    assert memory_format(CPU) is torch.channels_last_3d
    assert memory_format(torch.device("cuda:0")) is torch.contiguous_format
