"""Masks of one slice and the polygons round them, each the exact inverse of the other.

Points are in pixels: (i, j) is the centre of pixel i, j.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from contourpy import FillType, contour_generator
from jaxtyping import Bool, Float

Plane = Bool[np.ndarray, "i j"]
Loop = Float[np.ndarray, "points 2"]

_HALF = 0.5
_COLLINEAR = 1e-6

ON_EDGE = 1e-5
"""Distance from an edge, in pixels, which is rounding of the points in a file."""


def trace(plane: Plane) -> tuple[Loop, ...]:
    """Closed polygons, one a part, midway between the centres within and without.

    A hole is joined to the polygon round it by a channel without width (the "keyhole"
    of DICOM PS3.3 C.8.8.6.3), so that it stays one whatever rule it is filled by.
    The first point is not repeated at the end.
    """
    if not plane.any():
        return ()
    corner, box = _box(plane)
    padded = np.pad(box, 1).astype(float)
    tracer = contour_generator(z=padded.T, fill_type=FillType.OuterOffset)
    traced: Any = tracer.filled(_HALF, 2.0)  # (points, offsets) for this fill type
    loops = []
    for points, ends in zip(*traced, strict=True):
        rings = [
            _without_collinear(ring[:-1])
            for ring in np.split(points, np.asarray(ends[1:-1], dtype=int))
        ]
        loops.append(_keyholed(rings) + corner - 1)
    return tuple(loops)


@dataclass(frozen=True, eq=False, kw_only=True)
class Patch:
    """A mask of the box round a polygon.

    Attributes:
        start: First pixel of the box.
        pixels: The mask; without extent where the polygon is outside of the picture.
    """

    start: tuple[int, int]
    pixels: Bool[np.ndarray, "rows columns"]

    @property
    def box(self) -> tuple[slice, slice]:
        """Where it lies in the picture."""
        i, j = self.start
        rows, columns = self.pixels.shape
        return slice(i, i + rows), slice(j, j + columns)


def fill(loop: Loop, shape: tuple[int, int]) -> Patch:
    """Pixels whose centre is inside a polygon (even-odd rule) or on its edge.

    Points of the path count as inside, as DICOM PS3.3 C.8.8.6.3 wants it. What lies
    outside of the picture is cut off.
    """
    low = np.clip(np.ceil(loop.min(axis=0) - ON_EDGE), 0, shape).astype(int)
    beyond = np.clip(np.floor(loop.max(axis=0) + ON_EDGE) + 1, low, shape).astype(int)
    rows_in_box, columns_in_box = (int(size) for size in beyond - low)
    steps = np.zeros((rows_in_box + 1) * columns_in_box, dtype=int)
    for shift in (-ON_EDGE, ON_EDGE):  # edges along a row are met from both sides
        moved = loop - low + np.array([0, shift])
        columns, across = _ordered(*_crossings(moved, columns_in_box), rows_in_box)
        enter, leave = across[::2], across[1::2]
        first = np.clip(np.ceil(enter - ON_EDGE), 0, rows_in_box).astype(int)
        end = np.clip(np.floor(leave + ON_EDGE) + 1, 0, rows_in_box).astype(int)
        for rows, sign in ((first, 1), (end, -1)):
            place = rows * columns_in_box + columns[::2]
            steps += sign * np.bincount(place, minlength=steps.size)
    inside = np.cumsum(steps.reshape(rows_in_box + 1, columns_in_box), axis=0) > 0
    return Patch(start=(int(low[0]), int(low[1])), pixels=inside[:-1])


def is_cut_off(loop: Loop, shape: tuple[int, int]) -> bool:
    """Whether a polygon may hold the centre of a pixel beyond the picture."""
    low = np.ceil(loop.min(axis=0) - ON_EDGE)
    high = np.floor(loop.max(axis=0) + ON_EDGE)
    return bool((low < 0).any() or (high >= shape).any())


def effort(loop: Loop, shape: tuple[int, int]) -> int:
    """Numbers that `fill` must hold: crossings of columns, and pixels of the box."""
    last = np.array(shape) - 1
    within = np.clip(loop, 0, last)
    height, width = np.ptp(within, axis=0) + 1
    across = np.abs(np.diff(within[:, 1], append=within[:1, 1]))
    return int(across.sum() + height * width)


@dataclass(frozen=True, eq=False, kw_only=True)
class Combined:
    """Several polygons of a structure in one slice, put together.

    Attributes:
        plane: The pixels.
        crossing: Number of polygons that lie partly in another; they were added.
        repeated: Number of polygons that were there twice; they were left out.
    """

    plane: Plane
    crossing: int
    repeated: int


def combine(patches: Iterable[Patch], shape: tuple[int, int]) -> Combined:
    """Put filled polygons together: one that lies within another is a hole in it.

    A polygon within a hole is an island again. One that lies partly in another cannot
    be a hole; it is added. Exact copies are left out, which would else cut each other.
    """
    total = np.zeros(shape, dtype=bool)
    crossing = repeated = 0
    seen: set[tuple[tuple[int, int], bytes]] = set()
    for patch in sorted(patches, key=lambda each: -int(np.count_nonzero(each.pixels))):
        count = int(np.count_nonzero(patch.pixels))
        shared = int(np.count_nonzero(patch.pixels & total[patch.box]))
        content = (patch.start, patch.pixels.tobytes())
        if count and content in seen:
            repeated += 1
        elif count and shared == count:
            total[patch.box] &= ~patch.pixels
        else:
            crossing += shared > 0
            total[patch.box] |= patch.pixels
        seen.add(content)
    return Combined(plane=total, crossing=crossing, repeated=repeated)


def combine_by_xor(patches: Iterable[Patch], shape: tuple[int, int]) -> Plane:
    """Put filled polygons together as CLOSEDPLANAR_XOR asks for."""
    total = np.zeros(shape, dtype=bool)
    for patch in patches:
        total[patch.box] ^= patch.pixels
    return total


def _crossings(loop: Loop, column_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each column j of pixels crosses the polygon: columns and i, unordered.

    A column through a corner crosses one of the two edges that meet there.
    """
    start, end = loop, np.roll(loop, -1, axis=0)
    low = np.minimum(start[:, 1], end[:, 1])
    high = np.maximum(start[:, 1], end[:, 1])
    first = np.clip(np.ceil(low), 0, column_count).astype(int)
    beyond = np.clip(np.ceil(high), 0, column_count).astype(int)
    counts = np.maximum(beyond - first, 0)
    edges = np.repeat(np.arange(len(loop)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = first[edges] + within
    rise = end[edges, 1] - start[edges, 1]
    share = (columns - start[edges, 1]) / rise
    across = start[edges, 0] + share * (end[edges, 0] - start[edges, 0])
    return columns, across


def _ordered(
    columns: np.ndarray, across: np.ndarray, row_count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Crossings by column and then by i, which is cut off beyond the rows there are.

    Both are put into one number to sort by, which is several times as fast.
    """
    length = row_count + 4
    both = np.sort(columns * float(length) + np.clip(across, -1, row_count + 1) + 1)
    ordered = (both // length).astype(int)
    return ordered, both - ordered * float(length) - 1


def _box(plane: Plane) -> tuple[np.ndarray, Bool[np.ndarray, "rows columns"]]:
    """First pixel of the smallest box round a mask, and what is in the box."""
    i = np.flatnonzero(plane.any(axis=1))
    j = np.flatnonzero(plane.any(axis=0))
    return np.array([i[0], j[0]]), plane[i[0] : i[-1] + 1, j[0] : j[-1] + 1]


def _without_collinear(ring: Loop) -> Float[np.ndarray, "corners 2"]:
    """The corners of a ring: points on a straight line between others left out."""
    before = ring - np.roll(ring, 1, axis=0)
    after = np.roll(ring, -1, axis=0) - ring
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    corners: np.ndarray = ring[np.abs(turn) > _COLLINEAR]
    return corners


def _keyholed(rings: list[np.ndarray]) -> np.ndarray:
    """The outer ring with its holes joined to it, from low i to high.

    The channel runs from the lowest point of a hole straight down to whatever ring is
    met first; that one is a part of the path already.
    """
    path = rings[0]
    for hole in sorted(rings[1:], key=lambda ring: float(ring[:, 0].min())):
        opened = np.roll(hole, -int(hole[:, 0].argmin()), axis=0)
        edge, met = _met_below(path, opened[0])
        path = np.concatenate(
            [path[: edge + 1], [met], opened, opened[:1], [met], path[edge + 1 :]]
        )
    return path


def _met_below(path: np.ndarray, point: np.ndarray) -> tuple[int, np.ndarray]:
    """The nearest edge of a closed path towards lower i, and the point met on it."""
    start, end = path, np.roll(path, -1, axis=0)
    is_crossed = (start[:, 1] <= point[1]) != (end[:, 1] <= point[1])
    (edges,) = np.nonzero(is_crossed)
    run, rise = (end - start)[edges].T
    across = start[edges, 0] + (point[1] - start[edges, 1]) / rise * run
    below = np.where(across < point[0], across, -np.inf)
    nearest = int(below.argmax())
    return int(edges[nearest]), np.array([below[nearest], point[1]])
