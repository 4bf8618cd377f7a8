"""What the user decides about quality scores."""

from dataclasses import dataclass, field

from medseg.core.errors import ErrorCode, WrongUse


@dataclass(frozen=True, kw_only=True)
class QualitySettings:
    """How quality scores are judged."""

    poor_below: float = field(
        default=0.8,
        metadata={
            "help": "Dice below which a result counts as poor, for the area under ROC."
        },
    )

    def __post_init__(self) -> None:
        if not 0 < self.poor_below < 1:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"a Dice is between 0 and 1, got {self.poor_below:g}",
                where="--poor-below",
                remedy="Use 0.8.",
            )
