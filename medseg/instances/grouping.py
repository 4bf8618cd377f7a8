"""Voxels grouped by the centres that a network has learned to see.

As Panoptic-DeepLab (Cheng et al., 2020) does, within each connected piece.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Integer
from scipy import ndimage
from scipy.spatial import KDTree

from medseg.core.box import Box
from medseg.core.centre_maps import CentreMaps
from medseg.core.geometry import Geometry, Spacing
from medseg.core.instance_settings import LearnedCentres
from medseg.core.lesions import Connectivity

Mask = Bool[np.ndarray, "i j k"]
Numbers = Integer[np.ndarray, "i j k"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Centres:
    """The centres in a scan, and the maps that voxels are led to them by.

    Attributes:
        maps: From a network.
        ras_mm: The centres, the surest first.
    """

    maps: CentreMaps
    ras_mm: Float64[np.ndarray, "centre 3"]


def found_centres(maps: CentreMaps, split: LearnedCentres) -> Centres:
    """The places where the heat-map is largest all round.

    Args:
        maps: From a network.
        split: How high the heat-map is at a centre, and how near two may be; of two
            that are nearer the surer one is kept.
    """
    heat = maps.heat.astype(np.float32)
    is_peak = heat >= split.least_heat
    if is_peak.any():
        is_peak &= heat == ndimage.maximum_filter(heat, size=3, mode="nearest")
    index = np.argwhere(is_peak)
    index = index[np.argsort(-heat[is_peak], kind="stable")]
    places = maps.geometry.to_world(index.astype(np.float64))
    apart_mm = maps.sigma_mm if split.apart_mm is None else split.apart_mm
    return Centres(maps=maps, ras_mm=places[_apart(places, apart_mm)])


def grouped(
    mask: Mask, box: Box, centres: Centres, grid: Geometry, connectivity: Connectivity
) -> Numbers:
    """Number of the lesion at each voxel of one connected piece, 0 outside it.

    A voxel belongs to the centre nearest to where its offset leads. Only centres in
    the piece count, or a sigma from it, where that of a curved lesion may lie; without
    any the piece is one lesion. What is apart from the rest of its lesion goes to the
    one next to it.

    Args:
        mask: The piece, in its box.
        box: Where that lies in the scan.
        centres: From `found_centres`.
        grid: Of the whole label map.
        connectivity: Which neighbours are of one lesion.
    """
    numbers = mask.astype(np.int32)
    if not len(centres.ras_mm):
        return numbers
    voxels = grid.to_world(np.argwhere(mask) + np.array(box.start, np.float64))
    far, _ = KDTree(voxels).query(centres.ras_mm)
    near = centres.ras_mm[far <= centres.maps.sigma_mm]
    if len(near) < 2:
        return numbers
    _, nearest = KDTree(near).query(centres.maps.aims_ras_mm(voxels))
    numbers[mask] = 1 + nearest
    return _whole(numbers, connectivity, grid.spacing_mm)


def _apart(places: Float64[np.ndarray, "centre 3"], apart_mm: float) -> list[int]:
    """Places of which none is too near to an earlier one."""
    if not len(places):
        return []
    tree = KDTree(places)
    is_free = np.ones(len(places), bool)
    kept: list[int] = []
    for place, world in enumerate(places):
        if is_free[place]:
            kept.append(place)
            is_free[tree.query_ball_point(world, apart_mm)] = False
    return kept


def _whole(
    numbers: Numbers, connectivity: Connectivity, spacing_mm: Spacing
) -> Numbers:
    """What is apart from the largest piece of its lesion goes to the nearest lesion."""
    neighbours = ndimage.generate_binary_structure(3, connectivity.rank)
    is_rest = np.zeros(numbers.shape, bool)
    for number, place in enumerate(ndimage.find_objects(numbers), start=1):
        if place is None:
            continue
        pieces, count = ndimage.label(numbers[place] == number, neighbours)
        if count > 1:
            largest = int(np.bincount(pieces[pieces > 0]).argmax())
            is_rest[place] |= (pieces > 0) & (pieces != largest)
    if not is_rest.any():
        return numbers
    i, j, k = ndimage.distance_transform_edt(
        (numbers == 0) | is_rest,
        sampling=spacing_mm,
        return_distances=False,
        return_indices=True,
    )
    joined: np.ndarray = np.where(is_rest, numbers[i, j, k], numbers)
    return joined
