"""The longest axial diameter of a lesion, and its perpendicular.

The outline of a lesion in a slice runs midway between the centres of voxels within and
without (marching squares at one half), as a reader draws it round the lesion: a lesion
of n voxels in a row is n voxels long, not n - 1. Diameters are between points of the
outline, and may cross a notch.
"""

from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from jaxtyping import Bool, Float, Float64
from scipy.spatial import ConvexHull

from medseg.core.geometry import Geometry
from medseg.core.instance_measure import AxialDiameters, Caliper, PointRas

Mask = Bool[np.ndarray, "i j k"]
Plane = Bool[np.ndarray, "u v"]
Points2 = Float64[np.ndarray, "_ 2"]
Pair = Float64[np.ndarray, "2 2"]

_HALF = 0.5
_SAME_MM = 1e-9
_DIGITS = 9


@dataclass(frozen=True, eq=False, kw_only=True)
class _Slices:
    """The axial slices of a lesion's box.

    Attributes:
        axis: Voxel axis nearest to the patient's S.
        others: The two along the slices.
        to_mm: Voxels along those -> millimetres along two right-angled directions.
        start: First voxel of the box.
        grid: Of the whole scan.
    """

    axis: int
    others: tuple[int, int]
    to_mm: Float64[np.ndarray, "2 2"]
    start: tuple[int, int, int]
    grid: Geometry

    def caliper(self, place: int, ends_mm: Pair) -> Caliper:
        index = np.empty((2, 3))
        index[:, self.axis] = place + self.start[self.axis]
        first = [self.start[other] for other in self.others]
        index[:, list(self.others)] = ends_mm @ np.linalg.inv(self.to_mm).T + first
        start, end = self.grid.to_world(index)
        return Caliper(start_ras_mm=point(start), end_ras_mm=point(end))


def axial_diameters(
    mask: Mask, start: tuple[int, int, int], grid: Geometry
) -> AxialDiameters:
    """The longest line within an axial slice, and the longest across it there.

    RECIST 1.1 (Eisenhauer et al., 2009) takes the longest diameter in the plane of
    measurement, for lymph nodes the longest perpendicular to it. Slices are those along
    the voxel axis nearest to the patient's S, also where the scan is oblique; lengths
    are true millimetres in their plane. Several slices often have the same diameter, in
    voxels as they are: that with the longest perpendicular counts, else the first.

    Args:
        mask: The lesion in its box, with at least one voxel.
        start: First voxel of the box.
        grid: Of the whole scan.
    """
    slices = _slices(start, grid)
    planes = np.moveaxis(mask, slices.axis, 0)
    best, equal = -1.0, dict[int, Pair]()
    for place, plane in enumerate(planes):
        if not plane.any():
            continue
        if _longest_possible_mm(plane, slices.to_mm) < best - _SAME_MM:
            continue
        ends, length = _farthest(np.concatenate(_loops(plane, slices.to_mm)))
        if length > best + _SAME_MM:
            best, equal = length, {place: ends}
        elif length > best - _SAME_MM:
            equal[place] = ends
    across = {
        place: _widest(_loops(planes[place], slices.to_mm), ends)
        for place, ends in equal.items()
    }
    where = max(across, key=lambda place: round(_length(across[place]), _DIGITS))
    return AxialDiameters(
        slice_index=where + start[slices.axis],
        longest=slices.caliper(where, equal[where]),
        perpendicular=slices.caliper(where, across[where]),
    )


def point(world: Float[np.ndarray, "3"]) -> PointRas:
    """Three numbers of an array as a tuple."""
    right, anterior, superior = (float(each) for each in world)
    return right, anterior, superior


def _slices(start: tuple[int, int, int], grid: Geometry) -> _Slices:
    axis = grid.patient_axes[2]
    first, second = (each for each in range(3) if each != axis)
    # The triangle of a QR decomposition keeps lengths and angles, also under shear.
    _, to_mm = np.linalg.qr(grid.affine[:3, [first, second]])
    return _Slices(
        axis=axis, others=(first, second), to_mm=to_mm, start=start, grid=grid
    )


def _outline(plane: Plane) -> list[Points2]:
    """Closed loops midway between centres within and without; the first point twice."""
    padded = np.pad(plane, 1).astype(np.float64)
    traced = contour_generator(z=padded.T).lines(_HALF)
    return [np.asarray(loop, np.float64) - 1 for loop in traced]


def _loops(plane: Plane, to_mm: Float64[np.ndarray, "2 2"]) -> list[Points2]:
    """The outline in millimetres."""
    return [loop @ to_mm.T for loop in _outline(plane)]


def _length(ends: Pair) -> float:
    return float(np.linalg.norm(ends[1] - ends[0]))


def _longest_possible_mm(plane: Plane, to_mm: Float64[np.ndarray, "2 2"]) -> float:
    """The diagonal of the box round the outline: nothing in it is longer."""
    extent = np.array([np.ptp(np.flatnonzero(plane.any(axis=a))) + 1 for a in (1, 0)])
    diagonals = to_mm @ np.array([extent, extent * (1, -1)]).T
    return float(np.linalg.norm(diagonals, axis=0).max())


def _farthest(points: Points2) -> tuple[Pair, float]:
    """The two points farthest apart, and how far that is."""
    corners = points[np.sort(ConvexHull(points).vertices)]
    apart = np.linalg.norm(corners[:, None] - corners[None], axis=2)
    a, b = np.unravel_index(int(apart.argmax()), apart.shape)
    return corners[[a, b]], float(apart[a, b])


def _widest(loops: list[Points2], longest: Pair) -> Pair:
    """The longest line at a right angle to a diameter, from outline to outline."""
    along = (longest[1] - longest[0]) / np.linalg.norm(longest[1] - longest[0])
    turn = np.array([along, [-along[1], along[0]]])
    turned = [(loop - longest[0]) @ turn.T for loop in loops]
    edges = np.concatenate([np.stack([t[:-1], t[1:]], axis=1) for t in turned])
    # The outline is made of straight edges, so that the widest place is at a corner.
    places = np.unique(edges[:, :, 0])
    low, high = np.full(len(places), np.inf), np.full(len(places), -np.inf)
    for (u0, v0), (u1, v1) in edges:
        first, last = np.searchsorted(places, sorted((u0, u1)))
        here = slice(int(first), int(last) + 1)
        share = 0.0 if u0 == u1 else (places[here] - u0) / (u1 - u0)
        across = v0 + share * (v1 - v0)
        low[here] = np.minimum(
            low[here], np.minimum(across, v1 if u0 == u1 else across)
        )
        high[here] = np.maximum(
            high[here], np.maximum(across, v1 if u0 == u1 else across)
        )
    widest = int((high - low).argmax())
    ends = np.array([[places[widest], low[widest]], [places[widest], high[widest]]])
    back: np.ndarray = ends @ turn + longest[0]
    return back
