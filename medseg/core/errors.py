"""Typed errors: what is wrong, where, and what to do about it.

Every error a user can cause is one line made of these three parts and carries a
stable code. The command line turns the two families into exit codes 1 and 2.
"""

from enum import StrEnum
from pathlib import Path


class ErrorCode(StrEnum):
    """Stable names of everything that can be wrong with what a user gave."""

    NOT_FOUND = "NOT_FOUND"
    NOT_READABLE = "NOT_READABLE"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    TRUNCATED_FILE = "TRUNCATED_FILE"
    INVALID_HEADER = "INVALID_HEADER"
    SFORM_QFORM_CONFLICT = "SFORM_QFORM_CONFLICT"
    SHEARED_AFFINE = "SHEARED_AFFINE"
    NOT_FINITE = "NOT_FINITE"
    TOO_LARGE = "TOO_LARGE"
    EMPTY_FOLDER = "EMPTY_FOLDER"
    NOT_A_VOLUME = "NOT_A_VOLUME"
    MISSING_GEOMETRY = "MISSING_GEOMETRY"
    MISSING_SLICES = "MISSING_SLICES"
    DUPLICATE_POSITIONS = "DUPLICATE_POSITIONS"
    INCONSISTENT_ORIENTATION = "INCONSISTENT_ORIENTATION"
    INCONSISTENT_MATRIX = "INCONSISTENT_MATRIX"
    INCONSISTENT_SPACING = "INCONSISTENT_SPACING"
    VARIABLE_SPACING = "VARIABLE_SPACING"
    GANTRY_TILT = "GANTRY_TILT"
    TEMPORAL_SERIES = "TEMPORAL_SERIES"
    UNSUPPORTED_ENCODING = "UNSUPPORTED_ENCODING"
    DECODER_FAILED = "DECODER_FAILED"
    NOT_A_LABEL_MAP = "NOT_A_LABEL_MAP"
    UNKNOWN_LABEL = "UNKNOWN_LABEL"
    OVERLAPPING_SEGMENTS = "OVERLAPPING_SEGMENTS"
    LABEL_MISMATCH = "LABEL_MISMATCH"
    GRID_MISMATCH = "GRID_MISMATCH"
    CHANNEL_MISMATCH = "CHANNEL_MISMATCH"
    INVALID_DATASET = "INVALID_DATASET"
    NO_PAIRS = "NO_PAIRS"
    DOWNLOAD_FAILED = "DOWNLOAD_FAILED"
    WRONG_CHECKSUM = "WRONG_CHECKSUM"
    UNSAFE_ARCHIVE = "UNSAFE_ARCHIVE"
    UNSAFE_CHECKPOINT = "UNSAFE_CHECKPOINT"
    UNSUPPORTED_MODEL = "UNSUPPORTED_MODEL"
    DAMAGED_MODEL = "DAMAGED_MODEL"
    DAMAGED_CHECKPOINT = "DAMAGED_CHECKPOINT"
    DIVERGED = "DIVERGED"
    OTHER_RECIPE = "OTHER_RECIPE"
    DISK_FULL = "DISK_FULL"
    NOT_WRITABLE = "NOT_WRITABLE"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    WORKER_DIED = "WORKER_DIED"
    TIMED_OUT = "TIMED_OUT"
    UNFORESEEN = "UNFORESEEN"
    INVALID_MANIFEST = "INVALID_MANIFEST"
    IN_USE = "IN_USE"
    NO_CLUSTER = "NO_CLUSTER"
    SEVERAL_SERIES = "SEVERAL_SERIES"
    UNKNOWN_SERIES = "UNKNOWN_SERIES"
    UNKNOWN_MODEL = "UNKNOWN_MODEL"
    UNKNOWN_DATASET = "UNKNOWN_DATASET"
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    NO_DICOM_SOURCE = "NO_DICOM_SOURCE"
    INVALID_OPTION = "INVALID_OPTION"
    NO_SUCH_DEVICE = "NO_SUCH_DEVICE"
    OUTPUT_EXISTS = "OUTPUT_EXISTS"


class MedSegError(Exception):
    """Base of every error MedSeg raises on purpose.

    Attributes:
        code: Stable name of the problem.
        what: What is wrong, in words.
        where: File, folder, slice, case or option concerned.
        remedy: What the user can do about it.
    """

    def __init__(
        self, code: ErrorCode, what: str, *, where: str | Path, remedy: str
    ) -> None:
        self.code = code
        self.what = what
        self.where = str(where)
        self.remedy = remedy
        super().__init__(f"{code}: {what} [{self.where}] {remedy}")

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuilt, (type(self), self.code, self.what, self.where, self.remedy))


def _rebuilt(
    kind: type[MedSegError], code: ErrorCode, what: str, where: str, remedy: str
) -> MedSegError:
    return kind(code, what, where=where, remedy=remedy)


class UnusableInput(MedSegError, ValueError):
    """The files given cannot be used, or the disk cannot take the result (exit 1)."""


class WrongUse(MedSegError, ValueError):
    """The request itself is wrong: an unknown name, device or option (exit 2)."""
