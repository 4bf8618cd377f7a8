"""Tumours of the liver: lobulated, sometimes touching, each known by its number."""

from dataclasses import dataclass

import numpy as np

from medseg.phantom.shapes import Ellipsoid, common, union
from medseg.phantom.space import Field, Point, Space

SMALLEST_ML = 0.8
_COUNTS = (0, 1, 2, 3, 4, 5)
_CHANCES = (0.06, 0.16, 0.26, 0.24, 0.16, 0.12)
_TOUCHING = 0.4
_BRIGHT = 0.15
_ATTEMPTS = 200


@dataclass(frozen=True, eq=False)
class Tumour:
    """One tumour.

    Attributes:
        centre_mm: Middle of its largest lobe.
        radius_mm: Of its largest lobe.
        distance_mm: Signed distance on the liver's box, the liver's border included.
        contrast_hu: Against the liver.
    """

    centre_mm: Point
    radius_mm: float
    distance_mm: Field
    contrast_hu: float


def draw_tumours(
    rng: np.random.Generator, space: Space, liver_mm: Field, voxel_ml: float
) -> tuple[Tumour, ...]:
    """None to five tumours within a liver.

    Args:
        rng: Where all chance comes from.
        space: Box that holds the liver.
        liver_mm: Signed distance to the liver in that box.
        voxel_ml: Volume of a voxel, to leave out what would be too small to see.
    """
    wanted = int(rng.choice(_COUNTS, p=_CHANCES))
    tumours: list[Tumour] = []
    for _ in range(_ATTEMPTS):
        if len(tumours) == wanted:
            break
        beside = tumours[-1] if tumours and rng.uniform() < _TOUCHING else None
        tumour = _draw_one(rng, space, liver_mm, beside)
        if tumour is None or not _fits(tumour, tumours, beside):
            continue
        told_apart = _told_apart([*tumours, tumour])
        if min(_volume_ml(each, voxel_ml) for each in told_apart) >= SMALLEST_ML:
            tumours.append(tumour)
    return tuple(_told_apart(tumours))


def _draw_one(
    rng: np.random.Generator, space: Space, liver_mm: Field, beside: Tumour | None
) -> Tumour | None:
    radius = float(8 + 13 * rng.uniform() * rng.uniform())
    bright = rng.uniform() < _BRIGHT
    contrast = float(rng.uniform(25, 38) if bright else rng.uniform(-50, -27))
    direction = rng.uniform(-1, 1, size=3)
    voxel = tuple(int(rng.integers(max(size, 1))) for size in liver_mm.shape)
    lobes = rng.uniform(-1, 1, size=(int(rng.integers(1, 4)), 3))
    if liver_mm.size == 0:
        return None
    if beside is None:
        if liver_mm[voxel] > -0.4 * radius:
            return None
        place = (space.right_mm, space.anterior_mm, space.superior_mm)
        r, a, s = (float(axis[voxel]) for axis in place)
    else:
        contrast = beside.contrast_hu + float(rng.uniform(-4, 4))
        step = (
            0.9 * (radius + beside.radius_mm) / max(float(np.abs(direction).max()), 0.1)
        )
        step *= 0.8
        r, a, s = (
            c + step * float(d)
            for c, d in zip(beside.centre_mm, direction, strict=True)
        )
    mass = _lobulated(space, (r, a, s), radius, lobes)
    return Tumour((r, a, s), radius, common(mass, liver_mm + 1.0, 2.0), contrast)


def _lobulated(
    space: Space, centre_mm: Point, radius_mm: float, lobes: np.ndarray
) -> Field:
    mass = Ellipsoid(centre_mm, (radius_mm,) * 3).distance_mm(space)
    for lobe in lobes:
        r, a, s = (
            c + 0.8 * radius_mm * float(d) for c, d in zip(centre_mm, lobe, strict=True)
        )
        smaller = Ellipsoid((r, a, s), (0.55 * radius_mm,) * 3).distance_mm(space)
        mass = union(mass, smaller, 0.3 * radius_mm)
    return mass


def _fits(tumour: Tumour, others: list[Tumour], beside: Tumour | None) -> bool:
    """Whether it keeps clear of the others, but for the one it is to touch."""
    for other in others:
        squared = sum(
            (a - b) ** 2 for a, b in zip(tumour.centre_mm, other.centre_mm, strict=True)
        )
        both = tumour.radius_mm + other.radius_mm
        closest = 0.75 * both if other is beside else 1.5 * both
        if squared < closest * closest:
            return False
    return True


def _told_apart(tumours: list[Tumour]) -> list[Tumour]:
    """Each tumour keeps what is nearer to it than to any other."""
    apart = []
    for tumour in tumours:
        distance = tumour.distance_mm
        for other in tumours:
            if other is not tumour:
                halfway = 0.5 * (tumour.distance_mm - other.distance_mm)
                distance = np.maximum(distance, halfway)
        apart.append(
            Tumour(tumour.centre_mm, tumour.radius_mm, distance, tumour.contrast_hu)
        )
    return apart


def _volume_ml(tumour: Tumour, voxel_ml: float) -> float:
    return float(np.count_nonzero(tumour.distance_mm < 0)) * voxel_ml
