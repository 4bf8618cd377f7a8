"""What there is to compute on."""

import pytest
import torch

from medseg import Device, ErrorCode, Precision, WrongUse
from medseg.inference import (
    available_devices,
    memory_format,
    place,
    resolved_choice,
    resolved_device,
    resolved_dtype,
)
from medseg.networks import build_network
from tests.core.making import TINY_PLAN

CPU = torch.device("cpu")


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


def test_a_choice_says_what_auto_stood_for():
    assert resolved_choice(Device("cpu"), Precision.FLOAT32) == (
        Device("cpu"),
        Precision.FLOAT32,
    )
    device, precision = resolved_choice(Device("auto"), Precision.AUTO)
    assert device == available_devices()[0]
    assert precision in (Precision.FLOAT32, Precision.BFLOAT16)


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
