"""Which predicted lesion is which of the reference."""

from dataclasses import dataclass
from enum import StrEnum

from medseg.core.panoptic_scores import PanopticScores


class Finding(StrEnum):
    """What a lesion turns out to be."""

    FOUND = "found"
    FALSE = "false"
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True)
class InstanceMatch:
    """A lesion of the prediction, the reference, or both.

    Attributes:
        structure: Name.
        label: Its number in the label maps.
        prediction: Number of the predicted lesion; None for one that was missed.
        reference: Number of the reference's; None for one that is false.
        iou: Of the two. Of one that stands alone, the largest with any lesion of its
            structure on the other side, which is too little: 0 where it touches none.
        confidence: Of the predicted lesion; None where there is none or nothing tells.

    Raises:
        ValueError: When it is on neither side.
    """

    structure: str
    label: int
    prediction: int | None
    reference: int | None
    iou: float
    confidence: float | None = None

    def __post_init__(self) -> None:
        if self.prediction is None and self.reference is None:
            raise ValueError("a match is of at least one lesion")

    @property
    def finding(self) -> Finding:
        """Found is what is on both sides, false and missed what is on one."""
        if self.prediction is None:
            return Finding.MISSED
        return Finding.FALSE if self.reference is None else Finding.FOUND


@dataclass(frozen=True, kw_only=True)
class JudgedInstances:
    """Prediction and reference compared, in all and lesion by lesion.

    Attributes:
        scores: Panoptic quality of every structure.
        matches: The predicted lesions by ascending number, then those missed.
    """

    scores: PanopticScores
    matches: tuple[InstanceMatch, ...]
