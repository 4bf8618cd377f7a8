"""Logits on another grid, a few rows at a time."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional

from medseg.core.geometry import Shape3
from medseg.preprocessing.mapping import AxisMapping, Neighbours
from medseg.preprocessing.out_of_memory import is_out_of_memory
from medseg.preprocessing.slabs import LogitsSlab

SLAB_BYTES = 64 * 2**20

Mappings = tuple[AxisMapping, AxisMapping, AxisMapping]
Rows = Float32[Tensor, "member _ _ _ output"]
"""The outputs of a voxel lie side by side: quickest to blend, resample and compare."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RestoredRows:
    """Values of neighbouring rows of the target grid.

    Attributes:
        axis: Axis that rows are counted along.
        rows: Which rows these are.
        values: The other two axes in their order.
    """

    axis: int
    rows: slice
    values: Float32[Tensor, "member rows a b output"]

    def in_less_memory(self) -> "tuple[RestoredRows, ...]":
        """Both halves, or the only row in main memory; nothing if it is there."""
        first, stop = self.rows.start, self.rows.stop
        if stop - first > 1:
            middle = (first + stop) // 2
            return self._part(first, middle), self._part(middle, stop)
        if self.values.device.type == "cpu":
            return ()
        return (replace(self, values=self.values.cpu()),)

    def _part(self, first: int, stop: int) -> "RestoredRows":
        before = self.rows.start
        values = self.values[:, first - before : stop - before]
        return replace(self, rows=slice(first, stop), values=values)


def resampled_slabs(
    slabs: Iterable[LogitsSlab],
    mappings: Mappings,
    target: Shape3,
    slab_bytes: int = SLAB_BYTES,
) -> Iterator[RestoredRows]:
    """Interpolate slabs onto another grid, linearly or to the nearest voxel.

    Every row is given as soon as the source rows on both its sides are there; no more
    than those that are still needed are kept.

    Args:
        slabs: All rows of the source grid, in order.
        mappings: From the target grid to the source grid, along i, j and k.
        target: Shape of the target grid.
        slab_bytes: About how much to resample at once; a row at least.
    """
    kept = _Waiting(slab_bytes)
    done = 0
    for slab in slabs:
        kept.take(slab)
        planes = _Planes.along(slab.axis, mappings, target)
        size = slab.row_count
        along = Neighbours.of(mappings[slab.axis], size, target[slab.axis])
        ready = int(torch.searchsorted(along.above, slab.rows.stop))
        while done < ready:
            rows, values = kept.resampled(slice(done, ready), along, planes)
            yield RestoredRows(axis=slab.axis, rows=rows, values=values)
            done = rows.stop
        if done < target[slab.axis]:
            kept.drop_before(min(int(along.below[done]), slab.rows.stop))


class _Waiting:
    """Source rows that are still needed.

    Where memory runs out it goes on with fewer rows at once, then in main memory.

    Args:
        slab_bytes: About how much to resample at once.
    """

    def __init__(self, slab_bytes: int) -> None:
        self._slab_bytes = slab_bytes
        self._most = sys.maxsize
        self._rows: Tensor | None = None
        self._first = 0

    def take(self, slab: LogitsSlab) -> None:
        """Add rows behind those that are there."""
        arrived = slab.logits.movedim(1, -1)
        if self._rows is None or not self._rows.shape[1]:
            self._rows, self._first = arrived, slab.rows.start
            return
        try:
            joined = torch.cat([self._rows, arrived.to(self._rows.device)], dim=1)
        except (RuntimeError, MemoryError) as error:
            if self._rows.device.type == "cpu" or not is_out_of_memory(error):
                raise
            joined = torch.cat([self._rows.cpu(), arrived.cpu()], dim=1)
        self._rows = joined

    def drop_before(self, row: int) -> None:
        """Keep a row and those behind it."""
        if self._rows is not None:
            self._rows, self._first = self._rows[:, row - self._first :], row

    def resampled(
        self, wanted: slice, along: Neighbours, planes: "_Planes"
    ) -> tuple[slice, Rows]:
        """The first of the target rows wanted, and how many these are."""
        if self._rows is None:
            raise RuntimeError("no rows were taken")
        while True:
            step = min(planes.rows_at_once(self._rows, self._slab_bytes), self._most)
            rows = slice(wanted.start, min(wanted.start + step, wanted.stop))
            try:
                between = _between(self._rows, self._first, along, rows)
                return rows, planes.resampled(between)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if rows.stop - rows.start > 1:
                    self._most = (rows.stop - rows.start) // 2
                elif self._rows.device.type == "cpu":
                    raise
                else:
                    self._rows = self._rows.cpu()


def _between(waiting: Rows, first: int, along: Neighbours, rows: slice) -> Rows:
    """Target rows from the source rows that wait, the first of which is `first`."""
    share = along.share[rows]
    if not share.any():
        low = along.below[rows]
        if torch.equal(low, torch.arange(int(low[0]), int(low[0]) + len(low))):
            return waiting[:, int(low[0]) - first : int(low[-1]) + 1 - first]
    place = waiting.device
    below = waiting.index_select(1, (along.below[rows] - first).to(place))
    if not share.any():
        return below
    above = waiting.index_select(1, (along.above[rows] - first).to(place))
    return torch.lerp(below, above, share.to(place).view(1, -1, 1, 1, 1))


@dataclass(frozen=True, kw_only=True)
class _Planes:
    """The two axes across the rows."""

    mappings: tuple[AxisMapping, AxisMapping]
    target: tuple[int, int]

    @classmethod
    def along(cls, axis: int, mappings: Mappings, target: Shape3) -> "_Planes":
        a, b = (n for n in range(3) if n != axis)
        return cls(mappings=(mappings[a], mappings[b]), target=(target[a], target[b]))

    def rows_at_once(self, rows: Rows, slab_bytes: int) -> int:
        """How many target rows fit into a slab."""
        voxels = max(self.target[0] * self.target[1], rows.shape[2] * rows.shape[3])
        return max(1, slab_bytes // (4 * rows.shape[0] * rows.shape[-1] * voxels))

    def resampled(self, rows: Rows) -> Rows:
        """The planes of some rows on the target grid."""
        source = tuple(rows.shape[2:4])
        boxes = [
            AxisMapping.same_box(n, m) for n, m in zip(source, self.target, strict=True)
        ]
        if list(self.mappings) != boxes:
            for dim, mapping, size in zip(
                (2, 3), self.mappings, self.target, strict=True
            ):
                rows = _interpolated(rows, dim, mapping, size)
            return rows
        if source == self.target:
            return rows
        pictures = rows.flatten(0, 1).permute(0, 3, 1, 2)  # PyTorch's channels-last
        larger = functional.interpolate(pictures, size=self.target, mode="bilinear")
        back: Tensor = larger.permute(0, 2, 3, 1)
        return back.reshape(*rows.shape[:2], *back.shape[1:])


def _interpolated(rows: Rows, dim: int, mapping: AxisMapping, size: int) -> Rows:
    near = Neighbours.of(mapping, rows.shape[dim], size)
    below = rows.index_select(dim, near.below.to(rows.device))
    if not near.share.any():
        return below
    above = rows.index_select(dim, near.above.to(rows.device))
    shape = [-1 if n == dim else 1 for n in range(rows.ndim)]
    return torch.lerp(below, above, near.share.to(rows.device).view(shape))
