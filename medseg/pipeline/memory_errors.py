"""What is said when there is too little memory for a scan."""

from contextlib import AbstractContextManager

from medseg.core.volume import Volume
from medseg.preprocessing import typed_memory_errors


def memory_errors(volume: Volume) -> AbstractContextManager[None]:
    """Turn memory that runs out into an error that says what to do.

    Raises:
        UnusableInput: OUT_OF_MEMORY, with what the system said as its cause.
    """
    return typed_memory_errors(
        "there is too little memory for this scan, on the device or at all",
        where=volume.case_id,
        remedy="Close other programs, make room in the temporary folder, use "
        "--device cpu, or a machine with more.",
    )
