"""Problems of a scan that its user may accept, and what is then done about them."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from medseg.core.errors import ErrorCode, UnusableInput


class Accepted(StrEnum):
    """Problems that reading can mend if it is told to; named as the error codes are.

    Attributes:
        GANTRY_TILT: The slices are moved sideways onto an upright grid.
        VARIABLE_SPACING: Slices at equal distances are interpolated.
        MISSING_SLICES: Slices are interpolated where some are missing.
        SHEARED_AFFINE: As a tilt, for NIfTI, NRRD and MHA.
        SFORM_QFORM_CONFLICT: The sform of a NIfTI file is used.
    """

    GANTRY_TILT = ErrorCode.GANTRY_TILT
    VARIABLE_SPACING = ErrorCode.VARIABLE_SPACING
    MISSING_SLICES = ErrorCode.MISSING_SLICES
    SHEARED_AFFINE = ErrorCode.SHEARED_AFFINE
    SFORM_QFORM_CONFLICT = ErrorCode.SFORM_QFORM_CONFLICT


@dataclass(frozen=True, kw_only=True)
class Mendable:
    """A problem found, which is an error unless it is accepted.

    Attributes:
        code: Its name.
        what: What is wrong, for the error.
        where: File or folder concerned.
        remedy: What the user can do without accepting it.
        mending: What is done when it is accepted; names no file.
    """

    code: Accepted
    what: str
    where: Path
    remedy: str
    mending: str

    def accepted_in(self, accept: AbstractSet[Accepted]) -> str:
        """The note on it for the provenance.

        Raises:
            UnusableInput: The problem itself, where it is not accepted.
        """
        if self.code in accept:
            return f"accepted {self.code}: {self.mending}"
        raise self.refusal(
            f"{self.remedy} Or have it mended with --accept {self.code}."
        )

    def refusal(self, remedy: str) -> UnusableInput:
        """The error, with another remedy: where mending would be guessing."""
        return UnusableInput(
            ErrorCode(self.code), self.what, where=self.where, remedy=remedy
        )
