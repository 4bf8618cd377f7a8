"""The plane of a slice: its place, directions, pixels, and the order of several."""

from collections.abc import Sequence

import numpy as np

from medseg.io.dicom.headers import SliceHeader
from medseg.io.dicom.spacing import MAX_ANGLE_DEG, SAME_POSITION_MM

MIN_SLICES = 3
"""With two slices one cannot tell whether there was one between them."""

_SAME_PIXEL_SIZE = 1e-4
_SMALLEST_MM, _FARTHEST_MM = 1e-6, 1e6
_PLANES = ("sagittal", "coronal", "axial")


def position_of(header: SliceHeader) -> np.ndarray:
    """Centre of the first pixel, in LPS."""
    return np.array(header.position_lps_mm)


def axes_of(header: SliceHeader) -> np.ndarray:
    """Direction of a row (j constant, i grows) and of a column, one a line."""
    return np.array(header.directions).reshape(2, 3)


def normal_of(header: SliceHeader) -> np.ndarray:
    """Unit vector along row direction x column direction."""
    normal = np.cross(*axes_of(header))
    unit: np.ndarray = normal / np.linalg.norm(normal)
    return unit


def pixel_size_of(header: SliceHeader) -> tuple[float, float]:
    """Millimetres along a row and along a column."""
    return header.column_spacing_mm, header.row_spacing_mm


def plane_of(header: SliceHeader) -> str:
    """The anatomical plane nearest to it."""
    return _PLANES[int(np.abs(normal_of(header)).argmax())]


def has_geometry(header: SliceHeader) -> bool:
    """Whether place, two perpendicular directions and pixel size are there."""
    if header.position_lps_mm is None or header.directions is None:
        return False
    lengths_mm = np.abs([*header.position_lps_mm, *pixel_size_of(header)])
    if min(pixel_size_of(header)) < _SMALLEST_MM or lengths_mm.max() > _FARTHEST_MM:
        return False
    axes = axes_of(header)
    deviation = np.abs(axes @ axes.T - np.eye(2)).max()
    return bool(deviation < np.sin(np.radians(MAX_ANGLE_DEG)))


def turned_deg(a: SliceHeader, b: SliceHeader) -> float:
    """Larger of the angles between their rows and between their columns."""
    apart = np.linalg.norm(axes_of(a) - axes_of(b), axis=1).max()
    return float(np.degrees(2 * np.arcsin(min(apart / 2, 1))))


def has_same_pixels(a: SliceHeader, b: SliceHeader) -> bool:
    """Whether their pixels have the same size."""
    pairs = zip(pixel_size_of(a), pixel_size_of(b), strict=True)
    return all(abs(x - y) <= _SAME_PIXEL_SIZE * y for x, y in pairs)


def by_position(
    slices: Sequence[SliceHeader],
) -> tuple[tuple[tuple[SliceHeader, ...], ...], list[float]]:
    """Parallel slices grouped by position along the normal, ascending, and those.

    Slices closer than `SAME_POSITION_MM` to the next are at one position, all of a run.
    """
    normal = normal_of(slices[0])
    placed = sorted(
        ((float(position_of(s) @ normal), s.name, s) for s in slices),
        key=lambda entry: entry[:2],
    )
    groups: list[list[SliceHeader]] = []
    along_mm: list[float] = []
    last_mm = -np.inf
    for along, _, header in placed:
        if along - last_mm <= SAME_POSITION_MM:
            groups[-1].append(header)
        else:
            groups.append([header])
            along_mm.append(along)
        last_mm = along
    return tuple(tuple(group) for group in groups), along_mm
