"""Which windows of a scan have anything in them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
from scipy import ndimage

from medseg.core.geometry import Shape3
from medseg.core.plan import NormalisationKind, Plan
from medseg.core.prepared import Prepared
from medseg.inference.windows import Box

_SOFT_TISSUE_HU = -500.0
"""Halfway between air and water."""

_MEAN_OF_LUNG_HU = -950.0
"""Of many voxels, which evens out their noise: lung is denser, air about -1000."""

_ABOVE_CLIP_HU = 10.0
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

    Body is what is denser than half-way between air and water, and cubes of voxels
    whose mean is denser than air, as lung is also where a scan ends within it; all in
    pieces that are more than noise. What has body on both sides along an axis counts
    too: bowel, airways, emphysema. None for any other scan, and where no body is found.

    Where the plan clips intensities at a value that lung has, too, no structure of the
    model is as thin as lung, and air and lung are one.

    Args:
        image: The prepared scan.
        plan: Says by which rule the Hounsfield units were normalised.
    """
    how = plan.normalisation[0]
    if len(plan.channels) > 1 or how.kind is not NormalisationKind.CT:
        return None
    known = how.statistics
    sd, clip = max(known.sd, 1e-6), known.percentile_00_5
    of_voxel = (max(_SOFT_TISSUE_HU, clip) - known.mean) / sd
    of_mean = (max(_MEAN_OF_LUNG_HU, clip + _ABOVE_CLIP_HU) - known.mean) / sd
    tissue = _blocks(image[0] > np.float32(of_voxel + 1e-3))
    tissue |= _block_means(image[0]) > np.float32(of_mean)
    pieces, count = ndimage.label(tissue, np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    is_body = sizes >= min(_SMALLEST_BODY_BLOCKS, sizes[1:].max(initial=0))
    is_body[0] = False
    body: np.ndarray = is_body[pieces]
    return Occupancy(blocks=_grown(_enclosed(body))) if body.any() else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Emptiness:
    """What a scan has where there is nothing.

    Attributes:
        prepared: The scan.
        values: For each channel its lowest value; and, if it was normalised by its
            voxels that are not 0, the 0 that the others were given.
    """

    prepared: Prepared
    values: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, prepared: Prepared, plan: Plan) -> "Emptiness":
        """Of a scan prepared for a plan."""
        masked = NormalisationKind.Z_SCORE_NONZERO
        values = []
        for number, channel in enumerate(prepared.image):
            lowest = float(channel.min())
            is_masked = plan.normalisation[number].kind is masked
            values.append((lowest, 0.0) if is_masked else (lowest,))
        return cls(prepared=prepared, values=tuple(values))

    def fills(self, box: Box) -> bool:
        """Whether nothing else is in a box of voxels; looks at a few of them first."""
        stages = self.prepared.first_stage
        if stages is not None and stages[box].any():
            return False
        pairs = zip(self.prepared.image, self.values, strict=True)
        return all(_is_all_one_of(channel[box], values) for channel, values in pairs)


def _is_all_one_of(
    channel: Float32[np.ndarray, "i j k"], values: tuple[float, ...]
) -> bool:
    first = channel[0, 0, 0]
    few = channel[::_STRIDE, ::_STRIDE, ::_STRIDE]
    return first in values and bool((few == first).all() and (channel == first).all())


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


def _block_means(image: Float32[np.ndarray, "i j k"]) -> np.ndarray:
    """Mean of each cube of voxels."""
    for axis in range(3):
        starts = np.arange(0, image.shape[axis], _BLOCK)
        counts = np.diff(starts, append=image.shape[axis]).astype(np.float32)
        shape = [-1 if n == axis else 1 for n in range(3)]
        image = np.add.reduceat(image, starts, axis) / counts.reshape(shape)
    return image


def _enclosed(body: Mask) -> Mask:
    """The body, and what has it on both sides along an axis.

    What it has on both sides within a face of the scan counts there as the body, which
    goes on outside.
    """
    with_faces = body.copy()
    for axis in range(3):
        rows, filled = (np.moveaxis(each, axis, 0) for each in (body, with_faces))
        for end in (0, -1):
            filled[end] |= _between(rows[end])
    return _between(with_faces)


def _between(body: Bool[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    """What has body on both sides along an axis, and the body itself."""
    between = body.copy()
    for axis in range(body.ndim):
        before = np.logical_or.accumulate(body, axis)
        after = np.flip(np.logical_or.accumulate(np.flip(body, axis), axis), axis)
        between |= before & after
    return between
