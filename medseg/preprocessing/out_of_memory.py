"""What it looks like when there is too little memory."""

import torch

_CPU_ALLOCATOR = "DefaultCPUAllocator"
"""What PyTorch names in the error when the system gives it no memory."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is too little memory, on a GPU or not."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _CPU_ALLOCATOR in str(error)
