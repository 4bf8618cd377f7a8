"""Bodies as signed distances: millimetres outside (positive) or inside (negative).

The distances are first-order right near the surface, which is where partial volume
is worked out from them.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from medseg.phantom.space import Field, Point, Space

Turn = Float[np.ndarray, "3 3"]


def turn(degrees: Point) -> Turn:
    """Rotation about the right, then the anterior, then the superior axis."""
    a, b, c = (math.radians(angle) for angle in degrees)
    about_right = [
        [1, 0, 0],
        [0, math.cos(a), -math.sin(a)],
        [0, math.sin(a), math.cos(a)],
    ]
    about_anterior = [
        [math.cos(b), 0, math.sin(b)],
        [0, 1, 0],
        [-math.sin(b), 0, math.cos(b)],
    ]
    about_superior = [
        [math.cos(c), -math.sin(c), 0],
        [math.sin(c), math.cos(c), 0],
        [0, 0, 1],
    ]
    first, second, third = (
        np.array(m) for m in (about_right, about_anterior, about_superior)
    )
    product: np.ndarray = third @ second @ first
    return np.round(product, 6)


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """An ellipsoid, upright unless turned."""

    centre_mm: Point
    radii_mm: Point
    degrees: Point = (0.0, 0.0, 0.0)

    def distance_mm(self, space: Space) -> Field:
        """Signed distance, first order: k (k - 1) / |gradient| (Quilez, 2008)."""
        offsets = (
            space.right_mm - self.centre_mm[0],
            space.anterior_mm - self.centre_mm[1],
            space.superior_mm - self.centre_mm[2],
        )
        level = np.zeros(space.right_mm.shape, np.float32)
        slope = np.zeros(space.right_mm.shape, np.float32)
        directions = turn(self.degrees)
        for axis, radius in enumerate(self.radii_mm):
            along = np.zeros(space.right_mm.shape, np.float32)
            for world, offset in enumerate(offsets):
                along += float(directions[world, axis]) / radius * offset
            level += along * along
            along = along / radius
            slope += along * along
        level = np.maximum(np.sqrt(level), 1e-3)
        slope = np.maximum(np.sqrt(slope), 1e-3 / max(self.radii_mm))
        distance: np.ndarray = level * (level - 1) / slope
        return distance

    def box_mm(self) -> tuple[Point, Point]:
        """Corners of a box that surely holds it."""
        radii = (max(self.radii_mm),) * 3 if any(self.degrees) else self.radii_mm
        low = tuple(c - r for c, r in zip(self.centre_mm, radii, strict=True))
        high = tuple(c + r for c, r in zip(self.centre_mm, radii, strict=True))
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])


@dataclass(frozen=True, eq=False)
class Capsule:
    """A tube with round ends, thinner or thicker towards its end."""

    start_mm: Point
    end_mm: Point
    radius_mm: float
    end_radius_mm: float

    def distance_mm(self, space: Space) -> Field:
        """Distance to the axis less the radius there."""
        axis = [e - s for s, e in zip(self.start_mm, self.end_mm, strict=True)]
        squared = sum(a * a for a in axis)
        offsets = (
            space.right_mm - self.start_mm[0],
            space.anterior_mm - self.start_mm[1],
            space.superior_mm - self.start_mm[2],
        )
        dot = sum(
            offset * (a / squared) for offset, a in zip(offsets, axis, strict=True)
        )
        along = np.clip(dot, 0, 1)
        gaps = [offset - a * along for offset, a in zip(offsets, axis, strict=True)]
        gap = np.sqrt(gaps[0] * gaps[0] + gaps[1] * gaps[1] + gaps[2] * gaps[2])
        widening = self.end_radius_mm - self.radius_mm
        distance: np.ndarray = gap - (self.radius_mm + widening * along)
        return distance

    def box_mm(self) -> tuple[Point, Point]:
        """Corners of a box that surely holds it."""
        reach = max(self.radius_mm, self.end_radius_mm)
        pairs = list(zip(self.start_mm, self.end_mm, strict=True))
        low = [min(pair) - reach for pair in pairs]
        high = [max(pair) + reach for pair in pairs]
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])


Body = Ellipsoid | Capsule


def union(a: Field, b: Field, blend_mm: float) -> Field:
    """Both bodies, their seam rounded over a width (polynomial smooth minimum)."""
    h = np.clip(0.5 + (0.5 / blend_mm) * (b - a), 0, 1)
    joined: np.ndarray = b * (1 - h) + a * h - blend_mm * h * (1 - h)
    return joined


def without(a: Field, b: Field, gap_mm: float, blend_mm: float) -> Field:
    """The first body with the second, grown by a gap, cut out of it."""
    return -union(-a, b - gap_mm, blend_mm)


def common(a: Field, b: Field, blend_mm: float) -> Field:
    """What lies in both bodies."""
    return -union(-a, -b, blend_mm)
