"""What it looks like when there is too little memory."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from medseg.core.errors import ErrorCode, UnusableInput

_NO_KERNEL = r"could not create a primitive(?! descriptor)"
_SIGNS = re.compile(
    r"DefaultCPUAllocator"  # what PyTorch names when the system gives it no memory
    r"|std::bad_alloc"
    r"|can't start new thread"
    rf"|{_NO_KERNEL}"
    r"|could not create a memory"
    r"|CUDA error: out of memory"
    r"|CU(DNN|BLAS)_STATUS_ALLOC_FAILED"
    r"|CUDNN_STATUS_INTERNAL_ERROR_(HOST|DEVICE)_ALLOCATION_FAILED"
)
"""Of libraries that PyTorch calls, whose errors are plain RuntimeErrors.

oneDNN says no more than that it could not create a primitive. Mostly it is memory; for
what it has no kernel for it names the primitive's descriptor, which is left out here.
"""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is too little memory, on a GPU or not."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(_SIGNS.search(str(error)))


@contextmanager
def typed_memory_errors(what: str, *, where: str, remedy: str) -> Iterator[None]:
    """Turn memory that runs out into an error that says what to do.

    Args:
        what: What there is too little memory for.
        where: The case or step it is needed for.
        remedy: What to do.

    Raises:
        UnusableInput: OUT_OF_MEMORY, with what the system said as its cause.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UnusableInput(
            ErrorCode.OUT_OF_MEMORY, what, where=where, remedy=remedy
        ) from error.with_traceback(None)  # its frames hold the memory


def spoils_thread(error: BaseException) -> bool:
    """Whether oneDNN can make no other kernel in the thread the error came from."""
    return isinstance(error, RuntimeError) and bool(re.search(_NO_KERNEL, str(error)))
