"""What this machine has for convolutions on its processor. Takes no MONAI."""

import torch


def can_write_in_place(dtype: torch.dtype) -> bool:
    """Whether this machine has oneDNN's convolution for a number format."""
    operators = torch.ops.mkldnn
    is_there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not is_there or not hasattr(operators, "_convolution_pointwise_"):
        return False
    if dtype is torch.bfloat16:
        return bool(operators._is_mkldnn_bf16_supported())  # noqa: SLF001
    return dtype is torch.float32


def can_quantise() -> bool:
    """Whether this machine multiplies 8-bit integers in hardware, as oneDNN uses it."""
    has_bfloat16 = can_write_in_place(torch.bfloat16)
    has_operator = hasattr(torch.ops.onednn, "qconv_pointwise")
    has_integers = bool(torch.cpu._is_vnni_supported())  # noqa: SLF001
    return has_bfloat16 and has_operator and has_integers
