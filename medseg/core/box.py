"""Boxes of whole voxels."""

from dataclasses import dataclass

from medseg.core.geometry import Shape3


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box of whole voxels.

    Attributes:
        start: Its first voxel (i, j, k).
        shape: Voxels along i, j, k.
    """

    start: Shape3
    shape: Shape3

    @classmethod
    def from_slices(cls, slices: tuple[slice, slice, slice]) -> "Box":
        """The box of an index into an array that has both its ends."""
        (i, j, k), (m, n, o) = (
            [int(each.start) for each in slices],
            [int(each.stop - each.start) for each in slices],
        )
        return cls(start=(i, j, k), shape=(m, n, o))

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index into an array."""
        i, j, k = (
            slice(first, first + size)
            for first, size in zip(self.start, self.shape, strict=True)
        )
        return i, j, k
