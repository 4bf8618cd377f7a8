"""What is said when there is too little memory for a training."""

from contextlib import AbstractContextManager

from medseg.preprocessing import typed_memory_errors


def training_memory(where: str) -> AbstractContextManager[None]:
    """Turn memory that runs out while a network learns into a typed error.

    Raises:
        UnusableInput: OUT_OF_MEMORY.
    """
    return typed_memory_errors(
        "there is too little memory for this training, on the device or at all",
        where=where,
        remedy="Close other programs and add --resume, or train into a new folder "
        "with a smaller --batch-size or --memory-gib.",
    )


def case_memory(case_id: str) -> AbstractContextManager[None]:
    """Turn memory that runs out while a case is prepared into a typed error.

    Raises:
        UnusableInput: OUT_OF_MEMORY.
    """
    return typed_memory_errors(
        "there is too little memory to prepare this case",
        where=case_id,
        remedy="Close other programs, give fewer --workers, or use a machine with "
        "more memory.",
    )
