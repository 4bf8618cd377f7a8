"""Which windows of a scan have anything in them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

from medseg.core.geometry import Shape3
from medseg.core.plan import NormalisationKind, Plan
from medseg.inference.windows import Box

_SOFT_TISSUE_HU = -500.0
"""Halfway between air and water."""

_BLOCK = 4
_SMALLEST_BODY_BLOCKS = 16
_STRIDE = 8

Mask = Bool[np.ndarray, "_ _ _"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Occupancy:
    """Where a mask is, in cubes of some voxels: quick to ask about many windows.

    Attributes:
        blocks: Whether a cube holds a voxel of the mask, or touches one that does.
    """

    blocks: Mask

    @classmethod
    def of(cls, mask: Mask) -> "Occupancy":
        """Of a mask; a voxel beside it counts too, as it is interpolated with it."""
        return cls(blocks=_grown(_blocks(mask)))

    def touches(self, box: Box) -> bool:
        """Whether a box of voxels may touch the mask; never a wrong no."""
        covering = tuple(slice(s.start // _BLOCK, -(-s.stop // _BLOCK)) for s in box)
        return bool(self.blocks[covering].any())


def body_of(
    image: Float32[np.ndarray, "channel i j k"], plan: Plan
) -> Occupancy | None:
    """Where the body is in a prepared CT.

    Body is what is denser than half-way between air and water, in pieces that are more
    than noise. What has body on both sides along an axis counts too: lungs, bowel and
    airways. None for any other scan, and where no body is found.

    Args:
        image: The prepared scan.
        plan: Says by which rule the Hounsfield units were normalised.
    """
    how = plan.normalisation[0]
    if len(plan.channels) > 1 or how.kind is not NormalisationKind.CT:
        return None
    known = how.statistics
    lowest = max(_SOFT_TISSUE_HU, known.percentile_00_5)
    limit = (lowest - known.mean) / max(known.sd, 1e-6)
    tissue = _blocks(image[0] > np.float32(limit + 1e-3))
    pieces, count = ndimage.label(tissue, np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    is_body = sizes >= min(_SMALLEST_BODY_BLOCKS, sizes[1:].max(initial=0))
    is_body[0] = False
    body: np.ndarray = is_body[pieces]
    return Occupancy(blocks=_grown(_between(body))) if body.any() else None


def is_constant(
    image: Float32[np.ndarray, "channel i j k"],
) -> bool:
    """Whether each channel has one value throughout; looks at a few voxels first."""
    first = image[:, :1, :1, :1]
    few = image[:, ::_STRIDE, ::_STRIDE, ::_STRIDE]
    return bool((few == first).all()) and bool((image == first).all())


def with_margin(mask: Mask, margin_voxels: Shape3) -> Mask:
    """A mask grown by so many voxels both ways along each axis."""
    grown = mask
    for axis, margin in enumerate(margin_voxels):
        if margin:
            grown = ndimage.maximum_filter1d(
                grown.view(np.uint8), 2 * margin + 1, axis, mode="constant"
            )
    return grown.astype(bool, copy=False)


def _blocks(mask: Mask) -> Mask:
    """Whether each cube of voxels holds one of a mask."""
    for axis in range(3):
        starts = np.arange(0, mask.shape[axis], _BLOCK)
        mask = np.logical_or.reduceat(mask, starts, axis)
    return mask


def _grown(blocks: Mask) -> Mask:
    grown: np.ndarray = ndimage.maximum_filter(
        blocks.view(np.uint8), size=3, mode="constant"
    ).astype(bool)
    return grown


def _between(body: Mask) -> Mask:
    """What has body on both sides along an axis, and the body itself."""
    enclosed = body.copy()
    for axis in range(3):
        before = np.logical_or.accumulate(body, axis)
        after = np.flip(np.logical_or.accumulate(np.flip(body, axis), axis), axis)
        enclosed |= before & after
    return enclosed
