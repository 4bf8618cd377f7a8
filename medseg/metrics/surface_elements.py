"""Elements of area that make up the surfaces of all labels of a map.

A node is a corner that eight voxels share. Which of the eight belong to the mask is its
code, 0 to 255; all but 0 and 255 carry an element of the surface through the node, as
large as the triangles that marching cubes puts there. The areas are those of
DeepMind's surface-distance (https://github.com/google-deepmind/surface-distance,
Apache-2.0), whose table of normals is taken over here in the shortest form: it is the
same for a code and its complement and follows the cube's turns and mirrors, so thirteen
codes give all.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import permutations, product

import numpy as np
from jaxtyping import Float, Float64, UInt8

from medseg.core.geometry import Spacing
from medseg.core.volume import LabelArray
from medseg.metrics.borders import grouped
from medseg.metrics.label_pairs import FlatIndex, FlatLabels, pieces

Codes = UInt8[np.ndarray, " _"]

_CORNERS = tuple(product((0, 1), repeat=3))

# Code -> absolute components of the normals along the three axes, in eighths, their
# length the area for voxels of 1 mm; parallel normals are summed up.
_BASE_NORMALS: dict[int, tuple[tuple[int, int, int], ...]] = {
    0b00000001: ((1, 1, 1),),
    0b00000011: ((4, 4, 0),),
    0b00000110: ((2, 2, 2),),
    0b00000111: ((4, 0, 0), (3, 3, 3)),
    0b00001111: ((8, 0, 0),),
    0b00010110: ((3, 3, 3),),
    0b00010111: ((6, 6, 6),),
    0b00011000: ((2, 2, 2),),
    0b00011001: ((0, 4, 4), (1, 1, 1)),
    0b00011011: ((4, 4, 4), (0, 2, 2), (2, 0, 2)),
    0b00011110: ((4, 0, 0), (4, 4, 4)),
    0b00111100: ((8, 8, 0),),
    0b01101001: ((4, 4, 4),),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Elements:
    """The surface of one label, in pieces.

    Attributes:
        nodes: Flat position of the first of the eight voxels around each node.
        codes: Which of the eight belong to the label, the first the highest bit.
    """

    nodes: FlatIndex
    codes: Codes


def surface_elements(labels: LabelArray) -> dict[int, Elements]:
    """Nodes that lie on the surface of each label, all labels in one pass.

    Args:
        labels: C-contiguous, with a margin of background.
    """
    flat = labels.reshape(-1)
    plane, row = (stride // labels.itemsize for stride in labels.strides[:2])
    found = []
    for start, stop in pieces(0, flat.size - plane - row - 1):
        mixed = _mixed(flat[start : stop + plane + row + 1], plane, row)
        found.append(_by_label(flat, np.flatnonzero(mixed) + start, plane, row))
    nodes, owners, codes = (np.concatenate(part) for part in zip(*found, strict=True))
    order, places = grouped(owners)
    return {
        label: Elements(nodes=nodes[order[part]], codes=codes[order[part]])
        for label, part in places.items()
    }


@lru_cache(maxsize=64)
def areas_mm2(spacing_mm: Spacing) -> Float64[np.ndarray, "256"]:
    """Area of the element of each code, for voxels of that spacing."""
    i, j, k = spacing_mm
    normals = _normals() / 8 * (j * k, i * k, i * j)
    areas: np.ndarray = np.linalg.norm(normals, axis=2).sum(axis=1)
    areas.setflags(write=False)
    return areas


def _mixed(flat: FlatLabels, plane: int, row: int) -> np.ndarray:
    """Whether the eight voxels from each position on are not all of one label."""
    nodes = len(flat) - plane - row - 1
    edges = flat[:-1] != flat[1:]
    faces = edges[: nodes + plane] | edges[row:]
    faces |= flat[: nodes + plane] != flat[row : nodes + plane + row]
    mixed: np.ndarray = faces[:nodes] | faces[plane:]
    mixed |= flat[:nodes] != flat[plane : nodes + plane]
    return mixed


def _by_label(
    flat: FlatLabels, nodes: FlatIndex, plane: int, row: int
) -> tuple[FlatIndex, FlatLabels, Codes]:
    """Each node once for every label around it, with the label and its code."""
    around = np.stack([flat[nodes + i * plane + j * row + k] for i, j, k in _CORNERS])
    found = []
    for corner in range(8):
        owner = around[corner]
        is_new = owner != 0
        for earlier in around[:corner]:
            is_new &= earlier != owner
        chosen = np.flatnonzero(is_new)
        owner, rest = owner[chosen], around[corner:, chosen]
        codes = np.zeros(len(chosen), np.uint8)
        for bit, other in zip(range(7 - corner, -1, -1), rest, strict=True):
            codes |= (other == owner).astype(np.uint8) << np.uint8(bit)
        found.append((nodes[chosen], owner, codes))
    all_nodes, owners, codes = (
        np.concatenate(part) for part in zip(*found, strict=True)
    )
    return all_nodes, owners, codes


@cache
def _normals() -> Float[np.ndarray, "256 3 3"]:
    """Normals of every code: the base cases turned, mirrored and complemented."""
    normals = np.zeros((256, 3, 3))
    for code, base in _BASE_NORMALS.items():
        inside = [c for bit, c in enumerate(_CORNERS) if code >> (7 - bit) & 1]
        for axes, flips in product(permutations(range(3)), _CORNERS):
            turned = {
                tuple(
                    corner[axis] ^ flip for axis, flip in zip(axes, flips, strict=True)
                )
                for corner in inside
            }
            other = sum(1 << 7 - bit for bit, c in enumerate(_CORNERS) if c in turned)
            for each in (other, 255 - other):
                normals[each, : len(base)] = np.array(base)[:, list(axes)]
    return normals
