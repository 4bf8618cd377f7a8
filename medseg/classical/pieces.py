"""Single pieces of a scan that was cut up into many, such as basins."""

import numpy as np

from medseg.classical.images import Mask, seed_indices
from medseg.core.geometry import Points
from medseg.core.volume import Segmentation


def pieces_at(segmentation: Segmentation, points_ras_mm: Points) -> Mask:
    """The pieces that hold some points, such as basins or supervoxels.

    Args:
        segmentation: What `watershed` or `supervoxels` found.
        points_ras_mm: One or more points (R, A, S); one on background takes none.

    Raises:
        WrongUse: INVALID_OPTION, for a point outside the label map.
    """
    indices = seed_indices(segmentation.geometry, points_ras_mm)
    taken = {int(segmentation.array[index]) for index in indices} - {0}
    inside: np.ndarray = np.isin(segmentation.array, sorted(taken))
    return inside
