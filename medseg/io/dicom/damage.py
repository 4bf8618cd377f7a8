"""What pydicom raises and says about damaged files, made into typed errors."""

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.errors import BytesLengthException, InvalidDicomError

from medseg.core.errors import ErrorCode, MedSegError, UnusableInput
from medseg.io.checks import not_readable

UNREADABLE_DICOM = (
    *(InvalidDicomError, BytesLengthException, EOFError, OSError, struct.error),
    *(ValueError, KeyError, AttributeError, NotImplementedError, OverflowError),
    *(TypeError, IndexError, RecursionError, zlib.error),
)
"""What pydicom raises on damaged files; it has no common type for them."""


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom's remarks on values that break the standard to itself.

    What matters is checked here and raised as an error. Its log quotes the patient.
    """
    others_only = logging.Filter("medseg")
    log = logging.getLogger("pydicom")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.addFilter(others_only)
        try:
            yield
        finally:
            log.removeFilter(others_only)


@contextmanager
def dicom_damage(path: Path) -> Iterator[None]:
    """Turn what pydicom raises on a damaged file into a typed error.

    Raises:
        UnusableInput: TRUNCATED_FILE, or NOT_READABLE when the system refuses.
    """
    with quiet_pydicom():
        try:
            yield
        except MedSegError:
            raise
        except UNREADABLE_DICOM as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise not_readable(error, path) from error
            # pydicom's own words may quote what the file says of the patient.
            raise damaged(f"pydicom: {type(error).__name__}", path) from error


def damaged(what: str, path: Path) -> UnusableInput:
    """The error for a file that is not whole."""
    return UnusableInput(
        ErrorCode.TRUNCATED_FILE,
        f"the DICOM file is cut off, damaged or not complete: {what}",
        where=path,
        remedy="Copy or export it again.",
    )
