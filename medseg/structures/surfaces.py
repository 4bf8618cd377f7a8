"""Label map -> surface of a structure.

Naive surface nets (Gibson, 1998): one vertex in every cube of eight voxel centres that
the surface passes through, one square for every pair of neighbours of which one is
inside. The vertices are then smoothed (Taubin, 1995), none of them out of its cube, so
that steps go away while no structure, however small, does.
"""

from itertools import product

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import ndimage
from scipy.sparse import csr_array

from medseg.core.geometry import Geometry
from medseg.core.surface import Surface
from medseg.core.volume import Segmentation

Mask = Bool[np.ndarray, "_ _ _"]
Padded = Bool[np.ndarray, "_ _ _"]
Vertices = Float64[np.ndarray, "vertex 3"]
Squares = Int64[np.ndarray, "square 4"]

_CORNERS = np.array(list(product((0, 1), repeat=3)))
_ROUNDS = 10
_PULLS = (0.5, -0.53)  # to the neighbours and back, so that nothing shrinks


def structure_surface(segmentation: Segmentation, structure: str) -> Surface:
    """The surface of a structure, smoothed by at most half a voxel.

    Args:
        segmentation: Holds the structure.
        structure: Its name. Without a voxel of it, the surface has no triangle.
    """
    label = segmentation.labels[structure].id
    box = ndimage.find_objects(segmentation.array, label)[label - 1]
    if box is None:
        return Surface(
            vertices_ras_mm=np.zeros((0, 3)), triangles=np.zeros((0, 3), np.int64)
        )
    i, j, k = (axis.start for axis in box)
    mask = segmentation.array[box] == label
    return mask_surface(mask, (i, j, k), segmentation.geometry)


def mask_surface(mask: Mask, start: tuple[int, int, int], grid: Geometry) -> Surface:
    """The surface of a mask, as that of a structure.

    Args:
        mask: In a box, with at least one voxel.
        start: First voxel of the box in the scan.
        grid: Of the whole scan.
    """
    inside = np.pad(mask, 1)
    cubes, squares = _surface_net(inside)
    index = _smoothed(_middles(inside, cubes), cubes + 0.5, squares)
    triangles = np.concatenate([squares[:, [0, 1, 2]], squares[:, [0, 2, 3]]])
    if np.linalg.det(grid.affine[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    return Surface(
        vertices_ras_mm=grid.to_world(index + np.array(start) - 1),
        triangles=np.ascontiguousarray(triangles),
    )


def _surface_net(inside: Padded) -> tuple[Int64[np.ndarray, "vertex 3"], Squares]:
    """First corner of each cube with a vertex, and the squares between them."""
    i, j, k = (size - 1 for size in inside.shape)
    held = np.zeros((i, j, k), np.uint8)
    for a, b, c in _CORNERS:
        held += inside[a : a + i, b : b + j, c : c + k]
    is_mixed = (held > 0) & (held < len(_CORNERS))
    cubes = np.argwhere(is_mixed)
    number = np.full((i, j, k), -1, np.int32)
    number[is_mixed] = np.arange(len(cubes))
    return cubes, np.concatenate([_squares(inside, number, axis) for axis in range(3)])


def _squares(inside: Padded, number: np.ndarray, axis: int) -> Squares:
    """The squares across the edges along one axis, anticlockwise from outside."""
    first = np.moveaxis(inside, axis, 0)[:-1]
    second = np.moveaxis(inside, axis, 0)[1:]
    edges = np.argwhere(first != second)
    leaves = first[tuple(edges.T)]
    cells = np.moveaxis(number, axis, 0)
    # The other two axes follow in cyclic order for 0 and 2, turned round for 1.
    around = [(0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1)]
    corners = np.stack(
        [cells[tuple((edges - step).T)] for step in around], axis=1
    ).astype(np.int64)
    turned = leaves if axis == 1 else ~leaves
    corners[turned] = corners[turned][:, ::-1]
    return corners


def _middles(inside: Padded, cubes: Int64[np.ndarray, "vertex 3"]) -> Vertices:
    """In each cube the mean of the midpoints of the edges that the surface cuts."""
    total = np.zeros(cubes.shape)
    cut = np.zeros(len(cubes))
    for axis in range(3):
        along = np.eye(3, dtype=np.int64)[axis]
        for corner in _CORNERS[_CORNERS[:, axis] == 0]:
            start = cubes + corner
            is_cut = inside[tuple(start.T)] != inside[tuple((start + along).T)]
            total[is_cut] += start[is_cut] + along / 2
            cut += is_cut
    return total / cut[:, np.newaxis]


def _smoothed(vertices: Vertices, centres: Vertices, squares: Squares) -> Vertices:
    """Steps taken off, each vertex kept in its own cube."""
    ends = np.concatenate([squares, np.roll(squares, 1, axis=1)]).ravel()
    others = np.concatenate([np.roll(squares, 1, axis=1), squares]).ravel()
    count = len(vertices)
    links = csr_array((np.ones(len(ends)), (ends, others)), shape=(count, count))
    degree = np.bincount(ends, minlength=count)[:, np.newaxis]
    for pull in _PULLS * _ROUNDS:
        moved = vertices + pull * ((links @ vertices) / degree - vertices)
        vertices = np.clip(moved, centres - 0.5, centres + 0.5)
    return vertices
