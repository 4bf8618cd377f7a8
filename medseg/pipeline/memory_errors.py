"""What is said when there is too little memory for a scan."""

from collections.abc import Iterator
from contextlib import contextmanager

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.volume import Volume
from medseg.preprocessing import is_out_of_memory


@contextmanager
def memory_errors(volume: Volume) -> Iterator[None]:
    """Turn memory that runs out into an error that says what to do.

    Raises:
        UnusableInput: OUT_OF_MEMORY, with what the system said as its cause.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UnusableInput(
            ErrorCode.OUT_OF_MEMORY,
            "there is too little memory for this scan, on the device or at all",
            where=volume.case_id,
            remedy="Close other programs, make room in the temporary folder, use "
            "--device cpu, or a machine with more.",
        ) from error.with_traceback(None)  # its frames hold the memory
