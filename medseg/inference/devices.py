"""What there is to compute on, and in which number format."""

from collections.abc import Mapping

import torch
from torch import nn

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.settings import Device, Precision


def available_devices() -> tuple[Device, ...]:
    """The devices of this machine, fastest first; the CPU is always the last."""
    gpus = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    return (*(Device(f"cuda:{index}") for index in gpus), Device("cpu"))


def resolved_device(device: Device) -> torch.device:
    """The device asked for; auto becomes the first one available.

    Raises:
        WrongUse: NO_SUCH_DEVICE, with those there are.
    """
    there = available_devices()
    if device == "auto":
        return torch.device(there[0])
    if device not in there:
        raise WrongUse(
            ErrorCode.NO_SUCH_DEVICE,
            f"this machine has no {device}",
            where="--device",
            remedy=f"Use one of: auto, {', '.join(there)}.",
        )
    return torch.device(device)


def resolved_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Number format of the network; auto is bfloat16 where it runs in hardware."""
    if precision is Precision.FLOAT32:
        return torch.float32
    if precision is Precision.BFLOAT16 or _has_fast_bfloat16(device):
        return torch.bfloat16
    return torch.float32


def resolved_choice(device: Device, precision: Precision) -> tuple[Device, Precision]:
    """What auto stands for on this machine, in the words of the settings.

    Raises:
        WrongUse: NO_SUCH_DEVICE.
    """
    chosen = resolved_device(device)
    name = str(resolved_dtype(precision, chosen)).removeprefix("torch.")
    return Device(str(chosen)), Precision(name)


def memory_format(device: torch.device) -> torch.memory_format:
    """Channels-last on the CPU, where its kernels are fastest; not so on CUDA."""
    is_cpu = device.type == "cpu"
    return torch.channels_last_3d if is_cpu else torch.contiguous_format


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device, in the memory format that is fast there."""
    network.to(device)
    for parameter in network.parameters():
        if parameter.ndim == 5:
            form = memory_format(device)
            parameter.data = parameter.data.contiguous(memory_format=form)
    return network


def _has_fast_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # not there in every version of torch that is allowed
    read_flags = getattr(torch.cpu, "get_capabilities", dict[str, bool])
    flags: Mapping[str, bool] = read_flags()
    return bool(flags.get("avx512_bf16") or flags.get("amx_bf16"))
