"""What the user decides about the scores of a folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.lesions import BratsRules, Connectivity, LesionRules
from medseg.core.metric import WhenMissed
from medseg.evaluation.tolerances import NO_TOLERANCE, Tolerance, parsed_tolerance


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How predictions are compared with references.

    Raises:
        WrongUse: INVALID_OPTION for a value that cannot be meant.
    """

    tolerance_mm: float | None = field(
        default=None,
        metadata={"help": "Tolerance of NSD and boundary IoU for all structures."},
    )
    tolerances: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Instead of --tolerance-mm: STRUCTURE=MM, once for each structure, "
            "or the name of a preset (decathlon-liver, totalsegmentator ...)."
        },
    )
    resample_reference: bool = field(
        default=False,
        metadata={
            "help": "Resample a reference on another grid to the prediction's grid by "
            "nearest neighbour, instead of refusing the case."
        },
    )
    connectivity: Literal[6, 18, 26] = field(
        default=26,
        metadata={"help": "Neighbours of a voxel that belong to the same lesion."},
    )
    minimum_mm3: float = field(
        default=0.0,
        metadata={
            "help": "Smallest lesion in mm3; smaller ones are left out in both maps."
        },
    )
    brats: BratsRules | None = field(
        default=None,
        metadata={"help": "Add the lesion-wise scores of a BraTS 2023 challenge."},
    )
    missed: WhenMissed = field(
        default=WhenMissed.DIAGONAL,
        metadata={
            "help": "Distance of a missed or spurious structure in means: the image's "
            "diagonal, or no value."
        },
    )
    model: str | Path | None = field(
        default=None,
        metadata={
            "help": "Name or folder of the model that predicted, to mark its training "
            "cases."
        },
    )
    workers: int | None = field(
        default=None,
        metadata={
            "help": "Processes that score at the same time. Default: one a processor "
            "in the command, the calling process in Python."
        },
    )

    def __post_init__(self) -> None:
        if self.tolerance_mm is not None and self.tolerances:
            raise _wrong("a tolerance is given twice", "--tolerance-mm, --tolerances")
        if self.tolerance_mm is not None and not 0 < self.tolerance_mm < float("inf"):
            raise _wrong(
                f"a tolerance is above 0 mm, got {self.tolerance_mm:g}",
                "--tolerance-mm",
            )
        if not 0 <= self.minimum_mm3 < float("inf"):
            raise _wrong(
                f"a volume is 0 mm3 or more, got {self.minimum_mm3:g}", "--minimum-mm3"
            )
        if self.workers is not None and self.workers < 1:
            raise _wrong(f"at least 1 worker, got {self.workers}", "--workers")
        parsed_tolerance(self.tolerances)

    @property
    def tolerance(self) -> Tolerance:
        """What `tolerance_mm` or `tolerances` ask for."""
        if self.tolerance_mm is not None:
            return Tolerance(mm=self.tolerance_mm, source="given as --tolerance-mm")
        if self.tolerances:
            return parsed_tolerance(self.tolerances)
        return NO_TOLERANCE

    @property
    def lesion_rules(self) -> LesionRules:
        """How lesions are told apart and matched."""
        return LesionRules(
            connectivity=Connectivity(self.connectivity),
            minimum_mm3=self.minimum_mm3,
            brats=self.brats,
        )

    @property
    def listed(self) -> tuple[tuple[str, str], ...]:
        """Name and value of all that decides about a score, for tables and pages."""
        return (
            ("tolerance_mm", str(self.tolerance)),
            ("tolerance_source", self.tolerance.source or "none asked for"),
            ("resample_reference", "yes" if self.resample_reference else "no"),
            ("connectivity", str(self.connectivity)),
            ("minimum_mm3", f"{self.minimum_mm3:g}"),
            ("brats", self.brats or "no"),
            ("missed", self.missed),
        )


DEFAULT_EVALUATION = EvaluationSettings()


def _wrong(what: str, where: str) -> WrongUse:
    return WrongUse(ErrorCode.INVALID_OPTION, what, where=where, remedy="See --help.")
