"""Two-dimensional slices of a scan as a radiologist expects to see them."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Int64, Shaped

from medseg.core.geometry import Geometry
from medseg.core.volume import LabelArray

Voxels = Shaped[np.ndarray, "i j k"]
PatientVoxels = Shaped[np.ndarray, "right anterior superior"]
Pixels = Shaped[np.ndarray, "row column"]
Areas = Int64[np.ndarray, "slice label"]


class Plane(Enum):
    """The three planes; the value is the patient axis (R, A, S) across the plane."""

    SAGITTAL = 0
    CORONAL = 1
    AXIAL = 2

    @property
    def title(self) -> str:
        """Name as it stands under a picture."""
        return self.name.capitalize()

    @property
    def edges(self) -> tuple[str, str, str, str]:
        """Letters at the left, right, top and bottom edge of the picture."""
        match self:
            case Plane.SAGITTAL:
                return "A", "P", "S", "I"
            case Plane.CORONAL:
                return "R", "L", "S", "I"
            case Plane.AXIAL:
                return "R", "L", "A", "P"


@dataclass(frozen=True)
class Box:
    """Part of a picture, in pixels; `stop` is one past the last."""

    row_start: int
    row_stop: int
    column_start: int
    column_stop: int

    def cut(self, pixels: Pixels) -> Shaped[np.ndarray, "height width"]:
        """The part of a picture inside the box."""
        part: np.ndarray = pixels[
            self.row_start : self.row_stop, self.column_start : self.column_stop
        ]
        return part


@dataclass(frozen=True)
class Display:
    """How to turn the voxels of one grid into pictures.

    Radiological convention: the patient's right is on the left of axial and coronal
    pictures, anterior is up in axial and left in sagittal ones, superior is up.
    Oblique scans are shown along the voxel axes nearest to the patient's.

    Attributes:
        geometry: Grid of the arrays to show.
    """

    geometry: Geometry

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along R, A, S."""
        right, anterior, superior = self.geometry.patient_axes
        shape = self.geometry.shape
        return shape[right], shape[anterior], shape[superior]

    def pixel_mm(self, plane: Plane) -> tuple[float, float]:
        """Height and width of one pixel."""
        spacing = [self.geometry.spacing_mm[a] for a in self.geometry.patient_axes]
        column, row = (axis for axis in range(3) if axis != plane.value)
        return spacing[row], spacing[column]

    def oriented(self, voxels: Voxels) -> PatientVoxels:
        """A view whose axes run towards R, A, S."""
        axes = self.geometry.patient_axes
        view: np.ndarray = voxels.transpose(axes)
        signs = [self.geometry.affine[world, axes[world]] for world in range(3)]
        turned = tuple(slice(None, None, -1 if sign < 0 else 1) for sign in signs)
        return view[turned]

    def slice(self, voxels: Voxels, plane: Plane, index: int) -> Pixels:
        """One slice as a picture.

        Args:
            voxels: Array on this grid.
            plane: Which plane.
            index: Position along the plane's axis, counted towards R, A or S.
        """
        across = (slice(None),) * plane.value + (index,)
        pixels: np.ndarray = self.oriented(voxels)[across]  # a view; np.take copies all
        return pixels.T[::-1, ::-1]

    def shadow(self, mask: Voxels, plane: Plane) -> Pixels:
        """Pixels that the mask covers in at least one slice."""
        covered = np.asarray(self.oriented(mask).any(axis=plane.value))
        return covered.T[::-1, ::-1]

    def areas(self, labels: LabelArray, plane: Plane, largest: int) -> Areas:
        """Pixels of every label from 0 to `largest` in every slice."""
        slices = np.moveaxis(self.oriented(labels), plane.value, 0)
        counts = [np.bincount(each.ravel(), minlength=largest + 1) for each in slices]
        return np.array(counts, dtype=np.int64)


def telling_slice(areas: Areas) -> int:
    """Slice that shows most structures, each as near its largest area as possible.

    Every structure counts the same, so that a small tumour is not outvoted by a liver.
    """
    foreground = areas[:, 1:]
    largest = foreground.max(axis=0, initial=0)
    shown = foreground[:, largest > 0] / largest[largest > 0]
    return int(shown.sum(axis=1).argmax()) if shown.size else len(areas) // 2


def largest_slice(areas: Areas, label: int) -> int:
    """Slice in which one structure is largest."""
    return int(areas[:, label].argmax())


def spread_slices(areas: Areas, count: int) -> list[int]:
    """Slices at equal distances through everything that is labelled, ascending."""
    labelled = np.flatnonzero(areas[:, 1:].sum(axis=1))
    first, last = (labelled[0], labelled[-1]) if labelled.size else (0, len(areas) - 1)
    step = (last - first) / count
    middles = first + step * (np.arange(count) + 0.5)
    return sorted({int(middle) for middle in np.round(middles)})


def box_around(mask: Pixels, pixel_mm: tuple[float, float], *, margin_mm: float) -> Box:
    """Box around a mask with a margin, cut off at the picture's edge."""
    limits: list[int] = []
    for axis, (first, last) in enumerate(_extents(mask)):
        margin = round(margin_mm / pixel_mm[axis])
        limits += [max(0, first - margin), min(mask.shape[axis], last + 1 + margin)]
    return Box(*limits)


def square_around(
    mask: Pixels, pixel_mm: tuple[float, float], *, margin_mm: float, least_mm: float
) -> Box:
    """Square box around a mask, with a margin and a least side.

    It is moved, not shrunk, where it would stick out of the picture.
    """
    extents = _extents(mask)
    extents_mm = [
        (last - first + 1) * size_mm
        for (first, last), size_mm in zip(extents, pixel_mm, strict=True)
    ]
    side_mm = max(least_mm, max(extents_mm) + 2 * margin_mm)
    limits: list[int] = []
    for axis, (first, last) in enumerate(extents):
        length = min(mask.shape[axis], round(side_mm / pixel_mm[axis]))
        start = round((first + last + 1 - length) / 2)
        start = max(0, min(start, mask.shape[axis] - length))
        limits += [start, start + length]
    return Box(*limits)


def _extents(mask: Pixels) -> list[tuple[int, int]]:
    """First and last row, first and last column; the whole picture when empty."""
    if not mask.any():
        return [(0, size - 1) for size in mask.shape]
    used = [np.flatnonzero(mask.any(axis=1 - axis)) for axis in range(2)]
    return [(int(each[0]), int(each[-1])) for each in used]
