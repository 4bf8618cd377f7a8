"""Who belongs to whom: the cases of a study, their patients and their strata."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse

LEAST_OF_STRATUM = 8
"""Patients; with fewer, intervals would come out more than 6 % too narrow."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """How the cases of a study hang together.

    Attributes:
        patients: Patient of each case; cases of one patient are drawn together.
        strata: Stratum (centre) of each case; patients are drawn within their own.
    """

    patients: tuple[str, ...]
    strata: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.patients) != len(self.strata):
            raise ValueError(
                f"{len(self.patients)} patients but {len(self.strata)} strata"
            )
        home: dict[str, str] = {}
        for patient, stratum in zip(self.patients, self.strata, strict=True):
            if home.setdefault(patient, stratum) != stratum:
                raise UnusableInput(
                    ErrorCode.INVALID_DATASET,
                    f"one patient is in two centres, {home[patient]} and {stratum}",
                    where=f"patient {patient}",
                    remedy="Give each patient one centre, or leave the centres out.",
                )

    @classmethod
    def independent(cls, cases: int) -> "Design":
        """As many patients as cases, all of one stratum."""
        return cls(
            patients=tuple(str(case) for case in range(cases)), strata=("",) * cases
        )

    @property
    def is_clustered(self) -> bool:
        """Whether a patient has several cases."""
        return len(set(self.patients)) < len(self.patients)


def pooled_strata(
    stratum: Int64[np.ndarray, " patient"],
) -> Int64[np.ndarray, " patient"]:
    """Strata with the small ones made into one, with the next larger where needed.

    Args:
        stratum: Number of each patient's, from 0 without a gap.
    """
    sizes = np.bincount(stratum)
    is_small = sizes < LEAST_OF_STRATUM
    large = np.flatnonzero(~is_small)
    if 0 < sizes[is_small].sum() < LEAST_OF_STRATUM and len(large):
        is_small[large[sizes[large].argmin()]] = True
    home = np.where(is_small, is_small.argmax(), np.arange(len(sizes)))
    pooled: np.ndarray = home[stratum]
    return pooled


@dataclass(frozen=True, kw_only=True)
class BootstrapSettings:
    """How intervals are made.

    Attributes:
        resamples: Number of bootstrap samples, 100 or more.
        level: Of the intervals, 0.95 for 95 %.
        seed: Of the random draws, 0 or more.

    Raises:
        WrongUse: INVALID_OPTION for a number outside these ranges.
    """

    resamples: int = 9999
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise _unusable("resamples", f"{self.resamples}", "Use 9999; 100 at least.")
        if not 0.5 < self.level < 1:
            raise _unusable("level", f"{self.level:g}", "Use 0.95 for 95 %.")
        if self.seed < 0:
            raise _unusable("seed", f"{self.seed}", "Use 0 or more.")


def _unusable(option: str, value: str, remedy: str) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        f"{option} cannot be {value}",
        where=option,
        remedy=remedy,
    )


DEFAULT_BOOTSTRAP = BootstrapSettings()
