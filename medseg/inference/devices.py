"""What there is to compute on, and in which number format."""

from collections.abc import Mapping

import torch
from torch import nn

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.memory import available_bytes
from medseg.core.settings import Device, Precision
from medseg.networks import can_quantise

_DTYPES = {
    Precision.FLOAT32: torch.float32,
    Precision.BFLOAT16: torch.bfloat16,
    Precision.FLOAT16: torch.float16,
    Precision.INT8: torch.int8,
}
_FAST_FLOAT16 = (7, 0)
"""Volta; those before compute it as fast as float32, or far slower."""


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


def resolved_dtype(
    precision: Precision, device: torch.device, *, trains: bool = False
) -> torch.dtype:
    """Number format of the network; auto is the fastest that serves.

    Args:
        precision: The one asked for.
        device: Of the network.
        trains: Whether it is to learn, for which float16 has too small a range.

    Raises:
        WrongUse: INVALID_OPTION for float16 on a CPU, which lacks some of its kernels,
            and for int8 anywhere but on a CPU with instructions for it.
    """
    if precision is Precision.FLOAT16 and device.type == "cpu":
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "float16 is for GPUs",
            where="--precision",
            remedy="Use auto, bfloat16 or float32.",
        )
    if precision is Precision.INT8 and (device.type != "cpu" or not can_quantise()):
        where = "GPUs" if device.type == "cuda" else "this processor"
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"int8 is for CPUs with AVX-512 VNNI, not for {where}",
            where="--precision",
            remedy="Use auto.",
        )
    if precision is not Precision.AUTO:
        return _DTYPES[precision]
    has_bfloat16 = _has_fast_bfloat16(device)
    is_gpu = device.type == "cuda" and not has_bfloat16
    capability = torch.cuda.get_device_capability(device) if is_gpu else None
    return fast_dtype(capability, has_bfloat16=has_bfloat16, trains=trains)


def fast_dtype(
    capability: tuple[int, int] | None, *, has_bfloat16: bool, trains: bool
) -> torch.dtype:
    """The number format that is fast in hardware.

    Args:
        capability: Of a GPU without bfloat16, as NVIDIA counts them; None elsewhere.
        has_bfloat16: Whether there is hardware for it.
        trains: As in `resolved_dtype`.
    """
    if has_bfloat16:
        return torch.bfloat16
    if capability is not None and capability >= _FAST_FLOAT16 and not trains:
        return torch.float16
    return torch.float32


def resolved_choice(
    device: Device, precision: Precision, *, trains: bool = False
) -> tuple[Device, Precision]:
    """What auto stands for on this machine, in the words of the settings.

    Args:
        device: The one asked for.
        precision: The one asked for.
        trains: As in `resolved_dtype`.

    Raises:
        WrongUse: NO_SUCH_DEVICE; INVALID_OPTION as `resolved_dtype`.
    """
    chosen = resolved_device(device)
    dtype = resolved_dtype(precision, chosen, trains=trains)
    return Device(str(chosen)), Precision(str(dtype).removeprefix("torch."))


def free_bytes(device: Device) -> int | None:
    """Memory of a device that this process can have; None where that is not known.

    Of a GPU it is what nothing holds, and what PyTorch holds for this process already.

    Args:
        device: One there is; of the CPU, main memory.
    """
    chosen = torch.device(device)
    if chosen.type == "cpu":
        return available_bytes()
    left, _ = torch.cuda.mem_get_info(chosen)
    return left + torch.cuda.memory_reserved(chosen)


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
