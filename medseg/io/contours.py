"""Masks of one slice and the polygons round them, each the exact inverse of the other.

Points are in pixels: (i, j) is the centre of pixel i, j.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from contourpy import FillType, contour_generator
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

Plane = Bool[np.ndarray, "i j"]
Loop = Float[np.ndarray, "points 2"]

_HALF = 0.5
_ON_EDGE = 1e-6


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


def fill(loop: Loop, shape: tuple[int, int]) -> Plane:
    """Pixels whose centre is inside a polygon (even-odd rule) or on its edge.

    Points of the path count as inside, as DICOM PS3.3 C.8.8.6.3 wants it. What lies
    outside of the picture is cut off.
    """
    rows, across = _crossings(loop, shape[1])
    order = np.lexsort((across, rows))
    rows, across = rows[order], across[order]
    enter, leave = across[::2], across[1::2]
    steps = np.zeros((shape[0] + 1, shape[1]), dtype=np.int32)
    first = np.clip(np.ceil(enter - _ON_EDGE), 0, shape[0]).astype(int)
    beyond = np.clip(np.floor(leave + _ON_EDGE) + 1, 0, shape[0]).astype(int)
    np.add.at(steps, (first, rows[::2]), 1)
    np.add.at(steps, (beyond, rows[::2]), -1)
    inside: np.ndarray = np.cumsum(steps[:-1], axis=0) > 0
    return inside


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


def combine(planes: Iterable[Plane]) -> Combined | None:
    """Put filled polygons together: one that lies within another is a hole in it.

    A polygon within a hole is an island again. One that lies partly in another cannot
    be a hole; it is added. Exact copies are left out, which would else cut each other.
    """
    ordered = sorted(planes, key=lambda plane: -int(np.count_nonzero(plane)))
    if not ordered:
        return None
    total = np.zeros_like(ordered[0])
    crossing = repeated = 0
    seen: set[bytes] = set()
    for plane in ordered:
        count = int(np.count_nonzero(plane))
        shared = int(np.count_nonzero(plane & total))
        content = np.packbits(plane).tobytes()
        if count and content in seen:
            repeated += 1
        elif count and shared == count:
            total &= ~plane
        else:
            crossing += shared > 0
            total |= plane
        seen.add(content)
    return Combined(plane=total, crossing=crossing, repeated=repeated)


def combine_by_xor(planes: Iterable[Plane]) -> Plane | None:
    """Put filled polygons together as CLOSEDPLANAR_XOR asks for."""
    total: Plane | None = None
    for plane in planes:
        total = plane if total is None else total ^ plane
    return total


def _crossings(loop: Loop, row_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each row of pixels crosses the polygon: rows and places, unordered.

    A row through a corner crosses one of the two edges that meet there.
    """
    start, end = loop, np.roll(loop, -1, axis=0)
    low = np.minimum(start[:, 1], end[:, 1])
    high = np.maximum(start[:, 1], end[:, 1])
    first = np.clip(np.ceil(low), 0, row_count).astype(int)
    beyond = np.clip(np.ceil(high), 0, row_count).astype(int)
    counts = np.maximum(beyond - first, 0)
    edges = np.repeat(np.arange(len(loop)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = first[edges] + within
    rise = end[edges, 1] - start[edges, 1]
    share = (rows - start[edges, 1]) / rise
    across = start[edges, 0] + share * (end[edges, 0] - start[edges, 0])
    return rows, across


def _box(plane: Plane) -> tuple[np.ndarray, Plane]:
    """First pixel of the smallest box round a mask, and what is in the box."""
    i = np.flatnonzero(plane.any(axis=1))
    j = np.flatnonzero(plane.any(axis=0))
    return np.array([i[0], j[0]]), plane[i[0] : i[-1] + 1, j[0] : j[-1] + 1]


def _without_collinear(ring: Loop) -> Loop:
    """The corners of a ring: points on a straight line between others left out."""
    before = ring - np.roll(ring, 1, axis=0)
    after = np.roll(ring, -1, axis=0) - ring
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    corners: Loop = ring[np.abs(turn) > _ON_EDGE]
    return corners


def _keyholed(rings: list[Loop]) -> Loop:
    """The outer ring with its holes joined to it, the nearest one first."""
    path, holes = rings[0], rings[1:]
    while holes:
        tree = cKDTree(path)
        found = [tree.query(hole) for hole in holes]
        nearest = int(np.argmin([distances.min() for distances, _ in found]))
        distances, places = found[nearest]
        here = int(distances.argmin())
        there = int(places[here])
        hole = np.roll(holes.pop(nearest), -here, axis=0)
        path = np.concatenate([path[: there + 1], hole, hole[:1], path[there:]])
    return path
