"""A liver with two balls that touch, and a rod apart from them, of known sizes."""

import numpy as np

import medseg
from tests.plugin.scans import LABELS, SPACING_RAS_MM, in_voxel_order

SHAPE_RAS = (40, 24, 14)
BALLS_MM = (20.0, 18.0, 24.0), (38.0, 18.0, 24.0)  # from the first voxel, R A S
RADIUS_MM = 10.0
HEAT_SIGMA_MM = 4.0
ROD = (34, slice(6, 15), 10)  # nine voxels along A
ROD_MM = 9 * SPACING_RAS_MM[1], SPACING_RAS_MM[0]  # long, across
ROD_ML = 9 * float(np.prod(SPACING_RAS_MM)) / 1000
ROD_HU, BALLS_HU, LIVER_HU = 77, 20, 100
Order = tuple[tuple[int, int, int], tuple[bool, bool, bool]]
RAS: Order = ((0, 1, 2), (False, False, False))
LPS: Order = ((0, 1, 2), (True, True, False))
TURNED: Order = ((2, 0, 1), (True, False, True))


def ball(centre_mm: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    places = np.indices(SHAPE_RAS).T * np.array(SPACING_RAS_MM) - centre_mm
    inside: np.ndarray = (np.linalg.norm(places, axis=-1) <= radius_mm).T
    return inside


def labels_ras(radius_mm: float = RADIUS_MM, *, has_rod: bool = True) -> np.ndarray:
    labels = np.zeros(SHAPE_RAS, np.uint8)
    labels[1:-1, 1:-1, 1:-1] = 1
    for centre in BALLS_MM:
        labels[ball(centre, radius_mm)] = 2
    if has_rod:
        labels[ROD] = 2
    return labels


def lesion_labels(
    order: Order = RAS, radius_mm: float = RADIUS_MM, *, has_rod: bool = True
) -> medseg.Segmentation:
    array, geometry = in_voxel_order(labels_ras(radius_mm, has_rod=has_rod), *order)
    return medseg.Segmentation(
        array=array, geometry=geometry, labels=LABELS, case_id="c1"
    )


def lesion_scan(order: Order = RAS) -> medseg.Volume:
    labels = labels_ras()
    image = np.array([-1000, LIVER_HU, BALLS_HU], np.int16)[labels]
    image[ROD] = ROD_HU
    array, geometry = in_voxel_order(image, *order)
    return medseg.Volume(
        array=array[np.newaxis], geometry=geometry, channels=("CT",), case_id="c1"
    )


def centres_seen() -> medseg.CentreMaps:
    """What a model would say that knows the middles of the two balls, on its own grid.

    Every voxel aims at the nearer of the two; the heat-map is 1 in their middles.
    """
    places_mm = np.indices(SHAPE_RAS).T.reshape(-1, 3) * np.array(SPACING_RAS_MM)
    ways_mm = np.array(BALLS_MM)[:, None] - places_mm
    lengths_mm = np.linalg.norm(ways_mm, axis=-1)
    nearer = ways_mm[lengths_mm.argmin(0), np.arange(len(places_mm))]
    heat = np.exp(-0.5 * (lengths_mm.min(0) / HEAT_SIGMA_MM) ** 2)
    _, geometry = in_voxel_order(labels_ras())
    return medseg.CentreMaps(
        heat=_on_grid(heat),
        offsets_mm=np.stack([_on_grid(along) for along in nearer.T]),
        geometry=geometry,
        things=("liver tumour",),
        sigma_mm=HEAT_SIGMA_MM,
    )


def _on_grid(values: np.ndarray) -> np.ndarray:
    s, a, r = SHAPE_RAS[::-1]
    on_grid: np.ndarray = values.reshape(s, a, r).T.astype(np.float32)
    return on_grid
