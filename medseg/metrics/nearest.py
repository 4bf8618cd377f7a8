"""How far each of many grid points is from the nearest of many others."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.spatial import cKDTree

from medseg.core.geometry import Spacing
from medseg.metrics.label_pairs import Coordinates, FlatIndex

Distances = Float64[np.ndarray, " _"]

_STEPS_TRIED = 256
_STEPS_AT_ONCE = 1 << 16
_MOST_VOXELS_AWAY = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Steps:
    """Steps from a grid point to the points around it, the shortest first.

    Attributes:
        offsets: Along the three axes; the first is no step at all.
        lengths_mm: Ascending. No step left out is shorter than the last.
        is_all: Whether no step left out could be of use.
    """

    offsets: Int64[np.ndarray, "step 3"]
    lengths_mm: Float64[np.ndarray, " step"]
    is_all: bool = False

    def up_to(self, length_mm: float) -> "Steps":
        """The steps that are no longer than this."""
        few = int(np.searchsorted(self.lengths_mm, length_mm, side="right"))
        return Steps(
            offsets=self.offsets[:few],
            lengths_mm=self.lengths_mm[:few],
            is_all=few < len(self.lengths_mm),
        )

    @property
    def reach(self) -> tuple[int, int, int]:
        """Voxels the longest step goes along each axis."""
        i, j, k = np.abs(self.offsets).max(axis=0).tolist()
        return i, j, k


@lru_cache(maxsize=64)
def shortest_steps(spacing_mm: Spacing) -> Steps:
    """The shortest steps on a grid, as many as are worth trying one by one."""
    side = np.arange(-_MOST_VOXELS_AWAY, _MOST_VOXELS_AWAY + 1)
    offsets = np.stack(np.meshgrid(side, side, side, indexing="ij"), -1).reshape(-1, 3)
    lengths_mm = _lengths_mm(offsets, spacing_mm)
    order = np.argsort(lengths_mm, kind="stable")[:_STEPS_TRIED]
    is_complete = lengths_mm[order] < (_MOST_VOXELS_AWAY + 1) * min(spacing_mm)
    order = order[is_complete]
    return Steps(offsets=offsets[order], lengths_mm=lengths_mm[order])


@dataclass(frozen=True, eq=False, kw_only=True)
class Grid:
    """The flat array that points are positions in.

    Attributes:
        shape: Along the three axes, with a margin wider than a step reaches.
        spacing_mm: Along the same.
        is_target: Room for marks, all False between two searches.
    """

    shape: tuple[int, int, int]
    spacing_mm: Spacing
    is_target: Bool[np.ndarray, " voxel"]


def nearest_mm(
    points: FlatIndex, targets: FlatIndex, grid: Grid, at_most_mm: float = np.inf
) -> Distances:
    """Distance from each point to the nearest target, in mm.

    Two outlines of one structure lie mostly within a few voxels of each other. So the
    shortest steps are tried first, for all points still searching at once: exact, and
    many times faster than a tree. What is left after that is looked up in a k-d tree.

    Args:
        points: Positions in the grid's flat array.
        targets: The same, at least one.
        grid: The array.
        at_most_mm: Longer distances need not be known, and become infinite.
    """
    distances = np.full(len(points), np.inf)
    steps = shortest_steps(grid.spacing_mm).up_to(at_most_mm)
    grid.is_target[targets] = True
    left = _try_steps(points, steps, grid, distances)
    grid.is_target[targets] = False
    if len(left) and not steps.is_all:
        far = np.stack(np.unravel_index(points[left], grid.shape), axis=1)
        there = np.stack(np.unravel_index(targets, grid.shape), axis=1)
        spacing = np.array(grid.spacing_mm)
        tree = cKDTree(there * spacing, balanced_tree=False, compact_nodes=False)
        bound_mm = 1.001 * at_most_mm  # wider, since the lengths below decide
        found_mm, nearest = tree.query(far * spacing, distance_upper_bound=bound_mm)
        is_found = np.isfinite(found_mm)
        between = far[is_found] - there[nearest[is_found]]
        lengths_mm = _lengths_mm(between, grid.spacing_mm)
        lengths_mm[lengths_mm > at_most_mm] = np.inf
        distances[left[is_found]] = lengths_mm
    return distances


def _try_steps(
    points: FlatIndex, steps: Steps, grid: Grid, distances: Distances
) -> FlatIndex:
    """Fill in the distances found; positions in `points` of those that were not."""
    _, rows, columns = grid.shape
    offsets = steps.offsets @ (rows * columns, columns, 1)
    left, here = np.arange(len(points)), points
    tried = 0
    while len(left) and tried < len(offsets):
        several = max(1, _STEPS_AT_ONCE // len(left))
        hits = grid.is_target[here + offsets[tried : tried + several, None]]
        found = hits.any(axis=0)
        first = hits[:, found].argmax(axis=0)
        distances[left[found]] = steps.lengths_mm[tried + first]
        left, here = left[~found], here[~found]
        tried += several
    return left


def _lengths_mm(offsets: Coordinates, spacing_mm: Spacing) -> Distances:
    """Lengths from whole steps, so that equal ones never differ by rounding."""
    lengths: np.ndarray = np.sqrt(((offsets * np.array(spacing_mm)) ** 2).sum(axis=1))
    return lengths
