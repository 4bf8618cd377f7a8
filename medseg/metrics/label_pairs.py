"""Two label maps of one scan, cut to what is labelled and laid out for fast passes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, Integer

from medseg.core.geometry import Spacing
from medseg.core.volume import LabelArray

Labels = Integer[np.ndarray, "_ _ _"]
FlatLabels = Integer[np.ndarray, " _"]
FlatIndex = Int64[np.ndarray, " _"]
Coordinates = Int64[np.ndarray, "_ 3"]

_VOXELS_AT_ONCE = 1 << 19


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelPair:
    """Two label maps cut to the box of all that either labels, with a margin around.

    What lies beyond the image is background like the margin, so no pass need know where
    the image ends; and since the margin lies between one row and the next, a neighbour
    is a fixed step away in the flat array.

    An image of one slice has no border above and below: it is an outline in the plane.
    Along such an axis the margin repeats the slice, and only what is found in the slice
    itself counts.

    Attributes:
        prediction: C-contiguous.
        reference: Likewise.
        spacing_mm: Along the arrays' own axes.
        slices: Axis and position of the slice, for axes along which there is just one.
    """

    prediction: LabelArray
    reference: LabelArray
    spacing_mm: Spacing
    slices: tuple[tuple[int, int], ...]

    def coordinates(self, points: FlatIndex) -> Coordinates:
        """Positions in the flat array -> positions along the three axes."""
        return np.stack(np.unravel_index(points, self.reference.shape), axis=1)

    def counts(self, points: FlatIndex) -> Bool[np.ndarray, " _"]:
        """Whether each position lies in the one slice of an image that has no more."""
        where = np.unravel_index(points, self.reference.shape)
        is_counted = np.ones(len(points), bool)
        for axis, position in self.slices:
            is_counted &= where[axis] == position
        return is_counted


def in_memory_order(
    prediction: LabelArray, reference: LabelArray, spacing_mm: Spacing
) -> tuple[Labels, Labels, Spacing]:
    """The same, seen with the axes in the order the reference has in memory."""
    axes = np.argsort(reference.strides, kind="stable")[::-1]
    i, j, k = (spacing_mm[axis] for axis in axes)
    return prediction.transpose(axes), reference.transpose(axes), (i, j, k)


def paired(
    prediction: LabelArray,
    reference: LabelArray,
    spacing_mm: Spacing,
    margin: tuple[int, int, int],
) -> LabelPair:
    """Cut two maps of one shape to the box around the foreground of both.

    Args:
        prediction: Label numbers, some of them not background in either map.
        reference: The same.
        spacing_mm: Along the axes of both.
        margin: Voxels of background to put around, along the same axes, each 1 or more.
    """
    box = tuple(
        slice(min(a, b), max(c, d))
        for (a, c), (b, d) in zip(_extent(prediction), _extent(reference), strict=True)
    )
    slices = tuple(
        (axis, margin[axis]) for axis, size in enumerate(reference.shape) if size == 1
    )
    return LabelPair(
        prediction=_surrounded(prediction[box], margin, slices),
        reference=_surrounded(reference[box], margin, slices),
        spacing_mm=spacing_mm,
        slices=slices,
    )


def pieces(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut a flat range into pieces whose intermediate results stay in the cache."""
    for first in range(start, stop, _VOXELS_AT_ONCE):
        yield first, min(first + _VOXELS_AT_ONCE, stop)


def _extent(labels: LabelArray) -> list[tuple[int, int]]:
    """First voxel that is labelled and one past the last, along each axis."""
    rows, columns = np.any(labels, axis=2), np.any(labels, axis=0)
    return [
        _range(occupied)
        for occupied in (rows.any(axis=1), rows.any(axis=0), columns.any(axis=0))
    ]


def _range(occupied: Bool[np.ndarray, " n"]) -> tuple[int, int]:
    """First and one past the last; of nothing a range that widens no other."""
    where = np.flatnonzero(occupied)
    if not len(where):
        return len(occupied), 0
    return int(where[0]), int(where[-1]) + 1


def _surrounded(
    labels: LabelArray,
    margin: tuple[int, int, int],
    slices: tuple[tuple[int, int], ...],
) -> Labels:
    """Background around, or the slice again along the axes that have just one."""
    shape = [size + 2 * m for size, m in zip(labels.shape, margin, strict=True)]
    whole = np.zeros(shape, labels.dtype)
    i, j, k = margin
    whole[i : shape[0] - i, j : shape[1] - j, k : shape[2] - k] = labels
    for axis, position in slices:
        whole[:] = whole.take([position], axis=axis)
    return whole
