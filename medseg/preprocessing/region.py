"""Where on the prepared grid a coarse result says that there is something."""

from math import ceil

import numpy as np
from jaxtyping import Bool

from medseg.core.geometry import Shape3
from medseg.core.plan import Plan
from medseg.core.prepared import Prepared
from medseg.core.volume import Segmentation, require_same_grid
from medseg.preprocessing.boxes import box_slices
from medseg.preprocessing.mapping import AxisMapping, Neighbours, grid_mapping
from medseg.preprocessing.orientation import oriented

Mask = Bool[np.ndarray, "_ _ _"]


def prepare_region(region: Segmentation, prepared: Prepared, plan: Plan) -> Mask:
    """Voxels of the prepared grid that a label map's structures have a part in.

    A voxel counts when a voxel of the scan that is in any structure is interpolated
    from it, so that no structure is too small to be kept.

    Args:
        region: A label map of the scan.
        prepared: The scan.
        plan: The one it was prepared for.

    Raises:
        UnusableInput: GRID_MISMATCH when it is not on the grid of the scan.
    """
    where = f"scan and region of {region.case_id}"
    require_same_grid(region.geometry, prepared.source, where=where)
    mask = oriented(region.array > 0, prepared.axes, prepared.flipped)
    mask = mask[box_slices(prepared.crop_start, prepared.crop_shape)]
    for axis, mapping in enumerate(grid_mapping(prepared, plan)):
        mask = _onto_source(mask, axis, mapping, prepared.image.shape[1 + axis])
    return np.ascontiguousarray(mask)


def margin_voxels(margin_mm: float, prepared: Prepared, plan: Plan) -> Shape3:
    """A distance in voxels of the prepared grid along each axis, rounded up."""
    mappings = grid_mapping(prepared, plan)
    i, j, k = (
        ceil(margin_mm * mapping.scale / spacing_mm)
        for mapping, spacing_mm in zip(mappings, prepared.spacing_mm, strict=True)
    )
    return i, j, k


def _onto_source(mask: Mask, axis: int, mapping: AxisMapping, source: int) -> Mask:
    """A mask of target voxels along one axis, as one of the source voxels."""
    target = mask.shape[axis]
    rows = np.moveaxis(mask, axis, 0)
    nearest = np.rint((np.arange(source) - mapping.offset) / mapping.scale)
    onto = rows[nearest.clip(0, target - 1).astype(np.int64)]
    near = Neighbours.of(mapping, source, target)
    for row, below, above in zip(
        rows, near.below.tolist(), near.above.tolist(), strict=True
    ):
        onto[below] |= row
        onto[above] |= row
    return np.moveaxis(onto, 0, axis)
