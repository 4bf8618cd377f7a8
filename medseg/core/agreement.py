"""Where two label maps of one scan agree and where they do not."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float64, Int64

from medseg.core.labels import LabelSet, Structure

Counts = Int64[np.ndarray, " slice"]


class Agreement(IntEnum):
    """What a voxel of an error map says."""

    TRUE_POSITIVE = 1
    FALSE_POSITIVE = 2
    FALSE_NEGATIVE = 3
    OTHER_STRUCTURE = 4


# Colours that no structure has, so that an error is not taken for an organ. In CIELAB
# they are, at the least, 39 apart from each other, 21 from any `standard_colour` and 16
# from any grey, also as simulated for the three kinds of colour blindness; found by
# trying all colours in steps of 15.
AGREEMENT_LABELS = LabelSet(
    (
        Structure(id=Agreement.TRUE_POSITIVE, name="correct", colour=(15, 30, 255)),
        Structure(
            id=Agreement.FALSE_POSITIVE, name="false positive", colour=(195, 105, 255)
        ),
        Structure(
            id=Agreement.FALSE_NEGATIVE, name="false negative", colour=(15, 255, 120)
        ),
        Structure(
            id=Agreement.OTHER_STRUCTURE, name="other structure", colour=(195, 225, 255)
        ),
    )
)


@dataclass(frozen=True, eq=False, kw_only=True)
class SliceCounts:
    """Voxels in each slice along one axis.

    Attributes:
        predicted: In the prediction.
        reference: In the reference.
        shared: In both, as the same structure.
    """

    predicted: Counts
    reference: Counts
    shared: Counts

    @property
    def dice(self) -> Float64[np.ndarray, " slice"]:
        """Of each slice; NaN where neither map holds anything."""
        either = self.predicted + self.reference
        with np.errstate(invalid="ignore"):
            dice: np.ndarray = 2 * self.shared / either
        return dice

    @property
    def wrong(self) -> Counts:
        """Voxels of either map that the other does not have."""
        wrong: np.ndarray = self.predicted + self.reference - 2 * self.shared
        return wrong
