"""Slices that lie askew or unevenly -> one regular upright grid.

The new grid keeps the directions and the size of the pixels; its third axis is the
normal of the slices. Between two slices values are interpolated from each pixel to the
same pixel of the next slice, then moved sideways to where they are in the patient, so
that whatever is linear in space stays as it was.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped
from scipy.ndimage import affine_transform

from medseg.core.geometry import Geometry
from medseg.core.volume import Volume
from medseg.io.checks import (
    MAX_SHEAR_DEG,
    largest_shear_deg,
    require_believable_size,
)

_DIGITS = 4
"""To which share of a pixel or of a gap; closer is rounding, not worth blurring."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LooseSlices:
    """Parallel slices, each at a place of its own.

    Attributes:
        shape: Pixels along i and j.
        pixel_ras_mm: From one pixel to the next along i and along j, one a column.
        origins_ras_mm: Centre of the first pixel of each slice, in order.
        step_mm: Distance wanted between slices; divides the height of the stack.
    """

    shape: tuple[int, int]
    pixel_ras_mm: Float[np.ndarray, "3 2"]
    origins_ras_mm: Float[np.ndarray, "slice 3"]
    step_mm: float

    @classmethod
    def of_sheared(cls, geometry: Geometry) -> "LooseSlices":
        """The slices k of a grid whose axes are not at right angles."""
        count = geometry.shape[2]
        index = np.zeros((count, 3))
        index[:, 2] = np.arange(count)
        upright = _upright_axes(geometry.affine[:3, :2])
        return cls(
            shape=geometry.shape[:2],
            pixel_ras_mm=geometry.affine[:3, :2],
            origins_ras_mm=geometry.to_world(index),
            step_mm=float(abs(upright[:, 2] @ geometry.affine[:3, 2])),
        )

    @cached_property
    def geometry(self) -> Geometry:
        """The upright grid, large enough for all of every slice."""
        affine = np.eye(4)
        affine[:3, :3] = self._axes * (1, 1, self.step_mm)
        low, high = self._extent
        affine[:3, 3] = self.origins_ras_mm[0] + self._axes[:, :2] @ low
        size_i, size_j = (high - low + 1).tolist()
        count = round(self._places[-1, 2] / self.step_mm) + 1
        return Geometry((size_i, size_j, count), affine)

    def resampled(self, array: Shaped[np.ndarray, "i j k"]) -> np.ndarray:
        """The values of the slices on the upright grid; outside, the lowest of them.

        Linear between pixels and slices. Whole numbers are rounded to whole numbers.
        """
        kind = array.dtype
        lowest = float(array.min())
        result = np.empty(self.geometry.shape, dtype=kind, order="F")
        for k in range(result.shape[2]):
            below, weight = self._between(k * self.step_mm)
            place = _mix(self._places[below, :2], self._places[below + 1, :2], weight)
            working = np.result_type(kind, np.float32)
            low, high = array[..., below : below + 2].astype(working).T
            moved = self._moved(_mix(low, high, weight).T, place, lowest)
            result[..., k] = np.rint(moved) if kind.kind in "iu" else moved
        return result

    def _between(self, along_mm: float) -> tuple[int, float]:
        """The slice below a height, and how far that is on the way to the next."""
        heights = self._places[:, 2]
        above = np.searchsorted(heights, along_mm, side="right")
        below = int(np.clip(above - 1, 0, len(heights) - 2))
        gap_mm = heights[below + 1] - heights[below]
        share = (along_mm - heights[below]) / gap_mm
        return below, round(float(np.clip(share, 0, 1)), _DIGITS)

    def _moved(
        self, pixels: np.ndarray, place: np.ndarray, lowest: float
    ) -> np.ndarray:
        """Pixels (i, j) of a slice at some place, on the pixels of the grid."""
        low, _ = self._extent
        first = np.round(low - place, _DIGITS)
        first[0] -= self._skew * first[1]
        matrix = np.array([[1, -self._skew], [0, 1]])
        if pixels.shape == self.geometry.shape[:2] and not (self._skew or first.any()):
            return pixels
        moved: np.ndarray = affine_transform(
            pixels,
            matrix,
            offset=first,
            output_shape=self.geometry.shape[:2],
            order=1,
            mode="constant",
            cval=lowest,
        )
        return moved

    @cached_property
    def _axes(self) -> Float[np.ndarray, "3 3"]:
        """Pixel steps of the upright grid along i and j, and its unit normal."""
        axes = _upright_axes(self.pixel_ras_mm)
        rise = self.origins_ras_mm[-1] - self.origins_ras_mm[0]
        axes[:, 2] *= np.sign(axes[:, 2] @ rise)
        return axes

    @cached_property
    def _places(self) -> Float[np.ndarray, "slice 3"]:
        """First pixel of each slice: in pixels along i and j, in mm along the normal.

        Counted from the first slice.
        """
        apart: np.ndarray = self.origins_ras_mm - self.origins_ras_mm[0]
        inverse = np.linalg.inv(self._axes)
        places: np.ndarray = apart @ inverse.T
        return places

    @cached_property
    def _skew(self) -> float:
        """Pixels along i by which a column leans over for each pixel along j."""
        i, j = self._axes[:, 0], self.pixel_ras_mm[:, 1]
        return round(float(i @ j / (i @ i)), 12)

    @cached_property
    def _extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest pixel of the grid, counted from that of slice 0."""
        last_i, last_j = self.shape[0] - 1, self.shape[1] - 1
        lean = self._skew * last_j
        first = np.array([min(0.0, lean), 0.0])
        last = np.array([last_i + max(0.0, lean), float(last_j)])
        low = np.round(self._places[:, :2].min(axis=0) + first, _DIGITS)
        high = np.round(self._places[:, :2].max(axis=0) + last, _DIGITS)
        return np.floor(low).astype(int), np.ceil(high).astype(int)


def upright(volume: Volume, path: Path) -> Volume:
    """A scan with its axes at right angles, resampled if they are not.

    Raises:
        UnusableInput: TOO_LARGE, where it leans over so far that the grid would be.
    """
    if largest_shear_deg(volume.geometry.affine[:3, :3]) <= MAX_SHEAR_DEG:
        return volume
    slices = LooseSlices.of_sheared(volume.geometry)
    require_believable_size(slices.geometry.shape, volume.array.itemsize, path)
    array = np.stack([slices.resampled(channel) for channel in volume.array])
    return replace(volume, array=array, geometry=slices.geometry, source=())


def _upright_axes(pixels: Float[np.ndarray, "3 2"]) -> Float[np.ndarray, "3 3"]:
    """The axis i, what of j is at right angles to it, and the unit normal of both."""
    i, j = pixels.T
    upright_j = j - i * (i @ j) / (i @ i)
    normal = np.cross(i, upright_j)
    return np.column_stack([i, upright_j, normal / np.linalg.norm(normal)])


def _mix(low: np.ndarray, high: np.ndarray, weight: float) -> np.ndarray:
    if weight in (0, 1):
        return high if weight else low
    mixed: np.ndarray = low + (high - low) * weight
    return mixed
