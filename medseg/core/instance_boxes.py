"""Lesions as boxes: what a detector would give."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float64

from medseg.core.box import Box
from medseg.core.geometry import Geometry


@dataclass(frozen=True, kw_only=True)
class InstanceBox:
    """The box round one lesion.

    Attributes:
        number: Of the lesion in the instance map.
        structure: Name of what it is one of.
        structure_id: Number of that in the label map.
        confidence: 0 to 1; None where nothing tells.
        box: Its voxels.
    """

    number: int
    structure: str
    structure_id: int
    confidence: float | None
    box: Box


@dataclass(frozen=True, eq=False, kw_only=True)
class InstanceBoxes:
    """The boxes of one scan.

    Attributes:
        case_id: Name of the case.
        geometry: Grid that the boxes are counted on.
        boxes: By ascending number.
    """

    case_id: str
    geometry: Geometry
    boxes: tuple[InstanceBox, ...]

    def corners_ras_mm(self, box: InstanceBox) -> Float64[np.ndarray, "8 3"]:
        """Corners of a box in the patient: of its voxels' outside, not their centres.

        The last voxel axis changes first.
        """
        start = np.array(box.box.start) - 0.5
        ends = np.stack([start, start + box.box.shape])
        corners = [[ends[e, axis] for axis, e in enumerate(c)] for c in _CORNERS]
        return self.geometry.to_world(np.array(corners))


_CORNERS = tuple(product((0, 1), repeat=3))
