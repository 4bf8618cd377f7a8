"""A second head of a network, by which lesions that touch are told apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from medseg.core.geometry import Spacing

_SIGMA_VOXELS = 1.5


@dataclass(frozen=True, kw_only=True)
class InstanceHead:
    """Further outputs of a network, behind those of the plan (Cheng et al., 2020).

    The first is a heat-map of the centres of all things together, 1 at a centre. The
    others are offsets from each voxel of a thing to the centre of its own, along the
    network's axes; `sigma_mm` is their unit.

    Attributes:
        things: Names of the structures whose instances were learned.
        sigma_mm: Standard deviation of the Gaussian round a centre.
    """

    things: tuple[str, ...]
    sigma_mm: float

    outputs: ClassVar[int] = 4

    def __post_init__(self) -> None:
        if not self.things or len({*self.things}) != len(self.things):
            raise ValueError("an instance head names each of its things once")
        if not 0 < self.sigma_mm < math.inf:
            raise ValueError(f"a sigma is above 0 mm, got {self.sigma_mm}")

    @classmethod
    def of(cls, things: Sequence[str], spacing_mm: Spacing) -> "InstanceHead":
        """For a grid: a Gaussian of 1.5 voxels (of the same volume, where oblong)."""
        edge_mm = math.prod(spacing_mm) ** (1 / 3)
        return cls(things=tuple(things), sigma_mm=round(_SIGMA_VOXELS * edge_mm, 3))


def require_things_of(
    names: Sequence[str], things: Sequence[str], *, has_regions: bool
) -> None:
    """Check that things are some of the structures, of which none overlap.

    Raises:
        ValueError: When one is not, is named twice, or regions are learned.
    """
    unknown = [name for name in things if name not in names]
    if unknown:
        raise ValueError(f"thing {unknown[0]!r} is none of the labels")
    if len({*things}) != len(things):
        raise ValueError("a thing is named twice")
    if things and has_regions:
        raise ValueError("things are not told apart where regions overlap")
