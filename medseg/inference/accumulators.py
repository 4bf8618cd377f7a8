"""Sums over the windows that overlap a row, for as long as a row is not finished."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import prod

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from medseg.inference.mapped import mapped_zeros
from medseg.preprocessing import is_out_of_memory

_SHARE_OF_MEMORY = 0.5
_PIECE_BYTES = 32 * 2**20


class Place(StrEnum):
    """Where sums are kept, the quickest first."""

    DEVICE = "device"
    CPU = "main memory"
    FILE = "temporary file"


@dataclass(frozen=True, kw_only=True)
class RingShape:
    """Size of the sums.

    Attributes:
        members: Answers kept apart.
        outputs: Channels of an answer.
        rows: Rows of a window; no more can be unfinished.
        across: Voxels along the other two axes.
    """

    members: int
    outputs: int
    rows: int
    across: tuple[int, int]

    @property
    def sums(self) -> tuple[int, int, int, int, int]:
        """Member, row, a, b, output: the outputs of a voxel side by side."""
        return (self.members, self.rows, *self.across, self.outputs)

    @property
    def byte_count(self) -> int:
        """Of the sums."""
        return 4 * prod(self.sums)

    @property
    def row_bytes(self) -> int:
        """Of the sums of one row."""
        return self.byte_count // self.rows

    def places(self, device: torch.device, available: int | None) -> tuple[Place, ...]:
        """Where the sums can be kept, the best place first.

        Where main memory is too small a system often gives it all the same, and ends
        the program later; so this is asked beforehand.

        Args:
            device: Of the network.
            available: Bytes of main memory, if known.
        """
        is_large = available is not None and (
            self.byte_count > _SHARE_OF_MEMORY * available
        )
        elsewhere = (Place.FILE, Place.CPU) if is_large else (Place.CPU, Place.FILE)
        return elsewhere if device.type == "cpu" else (Place.DEVICE, *elsewhere)

    def lower_places(self, place: Place, available: int | None) -> tuple[Place, ...]:
        """Where to go on when memory runs out; nowhere from a file.

        Args:
            place: Where the sums are.
            available: As of `places`.
        """
        if place is Place.DEVICE:
            return self.places(torch.device("cpu"), available)
        return (Place.FILE,) if place is Place.CPU else ()


class RowRing:
    """Weighted sums of logits, and of weights, of the rows windows still overlap.

    Row n of the image is kept at n modulo the rows of a window, so that nothing is
    moved when rows are finished.
    """

    def __init__(
        self,
        shape: RingShape,
        place: Place,
        weights: Float32[Tensor, "rows a b"],
        copies: int,
    ) -> None:
        where = weights.device if place is Place.DEVICE else torch.device("cpu")
        self.shape = shape
        self.place = place
        self._copies = copies
        self._of_window = weights.to(where)[..., None]
        self._sums = (
            mapped_zeros(shape.sums)
            if place is Place.FILE
            else torch.zeros(shape.sums, device=where)
        )
        self._weights = torch.zeros((shape.rows, *shape.across, 1), device=where)

    def moved(self, place: Place) -> "RowRing":
        """The same sums in another place, away from the device."""
        ring = RowRing(self.shape, place, self._of_window[..., 0], self._copies)
        ring._sums.copy_(self._sums)
        ring._weights.copy_(self._weights)
        return ring

    @property
    def device(self) -> torch.device:
        """Where sums are added."""
        return self._weights.device

    def add(
        self,
        member: int,
        corner: tuple[int, int, int],
        logits: Float[Tensor, "rows a b output"],
    ) -> None:
        """Add one member's answer for a window.

        All memory is asked for before the first sum is changed, so that it can be done
        again after it ran out.

        Args:
            member: Which; the first comes first.
            corner: First row of the window and its place along the other axes.
            logits: Summed over as many copies as the ring was made for.
        """
        logits = logits.to(self.device)
        count, size_a, size_b, outputs = logits.shape
        step = min(count, max(1, _PIECE_BYTES // (4 * size_a * size_b * outputs)))
        scratch = torch.empty((step, size_a, size_b, outputs), device=self.device)
        factors = self._of_window / self._copies
        first, a, b = corner
        across = slice(a, a + size_a), slice(b, b + size_b)
        for rows in _pieces(stretches(first, first + count, self.shape.rows), step):
            place = self._place_of(rows)
            some = slice(rows.start - first, rows.stop - first)
            piece = scratch[: rows.stop - rows.start]
            piece.copy_(logits[some])  # the product of two formats would need memory
            piece *= factors[some]
            self._sums[member, place, *across] += piece
            if member == 0:
                self._weights[place, *across] += self._of_window[some]

    def mean(self, rows: slice) -> Float32[Tensor, "member rows a b output"]:
        """Weighted means of rows of one stretch; NaN where no window was added."""
        place = self._place_of(rows)
        return self._sums[:, place] / self._weights[place]

    def clear(self, rows: slice) -> None:
        """Make room for later rows."""
        place = self._place_of(rows)
        self._sums[:, place] = 0
        self._weights[place] = 0

    def _place_of(self, rows: slice) -> slice:
        start = rows.start % self.shape.rows
        return slice(start, start + rows.stop - rows.start)


def first_with_room(
    places: Iterable[Place], made: Callable[[Place], RowRing]
) -> RowRing:
    """A ring in the first place that has room for it.

    Args:
        places: The best first.
        made: Makes it.

    Raises:
        torch.OutOfMemoryError: When none has, with what each of them said.
    """
    reasons = []
    for place in places:
        try:
            return made(place)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reasons.append(f"{place}: {error}")
    raise torch.OutOfMemoryError("; ".join(reasons))


def stretches(first: int, stop: int, ring_rows: int) -> tuple[slice, ...]:
    """Rows of the image from one to another, cut where the ring closes."""
    cuts = range(first - first % ring_rows + ring_rows, stop, ring_rows)
    edges = (first, *cuts, stop)
    return tuple(slice(a, b) for a, b in pairwise(edges) if a < b)


def _pieces(some: Iterable[slice], step: int) -> Iterator[slice]:
    """Stretches of rows, cut so that none is longer than a step."""
    for rows in some:
        for first in range(rows.start, rows.stop, step):
            yield slice(first, min(first + step, rows.stop))
