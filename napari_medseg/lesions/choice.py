"""What the user decides about lesions; knows no Qt."""

from dataclasses import dataclass
from enum import StrEnum

import medseg

Split = medseg.Components | medseg.DistanceWatershed | medseg.IntensityWatershed


class Parting(StrEnum):
    """What is done with lesions that touch, as the panel calls it."""

    PIECES = "Connected pieces"
    NECKS = "Parted at necks"
    INTENSITY = "Parted by intensity"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a lesion is.

    Attributes:
        counted: Names of the structures that are lesions.
        rules: How their pieces are told apart.
    """

    counted: frozenset[str]
    rules: medseg.InstanceRules

    @property
    def needs_scan(self) -> bool:
        """Whether lesions are told apart by what the scan shows."""
        return isinstance(self.rules.split, medseg.IntensityWatershed)
