"""A MONAI bundle's own preprocessing, step by step.

`Spacing` resamples linearly and without smoothing; the outermost voxels hold beyond
them. Its grid goes through the first voxel's centre, or has the scan's middle where a
scan lies aslant; MONAI itself is asked. `CropForeground` crops to a box, before or
after that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
import torch
from jaxtyping import Float32
from monai.data.utils import compute_shape_offset, zoom_affine
from torch import Tensor

from medseg.core.plan import MonaiStep, Normalisation, Plan
from medseg.core.prepared import Prepared
from medseg.preprocessing.boxes import box_round, box_slices
from medseg.preprocessing.mapping import AxisMapping, Neighbours
from medseg.preprocessing.normalisation import normalised

_SAME_MM = 1e-3
"""Difference of spacings that MONAI takes for none."""
_NO_DISTANCE = 1e-4
"""Of a voxel."""
_BEYOND = {False: 1.0, True: 0.5}
"""How far beyond a crop its labels reach, by whether they are the nearest ones: as far
as interpolation mixes them with nothing else than the zeros around."""


def prepared_by_steps(whole: Prepared, plan: Plan) -> Prepared:
    """Do what the bundle does to the oriented scan.

    Args:
        whole: The scan as it is, in the order of the plan's channels and axes.
        plan: One of MONAI's recipe.
    """
    image = whole.image
    axes = [_Axis(scale=1.0, offset=0.0, first=0, last=n - 1) for n in image.shape[1:]]
    for step in plan.monai_steps:
        if isinstance(step, Normalisation):
            image = np.stack([normalised(channel, step) for channel in image])
        elif step is MonaiStep.RESAMPLE:
            grids = _grids(whole, plan, image.shape[1:])
            image = _resampled(image, grids)
            axes = [a.resampled(grid) for a, grid in zip(axes, grids, strict=True)]
        elif step is MonaiStep.CROP_NONZERO or step is MonaiStep.CROP_POSITIVE:
            is_positive = step is MonaiStep.CROP_POSITIVE
            chosen = image > 0 if is_positive else image != 0
            start, shape = box_round(np.any(chosen, axis=0))
            image = image[:, *box_slices(start, shape)]
            beyond = _BEYOND[plan.labels_by_nearest]
            axes = [
                axis.cropped(s, n, beyond)
                for axis, s, n in zip(axes, start, shape, strict=True)
            ]
        else:
            assert_never(step)
    i, j, k = axes
    return replace(
        whole,
        image=np.ascontiguousarray(image, np.float32),
        crop_start=(i.first, j.first, k.first),
        crop_shape=(i.size, j.size, k.size),
        box_on_image=tuple((axis.scale, axis.image_offset) for axis in axes),
    )


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """Where the scan's voxels lie on the image, along one axis.

    Attributes:
        scale: Voxels of the image to one of the scan.
        offset: Of the scan's voxel 0, in voxels of the image.
        first: The scan's first voxel that the image says something about.
        last: The last one.
    """

    scale: float
    offset: float
    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    @property
    def image_offset(self) -> float:
        return self.scale * self.first + self.offset

    def resampled(self, grid: "_Grid") -> "_Axis":
        return replace(
            self,
            scale=self.scale / grid.step,
            offset=(self.offset - grid.start) / grid.step,
        )

    def cropped(self, start: int, size: int, beyond: float) -> "_Axis":
        low = math.floor((start - beyond - self.offset) / self.scale) + 1
        high = math.ceil((start + size - 1 + beyond - self.offset) / self.scale) - 1
        return replace(
            self,
            offset=self.offset - start,
            first=max(self.first, low),
            last=min(self.last, high),
        )


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """New voxels along one axis, in voxels of the old ones.

    Attributes:
        start: Place of the first.
        step: From one to the next.
        size: How many.
    """

    start: float
    step: float
    size: int


def _grids(whole: Prepared, plan: Plan, shape: tuple[int, ...]) -> list[_Grid]:
    """What MONAI's `Spacing` makes of a grid, along each axis."""
    affine = whole.source.permuted(whole.axes, whole.flipped).affine
    spacing_mm = [
        old if abs(old - new) <= _SAME_MM else new
        for old, new in zip(whole.spacing_mm, plan.spacing_mm, strict=True)
    ]
    new_affine = zoom_affine(affine, spacing_mm, diagonal=False)
    sizes, first_ras_mm = compute_shape_offset(shape, affine, new_affine)
    starts = np.linalg.solve(affine[:3, :3], first_ras_mm - affine[:3, 3])
    starts[np.abs(starts) < _NO_DISTANCE] = 0
    return [
        _Grid(start=float(start), step=new / old, size=int(size))
        for start, new, old, size in zip(
            starts, spacing_mm, whole.spacing_mm, sizes, strict=True
        )
    ]


def _resampled(
    image: Float32[np.ndarray, "channel i j k"], grids: Sequence[_Grid]
) -> Float32[np.ndarray, "channel i2 j2 k2"]:
    result = torch.from_numpy(np.ascontiguousarray(image))
    for axis, grid in enumerate(grids, start=1):
        if grid.step != 1:
            result = _along(result, axis, grid)
    resampled: np.ndarray = result.numpy()
    return resampled


def _along(image: Tensor, axis: int, grid: _Grid) -> Tensor:
    mapping = AxisMapping(scale=grid.step, offset=grid.start)
    between = Neighbours.of(mapping, image.shape[axis], grid.size)
    share = between.share.view([-1 if n == axis else 1 for n in range(image.ndim)])
    below = image.index_select(axis, between.below)
    return torch.lerp(below, image.index_select(axis, between.above), share)
