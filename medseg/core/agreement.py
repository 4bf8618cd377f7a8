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


# Colours of Okabe and Ito (2008) that stay far apart for readers with any of the three
# kinds of colour blindness; what is correct has the darkest.
AGREEMENT_LABELS = LabelSet(
    (
        Structure(id=Agreement.TRUE_POSITIVE, name="correct", colour=(0, 114, 178)),
        Structure(
            id=Agreement.FALSE_POSITIVE, name="false positive", colour=(213, 94, 0)
        ),
        Structure(
            id=Agreement.FALSE_NEGATIVE, name="false negative", colour=(240, 228, 66)
        ),
        Structure(
            id=Agreement.OTHER_STRUCTURE, name="other structure", colour=(204, 121, 167)
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
