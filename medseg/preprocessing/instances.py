"""Instance numbers on the grid of a network's input."""

import numpy as np
from jaxtyping import Bool, Integer, UInt16
from scipy import ndimage

from medseg.core.prepared import Prepared
from medseg.preprocessing.boxes import box_slices
from medseg.preprocessing.orientation import oriented

InstanceArray = Integer[np.ndarray, "i j k"]


def prepare_instances(
    numbers: InstanceArray, prepared: Prepared, things: Bool[np.ndarray, "a b c"]
) -> UInt16[np.ndarray, "a b c"]:
    """Instance of each voxel of the prepared grid, 0 for none.

    Each voxel of a thing takes the number of the nearest voxel that has one, so that
    the numbers fit the labels wherever those were resampled to.

    Args:
        numbers: On the scan's grid, 0 for none.
        prepared: The scan they belong to.
        things: Where the prepared labels have a thing.
    """
    turned = oriented(numbers, prepared.axes, prepared.flipped)
    cropped = turned[box_slices(prepared.crop_start, prepared.crop_shape)]
    rows = [
        ((np.arange(size) + 0.5) * full / size).astype(np.int64)
        for size, full in zip(things.shape, cropped.shape, strict=True)
    ]
    nearest = cropped[np.ix_(*rows)].astype(np.uint16)
    missing = things & (nearest == 0)
    if missing.any() and nearest.any():
        spacing_mm = [prepared.source.spacing_mm[axis] for axis in prepared.axes]
        fuller = np.array(cropped.shape) / things.shape
        i, j, k = ndimage.distance_transform_edt(
            nearest == 0,
            sampling=spacing_mm * fuller,
            return_distances=False,
            return_indices=True,
        )
        nearest = np.where(missing, nearest[i, j, k], nearest)
    made: np.ndarray = np.where(things, nearest, np.uint16(0))
    return made
