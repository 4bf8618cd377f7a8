"""Small scans with a known right, front and top, in any voxel order."""

from itertools import permutations, product

import numpy as np

import medseg

SHAPE_RAS = (20, 24, 14)
SPACING_RAS_MM = (2.0, 1.5, 4.0)
ORIGIN_RAS_MM = (-30.0, 12.0, 100.0)
LABELS = medseg.LabelSet.from_names([(1, "liver"), (2, "liver tumour")])
ORIENTATIONS = [
    (axes, flips)
    for axes in permutations(range(3))
    for flips in product((False, True), repeat=3)
]


def marker_image(shape: tuple[int, int, int] = SHAPE_RAS) -> np.ndarray:
    """Grey body, bright in its corner to the right, front and top (axes R, A, S)."""
    image = np.full(shape, -1000, dtype=np.int16)
    r, a, s = shape
    image[2:-2, 2:-2, 1:-1] = 40
    image[-r // 3 : -2, -a // 3 : -2, -s // 3 : -1] = 400
    return image


def in_voxel_order(
    array_ras: np.ndarray,
    axes: tuple[int, int, int] = (0, 1, 2),
    flips: tuple[bool, bool, bool] = (False, False, False),
) -> tuple[np.ndarray, medseg.Geometry]:
    """The same array and place with its voxel axes permuted and turned round."""
    r, a, s = array_ras.shape
    geometry = medseg.Geometry.from_spacing((r, a, s), SPACING_RAS_MM, ORIGIN_RAS_MM)
    turned = tuple(axis for axis, flip in enumerate(flips) if flip)
    array = np.flip(array_ras.transpose(axes), turned)
    return array, geometry.permuted(axes, flips)


def scan_of(
    array: np.ndarray, geometry: medseg.Geometry, channel: str = "CT"
) -> medseg.Volume:
    return medseg.Volume(
        array=array[np.newaxis], geometry=geometry, channels=(channel,), case_id="c1"
    )


def marker_scan(
    axes: tuple[int, int, int] = (0, 1, 2),
    flips: tuple[bool, bool, bool] = (False, False, False),
) -> medseg.Volume:
    return scan_of(*in_voxel_order(marker_image(), axes, flips))


def marker_labels(
    axes: tuple[int, int, int] = (0, 1, 2),
    flips: tuple[bool, bool, bool] = (False, False, False),
) -> medseg.Segmentation:
    """The grey body as label 1 and the marker as label 2."""
    image = marker_image()
    labels = (image > 0).astype(np.uint8) + (image > 100)
    array, geometry = in_voxel_order(labels.astype(np.uint8), axes, flips)
    return medseg.Segmentation(array=array, geometry=geometry, labels=LABELS)


def rotated(geometry: medseg.Geometry, degrees: float) -> medseg.Geometry:
    """The grid turned about the axis from feet to head, through the world's origin."""
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return medseg.Geometry(geometry.shape, turn @ geometry.affine)
