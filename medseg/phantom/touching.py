"""A small phantom of a liver whose tumours touch, for telling them apart.

Tumours come in groups of two or three that overlap a little, so that connected pieces
are groups; each is darkest in its middle, so that intensities tell them apart, too.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from medseg.core.geometry import Geometry, Shape3, Spacing
from medseg.core.volume import Segmentation, Volume, read_only
from medseg.phantom.make import Phantom, require_range
from medseg.phantom.organs import LIVER, PHANTOM_LABELS, TUMOUR
from medseg.phantom.shapes import Ellipsoid
from medseg.phantom.space import Field, Point, Space

_GROUPS = (1, 2, 3)
_IN_A_GROUP = (2, 3)
_RADII_MM = (7.0, 11.0)
_OBLONG = (0.85, 1.15)
_OVERLAP = (0.78, 0.92)  # distance of two centres over the sum of their radii
_CLEAR_MM = 4.0
_ATTEMPTS = 60
_FAT_HU, _LIVER_HU, _RIM_HU, _MIDDLE_HU, _NOISE_HU = -90.0, 100.0, 70.0, 30.0, 10.0
_EVERYWHERE = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, eq=False)
class _Tumour:
    centre_mm: np.ndarray
    radius_mm: float
    distance_mm: Field


def make_touching_tumours(
    seed: int,
    *,
    shape: Shape3 = (60, 56, 40),
    spacing_mm: Spacing = (2.0, 2.0, 2.5),
) -> Phantom:
    """Make a synthetic CT of a liver with tumours that touch.

    The same arguments give the same voxels.

    Args:
        seed: Zero or more.
        shape: Voxels along i, j, k.
        spacing_mm: Their distances; the grid is to be 80 mm wide or more.

    Raises:
        WrongUse: INVALID_OPTION for a negative seed.
    """
    require_range("seed", seed, 0, 2**63 - 1)
    rng = np.random.default_rng(seed)
    geometry = Geometry.from_spacing(shape, spacing_mm)
    space = _space_of(geometry)
    r, a, s = (float(each) for each in geometry.centre_ras_mm)
    reach: Point = (r * 0.95 + 1, a * 0.95 + 1, s * 0.95 + 1)
    liver_mm = Ellipsoid((r, a, s), reach).distance_mm(space)
    tumours = _draw_tumours(rng, space, liver_mm)
    distances = np.stack([each.distance_mm for each in tumours])
    nearest = distances.min(axis=0)
    numbers = np.where(nearest < 0, distances.argmin(axis=0) + 1, 0).astype(np.uint8)
    radii = np.array([0.0, *(each.radius_mm for each in tumours)])[numbers]
    hu = np.where(liver_mm < 0, _LIVER_HU, _FAT_HU)
    depth = np.clip(-nearest / np.maximum(radii, 1.0), 0, 1)
    hu = np.where(numbers > 0, _RIM_HU + (_MIDDLE_HU - _RIM_HU) * depth, hu)
    hu = np.rint(hu + rng.normal(0, _NOISE_HU, shape)).astype(np.int16)
    labels = np.where(numbers > 0, TUMOUR, np.where(liver_mm < 0, LIVER, 0))
    case_id = f"touching_{seed}"
    return Phantom(
        seed=seed,
        volume=Volume(
            array=hu[None], geometry=geometry, channels=("CT",), case_id=case_id
        ),
        reference=Segmentation(
            array=labels.astype(np.uint8),
            geometry=geometry,
            labels=PHANTOM_LABELS,
            case_id=case_id,
        ),
        tumours=read_only(numbers),
    )


def _space_of(geometry: Geometry) -> Space:
    """The grid's own coordinates, neither turned nor bent."""
    i, j, k = (
        (np.arange(size) * edge).astype(np.float32)
        for size, edge in zip(geometry.shape, geometry.spacing_mm, strict=True)
    )
    right, anterior, superior = np.meshgrid(i, j, k, indexing="ij")
    m, n, o = geometry.shape
    where = (slice(0, m), slice(0, n), slice(0, o))
    return Space(right, anterior, superior, (i, j, k), where)


def _draw_tumours(
    rng: np.random.Generator, space: Space, liver_mm: Field
) -> list[_Tumour]:
    """Groups of tumours; those of one touch, those of two keep clear."""
    tumours: list[_Tumour] = []
    for _ in range(int(rng.choice(_GROUPS))):
        for _ in range(_ATTEMPTS):
            group = _draw_group(rng, space, int(rng.choice(_IN_A_GROUP)))
            if _fits(group, tumours, liver_mm):
                tumours += group
                break
    return tumours or _draw_tumours(rng, space, liver_mm)


def _draw_group(rng: np.random.Generator, space: Space, count: int) -> list[_Tumour]:
    extent = np.array([float(axis[-1]) for axis in space.axes_mm])
    centre = rng.uniform(0.2, 0.8, 3) * extent
    group = [_draw_one(rng, space, centre)]
    while len(group) < count:
        last = group[-1]
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        radius = float(rng.uniform(*_RADII_MM))
        step = rng.uniform(*_OVERLAP) * (last.radius_mm + radius)
        group.append(_draw_one(rng, space, last.centre_mm + step * direction, radius))
    return group


def _draw_one(
    rng: np.random.Generator,
    space: Space,
    centre_mm: np.ndarray,
    radius_mm: float | None = None,
) -> _Tumour:
    radius = float(rng.uniform(*_RADII_MM)) if radius_mm is None else radius_mm
    a, b, c = (radius * float(each) for each in rng.uniform(*_OBLONG, 3))
    p, q, r = (float(each) for each in centre_mm)
    u, v, w = (float(each) for each in rng.uniform(-90, 90, 3))
    body = Ellipsoid((p, q, r), (a, b, c), (u, v, w))
    return _Tumour(centre_mm, radius, body.distance_mm(space))


def _fits(group: list[_Tumour], others: list[_Tumour], liver_mm: Field) -> bool:
    """Whether a group is one piece inside the liver, and clear of the others."""
    inside = np.min([each.distance_mm for each in group], axis=0)
    if (liver_mm[inside < 0] > -2).any() or not _inside_grid(inside):
        return False
    for one, other in zip(group, group[2:], strict=False):
        apart = np.linalg.norm(one.centre_mm - other.centre_mm)
        if apart < one.radius_mm + other.radius_mm:
            return False
    if others:
        nearest = np.min([each.distance_mm for each in others], axis=0)
        if ((inside < _CLEAR_MM) & (nearest < _CLEAR_MM)).any():
            return False
    return int(ndimage.label(inside < 0, _EVERYWHERE)[1]) == 1


def _inside_grid(distance_mm: Field) -> bool:
    border = np.ones(distance_mm.shape, bool)
    border[1:-1, 1:-1, 1:-1] = False
    return not (distance_mm[border] < 0).any()
