"""A scan made ready for a network, with all that is needed to go back."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from medseg.core.geometry import Geometry, Shape3, Spacing


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """Network input.

    Attributes:
        image: Normalised intensities (channel, i, j, k) on the plan's axes and spacing.
        source: Grid of the scan as it was read.
        axes: Voxel axis of the scan that became the network's axis 0, 1 and 2.
        flipped: Which of these then had to be turned round.
        crop_start: First voxel of the non-zero box on the oriented grid.
        crop_shape: Its size; `image` is this box resampled.
        box_on_image: Of MONAI's recipe only, whose image need not fill the box: along
            each axis, voxels of the image to one of the box, and where on the image
            the box's first voxel lies.
    """

    image: Float32[np.ndarray, "channel i j k"]
    source: Geometry
    axes: Shape3
    flipped: tuple[bool, bool, bool]
    crop_start: Shape3
    crop_shape: Shape3
    box_on_image: tuple[tuple[float, float], ...] = ()

    @property
    def spacing_mm(self) -> Spacing:
        """Of the scan, along the network's axes."""
        return self.source.permuted(self.axes, self.flipped).spacing_mm
