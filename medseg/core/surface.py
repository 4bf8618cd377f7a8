"""The outside of a structure as triangles."""

from dataclasses import dataclass

from jaxtyping import Float64, Int64
from numpy import ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class Surface:
    """A closed surface.

    Attributes:
        vertices_ras_mm: Points in the patient.
        triangles: Numbers of three vertices each, anticlockwise seen from outside.
    """

    vertices_ras_mm: Float64[ndarray, "vertex 3"]
    triangles: Int64[ndarray, "triangle 3"]
