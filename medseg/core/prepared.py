"""A scan made ready for a network, with all that is needed to go back."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from medseg.core.geometry import Geometry, Shape3


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """Network input.

    Attributes:
        image: Normalised intensities (channel, R, A, S) on the plan's spacing.
        source: Grid of the scan as it was read.
        axes: Voxel axis of the scan that became R, A, S.
        flipped: Which of R, A, S then had to be turned round.
        crop_start: First voxel of the non-zero box on the oriented grid.
        crop_shape: Its size; `image` is this box resampled.
    """

    image: Float32[np.ndarray, "channel i j k"]
    source: Geometry
    axes: Shape3
    flipped: tuple[bool, bool, bool]
    crop_start: Shape3
    crop_shape: Shape3
