"""The outside of a structure as triangles."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64


@dataclass(frozen=True, eq=False, kw_only=True)
class Surface:
    """A closed surface.

    Attributes:
        vertices_ras_mm: Points in the patient.
        triangles: Numbers of three vertices each, anticlockwise seen from outside.
    """

    vertices_ras_mm: Float64[np.ndarray, "vertex 3"]
    triangles: Int64[np.ndarray, "triangle 3"]

    @property
    def area_mm2(self) -> float:
        """Sum of the triangles' areas."""
        a, b, c = self._corners()
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)

    @property
    def enclosed_mm3(self) -> float:
        """Volume inside, by the divergence theorem."""
        a, b, c = self._corners()
        return float((a * np.cross(b, c)).sum() / 6)

    @property
    def sphericity(self) -> float:
        """Area of the ball of the same volume over the area: pi^(1/3) (6 V)^(2/3) / A.

        Wadell (1935); 1 for a ball, less for any other surface, 0 without triangles.
        """
        area = self.area_mm2
        if area == 0:
            return 0.0
        return float(np.pi ** (1 / 3) * (6 * abs(self.enclosed_mm3)) ** (2 / 3) / area)

    def _corners(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The triangles' corners seen from one of them: far from 0 sums lose digits."""
        if not len(self.vertices_ras_mm):
            return (np.zeros((0, 3)),) * 3
        near = self.vertices_ras_mm - self.vertices_ras_mm[0]
        a, b, c = (near[self.triangles[:, n]] for n in range(3))
        return a, b, c
