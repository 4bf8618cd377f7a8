"""Where the voxels of the scan lie on the prepared grid, axis by axis."""

from dataclasses import dataclass

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from medseg.core.plan import Plan, Recipe
from medseg.core.prepared import Prepared
from medseg.preprocessing.nnunet_rules import nearest_rows, separate_axis


@dataclass(frozen=True, kw_only=True)
class AxisMapping:
    """Which voxel of one grid a voxel of another is, along one axis.

    The source index is `scale` x target index + `offset`, and no further out than the
    first and the last voxel.

    Attributes:
        scale: Source voxels a target voxel; above 0.
        offset: Of the first target voxel, in source voxels.
        nearest: Take the nearest source voxel instead of interpolating.
    """

    scale: float
    offset: float
    nearest: bool = False

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"a mapping's scale is above 0, got {self.scale}")

    @classmethod
    def same_box(
        cls, source: int, target: int, *, nearest: bool = False
    ) -> "AxisMapping":
        """Of two numbers of voxels that fill the same box (half-voxel centres)."""
        scale = source / target
        return cls(scale=scale, offset=scale / 2 - 0.5, nearest=nearest)

    def source_indices(self, source: int, target: int) -> Float64[Tensor, " target"]:
        """Where each target voxel lies among the source voxels, fractional."""
        if self == AxisMapping.same_box(source, target, nearest=True):
            return torch.from_numpy(nearest_rows(source, target)).double()
        index = torch.arange(target, dtype=torch.float64) * self.scale + self.offset
        if self.nearest:
            index = (index + 0.5).floor()
        return index.clamp(0, source - 1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Neighbours:
    """The two source voxels each target voxel lies between, along one axis.

    Attributes:
        below: Index of the first.
        above: Index of the second; the same where the first alone counts.
        share: Of the second; 0 is the first alone.
    """

    below: Int64[Tensor, " target"]
    above: Int64[Tensor, " target"]
    share: Float32[Tensor, " target"]

    @classmethod
    def of(cls, mapping: AxisMapping, source: int, target: int) -> "Neighbours":
        """Of a mapping between two sizes."""
        index = mapping.source_indices(source, target)
        below = index.floor()
        return cls(
            below=below.long(),
            above=index.ceil().long(),
            share=(index - below).float(),
        )


def grid_mapping(
    prepared: Prepared, plan: Plan
) -> tuple[AxisMapping, AxisMapping, AxisMapping]:
    """Source: the prepared grid; target: the oriented scan's box it was made of.

    Args:
        prepared: From `prepare`.
        plan: The one it was prepared for.
    """
    if plan.recipe is Recipe.MONAI:
        i, j, k = (
            AxisMapping(scale=scale, offset=offset, nearest=plan.labels_by_nearest)
            for scale, offset in prepared.box_on_image
        )
        return i, j, k
    apart = None
    if plan.recipe is Recipe.NNUNET:
        apart = separate_axis(plan.spacing_mm, prepared.spacing_mm)
    sizes = zip(prepared.image.shape[1:], prepared.crop_shape, strict=True)
    i, j, k = (
        AxisMapping.same_box(source, target, nearest=axis == apart)
        for axis, (source, target) in enumerate(sizes)
    )
    return i, j, k
