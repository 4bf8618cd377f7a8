"""Where voxels are in the phantom's anatomy, and the smooth waves that vary it.

Per voxel only sums, products, quotients and square roots are used, which every machine
rounds alike; sines are taken per axis and rounded. So a seed gives the same phantom
everywhere.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from medseg.core.geometry import Geometry

Field = Float[np.ndarray, "i j k"]
Number = float | int
Point = tuple[Number, Number, Number]

# A body may be turned and bent by this much against the grid's axes.
_SLACK_MM = 26.0


@dataclass(frozen=True)
class Wave:
    """A product of three cosines, one along each axis of the grid."""

    amplitude_mm: float
    wavelengths_mm: Point
    phases: Point

    def at(self, axes_mm: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Field:
        """Height of the wave on the grid spanned by three axes."""
        r, a, s = (
            np.round(np.cos(2 * math.pi * axis / length + phase), 6).astype(np.float32)
            for axis, length, phase in zip(
                axes_mm, self.wavelengths_mm, self.phases, strict=True
            )
        )
        plane = (self.amplitude_mm * r)[:, None, None] * a[None, :, None]
        height: np.ndarray = plane * s[None, None, :]
        return height


def draw_waves(
    rng: np.random.Generator,
    count: int,
    amplitude_mm: float,
    wavelength_mm: tuple[float, float],
) -> tuple[Wave, ...]:
    """Waves of random height (up to the amplitude), length (from, to) and phase."""
    waves = []
    for _ in range(count):
        height = rng.uniform(0.4, 1.0) * amplitude_mm * rng.choice((-1, 1))
        r, a, s = rng.uniform(*wavelength_mm, size=3)
        pr, pa, ps = rng.uniform(0, 2 * math.pi, size=3)
        waves.append(Wave(float(height), (r, a, s), (pr, pa, ps)))
    return tuple(waves)


@dataclass(frozen=True, eq=False)
class Space:
    """Coordinates of the voxels of a box, in the frame of the phantom's anatomy.

    Attributes:
        right_mm: To the patient's right of the midline, float32.
        anterior_mm: In front of the middle of the body.
        superior_mm: Above the first lumbar vertebra.
        axes_mm: World coordinates along i, j, k, before turning and bending.
        where: Place of the box in the whole grid.
    """

    right_mm: Field
    anterior_mm: Field
    superior_mm: Field
    axes_mm: tuple[np.ndarray, np.ndarray, np.ndarray]
    where: tuple[slice, slice, slice]

    def around(self, low_mm: Point, high_mm: Point) -> "Space":
        """The part of a whole space that holds a box of the anatomy, with room."""
        i, j, k = (
            _span(axis, low, high)
            for axis, low, high in zip(self.axes_mm, low_mm, high_mm, strict=True)
        )
        return Space(
            self.right_mm[i, j, k],
            self.anterior_mm[i, j, k],
            self.superior_mm[i, j, k],
            (self.axes_mm[0][i], self.axes_mm[1][j], self.axes_mm[2][k]),
            (i, j, k),
        )

    def ripple(self, waves: tuple[Wave, ...]) -> Field:
        """Sum of waves on the box."""
        total = np.zeros(self.right_mm.shape, np.float32)
        for wave in waves:
            total += wave.at(self.axes_mm)
        return total


def _span(axis_mm: np.ndarray, low_mm: float, high_mm: float) -> slice:
    inside = (axis_mm >= low_mm - _SLACK_MM) & (axis_mm <= high_mm + _SLACK_MM)
    hits = np.flatnonzero(inside)
    return slice(int(hits[0]), int(hits[-1]) + 1) if len(hits) else slice(0, 0)


def draw_space(rng: np.random.Generator, geometry: Geometry) -> Space:
    """Anatomical coordinates of a grid: the body turned, shifted and bent at random.

    The grid's axes must run along the patient's (either way).
    """
    axes = _axes_mm(geometry)
    angle = float(rng.uniform(-0.07, 0.07))
    cosine, sine = round(math.cos(angle), 6), round(math.sin(angle), 6)
    shift = rng.uniform(-5, 5, size=3)
    bends = [draw_waves(rng, 3, 3.0, (130.0, 320.0)) for _ in range(3)]
    x, y, z = (
        (axis - offset).astype(np.float32)
        for axis, offset in zip(axes, shift, strict=True)
    )
    shape = geometry.shape
    where = (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2]))
    flat = np.zeros(shape, np.float32)
    whole = Space(flat, flat, flat, axes, where)
    turned_right = cosine * x[:, None, None] + sine * y[None, :, None]
    turned_anterior = cosine * y[None, :, None] - sine * x[:, None, None]
    return Space(
        turned_right + whole.ripple(bends[0]),
        turned_anterior + whole.ripple(bends[1]),
        z[None, None, :] + whole.ripple(bends[2]),
        axes,
        where,
    )


def _axes_mm(geometry: Geometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    i, j, k = (
        np.round(
            geometry.affine[axis, 3] + geometry.affine[axis, axis] * np.arange(size), 4
        )
        for axis, size in enumerate(geometry.shape)
    )
    return i, j, k
