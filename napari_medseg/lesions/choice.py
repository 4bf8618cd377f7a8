"""What the user decides about lesions; knows no Qt."""

from dataclasses import dataclass, replace
from enum import StrEnum

import medseg

Split = (
    medseg.Components
    | medseg.DistanceWatershed
    | medseg.IntensityWatershed
    | medseg.LearnedCentres
)


class Splitting(StrEnum):
    """What is done with lesions that touch, as the panel calls it."""

    STORED = "As stored in the file"
    PIECES = "Connected pieces"
    NECKS = "Watershed (distance)"
    INTENSITY = "Watershed (intensity)"
    LEARNED = "Learned by the model"


ALWAYS_OFFERED = (Splitting.PIECES, Splitting.NECKS, Splitting.INTENSITY)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a lesion is.

    Attributes:
        counted: Names of the structures that are lesions.
        rules: How their pieces are told apart.
        is_stored: Whether they are as the file of the labels numbers them; the rules
            are then those for labels of which no file does.
    """

    counted: frozenset[str]
    rules: medseg.InstanceRules
    is_stored: bool = False

    @property
    def needs_scan(self) -> bool:
        """Whether lesions are told apart by what the scan shows."""
        return isinstance(self.rules.split, medseg.IntensityWatershed)

    @property
    def needs_centres(self) -> bool:
        """Whether lesions are told apart by what a model says of their centres."""
        return isinstance(self.rules.split, medseg.LearnedCentres)

    def without_model(self) -> "Choice":
        """The same for labels of no model: in pieces where it would split them."""
        if not self.needs_centres:
            return self
        return replace(self, rules=replace(self.rules, split=medseg.Components()))


def no_centres(where: str) -> medseg.WrongUse:
    """The error of labels that a model is to part, and has said nothing of.

    Args:
        where: What they are called.
    """
    return medseg.WrongUse(
        medseg.ErrorCode.INVALID_OPTION,
        "of these labels it is not known where a model sees centres",
        where=where,
        remedy="Segment that scan here with a model that has learned it, or choose "
        "another method.",
    )
