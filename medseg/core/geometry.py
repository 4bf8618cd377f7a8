"""Where the voxels of an array are in the patient."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float

Affine = Float[np.ndarray, "4 4"]
Shape3 = tuple[int, int, int]
Spacing = tuple[float, float, float]
Points = np.ndarray | Sequence[int | float] | Sequence[Sequence[int | float]]

SAME_GRID_TOLERANCE_MM = 1e-3

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From the world of DICOM and ITK to that of NIfTI, and back."""

_DIGITS = 12  # binary ones; float32 has 24
_AXIS_CODES = (("L", "R"), ("P", "A"), ("I", "S"))


@dataclass(frozen=True, eq=False)
class Geometry:
    """Shape of a voxel grid and its place in the patient.

    Attributes:
        shape: Voxels along i, j, k.
        affine: 4 x 4, voxel index (centre of the voxel) -> RAS+ millimetres, as in
            NIfTI: +x is the patient's Right, +y Anterior, +z Superior.
    """

    shape: Shape3
    affine: Affine

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4):
            raise ValueError(f"affine must be 4 x 4, got {affine.shape}")
        if not np.isfinite(affine).all():
            raise ValueError("affine must be finite")
        if not np.array_equal(affine[3], (0, 0, 0, 1)):
            raise ValueError(f"the last row of affine must be 0 0 0 1, got {affine[3]}")
        if _is_flat(affine[:3, :3]):
            raise ValueError("affine must not be singular: the axes span no volume")
        if min(self.shape) < 1:
            raise ValueError(f"shape must be three positive numbers, got {self.shape}")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))

    @classmethod
    def from_spacing(
        cls,
        shape: Shape3,
        spacing_mm: Spacing,
        origin_ras_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> "Geometry":
        """Grid whose axes i, j, k run along R, A, S."""
        affine = np.diag([*spacing_mm, 1.0])
        affine[:3, 3] = origin_ras_mm
        return cls(shape, affine)

    @property
    def spacing_mm(self) -> Spacing:
        """Distance between voxel centres along i, j, k."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in millilitres (the determinant: right for shear too)."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @property
    def directions(self) -> Float[np.ndarray, "3 3"]:
        """Unit vectors of the axes i, j, k in RAS, one a column."""
        columns = self.affine[:3, :3]
        units: np.ndarray = columns / np.linalg.norm(columns, axis=0)
        return units

    @property
    def centre_ras_mm(self) -> Float[np.ndarray, "3"]:
        """Middle of the grid."""
        return self.to_world((np.array(self.shape) - 1) / 2)

    @property
    def patient_axes(self) -> tuple[int, int, int]:
        """For each of R, A, S the voxel axis that runs most nearly along it.

        Always a permutation of (0, 1, 2): the best of the six by summed absolute
        direction cosines, so that oblique scans get a definite answer too.
        """
        cosines = np.abs(self.directions)
        orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
        return max(
            orders, key=lambda o: cosines[0, o[0]] + cosines[1, o[1]] + cosines[2, o[2]]
        )

    @property
    def orientation(self) -> str:
        """Three letters, one a voxel axis, for where it points (RAS, LPS ...)."""
        codes = [""] * 3
        for world, voxel in enumerate(self.patient_axes):
            codes[voxel] = _AXIS_CODES[world][int(self.affine[world, voxel] > 0)]
        return "".join(codes)

    @property
    def obliquity_deg(self) -> float:
        """Largest angle between a voxel axis and the patient axis nearest to it."""
        cosines = [abs(self.directions[w, v]) for w, v in enumerate(self.patient_axes)]
        return float(np.degrees(np.arccos(np.clip(min(cosines), -1, 1))))

    def to_world(self, index: Points) -> Float[np.ndarray, "*points 3"]:
        """Voxel indices (..., 3) -> RAS millimetres (..., 3)."""
        turned = np.asarray(index) @ self.affine[:3, :3].T
        world: np.ndarray = turned + self.affine[:3, 3]
        return world

    def to_index(self, world_ras_mm: Points) -> Float[np.ndarray, "*points 3"]:
        """RAS millimetres (..., 3) -> fractional voxel indices (..., 3)."""
        offset = np.asarray(world_ras_mm) - self.affine[:3, 3]
        index: np.ndarray = offset @ np.linalg.inv(self.affine[:3, :3]).T
        return index

    def corners_ras_mm(self) -> Float[np.ndarray, "8 3"]:
        """Centres of the eight corner voxels."""
        return self.to_world(list(product(*((0, size - 1) for size in self.shape))))

    def disagreement_mm(self, other: "Geometry") -> float:
        """Largest distance between the same corner voxel of two grids.

        Infinite when the shapes differ, since the voxels do not correspond then.
        """
        if self.shape != other.shape:
            return float("inf")
        gaps = np.linalg.norm(self.corners_ras_mm() - other.corners_ras_mm(), axis=1)
        return float(gaps.max())

    def is_same_grid(
        self, other: "Geometry", tolerance_mm: float = SAME_GRID_TOLERANCE_MM
    ) -> bool:
        """Whether both grids put every voxel at the same place."""
        return self.disagreement_mm(other) <= tolerance_mm

    def cropped(self, start: Shape3, shape: Shape3) -> "Geometry":
        """Grid of the box that begins at voxel `start` (may lie outside)."""
        affine = self.affine.copy()
        affine[:3, 3] = self.to_world(start)
        return Geometry(shape, affine)

    def with_shape(self, shape: Shape3) -> "Geometry":
        """Grid that fills the same box with other numbers of voxels.

        The box is the one around the voxels, not around their centres.
        """
        factor = np.array(self.shape) / np.array(shape)
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, :3] * factor
        affine[:3, 3] = self.to_world((factor - 1) / 2)
        return Geometry(shape, affine)

    def permuted(self, axes: Shape3, flipped: tuple[bool, bool, bool]) -> "Geometry":
        """Grid after `array.transpose(axes)` and then a flip of the new axes named."""
        shape = tuple(self.shape[axis] for axis in axes)
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, list(axes)]
        for axis, flip in enumerate(flipped):
            if flip:
                affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
                affine[:3, axis] *= -1
        return Geometry((shape[0], shape[1], shape[2]), affine)


def rounded_spacing(spacing_mm: Spacing) -> Spacing:
    """A spacing to 12 binary digits, a relative 2.5e-4 at most from what it is.

    A file that stores it as float32, or turned, gives back another last digit. Rounded,
    both are the same, so that ties between distances fall alike. Binary digits, since
    spacings such as 360 / 512 mm would lie halfway between two decimal steps.
    """
    i, j, k = (_rounded(edge) for edge in spacing_mm)
    return i, j, k


def _rounded(edge_mm: float) -> float:
    mantissa, exponent = math.frexp(edge_mm)
    return math.ldexp(round(math.ldexp(mantissa, _DIGITS)), exponent - _DIGITS)


def _is_flat(columns: Float[np.ndarray, "3 3"]) -> bool:
    """Whether three axes span no volume, whatever the size of a voxel."""
    box = float(np.prod(np.linalg.norm(columns, axis=0)))
    return bool(abs(np.linalg.det(columns)) <= 1e-6 * box)
