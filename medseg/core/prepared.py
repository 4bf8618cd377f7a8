"""A scan made ready for a network, with all that is needed to go back."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

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
        first_stage: A coarser model's label map on the image's grid, which networks
            take as one channel for each structure: places in its label set, background
            0.
        first_stage_structures: How many there are.
    """

    image: Float32[np.ndarray, "channel i j k"]
    source: Geometry
    axes: Shape3
    flipped: tuple[bool, bool, bool]
    crop_start: Shape3
    crop_shape: Shape3
    box_on_image: tuple[tuple[float, float], ...] = ()
    first_stage: UInt8[np.ndarray, "i j k"] | None = None
    first_stage_structures: int = 0

    @property
    def spacing_mm(self) -> Spacing:
        """Of the scan, along the network's axes."""
        return self.source.permuted(self.axes, self.flipped).spacing_mm
