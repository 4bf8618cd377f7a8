"""How a scan's voxel grid is laid out in napari's world, and back.

The world is the patient, in millimetres, with the axes (S, A, R): Superior, Anterior,
Right, all ascending. An array is transposed and flipped so that its axes run nearest to
these, and placed by a positive scale and a translation alone: napari slices anything
with a rotation only approximately, and even noise of 1e-6 in a direction counts as one.

A scan whose axes lie within `SNAP_TOLERANCE_DEG` of the patient's counts as aligned (at
the edge of a 36 cm field of view that moves a voxel by 0.16 mm at most). A truly
oblique scan is shown along its own axes, turned about its centre. Either way the exact
grid stays in `Placement.source`, so results are computed and saved without any loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from napari.layers import Layer

import medseg

SNAP_TOLERANCE_DEG = 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class Placement:
    """A grid and the way it is shown.

    Attributes:
        source: The grid as it was read.
        axes: Its voxel axes that became S, A, R.
        flipped: Which of S, A, R then had to be turned round.
    """

    source: medseg.Geometry
    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @classmethod
    def of(cls, geometry: medseg.Geometry) -> "Placement":
        """The way to show a grid that was read."""
        r, a, s = geometry.patient_axes
        affine = geometry.affine
        flipped = bool(affine[2, s] < 0), bool(affine[1, a] < 0), bool(affine[0, r] < 0)
        return cls(source=geometry, axes=(s, a, r), flipped=flipped)

    @classmethod
    def of_transform(
        cls, shape: Sequence[int], scale: Sequence[float], translate: Sequence[float]
    ) -> "Placement":
        """The grid of an array that is known only by how it is shown."""
        affine = np.eye(4)
        affine[:3, :3] = np.diag(scale)[::-1]
        affine[:3, 3] = np.asarray(translate)[::-1]
        s, a, r = shape
        return cls.of(medseg.Geometry((s, a, r), affine))

    @property
    def shown(self) -> medseg.Geometry:
        """The exact grid of the array as it is shown, axes S, A, R."""
        return self.source.permuted(self.axes, self.flipped)

    @property
    def scale(self) -> tuple[float, float, float]:
        """Millimetres per voxel along S, A, R."""
        return self.shown.spacing_mm

    @property
    def translate(self) -> tuple[float, float, float]:
        """Where the first voxel is shown, (S, A, R) in mm; the centre is exact."""
        half = (np.array(self.shown.shape) - 1) / 2 * np.array(self.scale)
        s, a, r = self.source.centre_ras_mm[::-1] - half
        return float(s), float(a), float(r)

    @property
    def is_oblique(self) -> bool:
        """Whether positions shown away from the centre are not the patient's."""
        return self.source.obliquity_deg > SNAP_TOLERANCE_DEG

    def to_shown(self, array: np.ndarray) -> np.ndarray:
        """An (i, j, k) array of the source as an (S, A, R) array, a view."""
        return np.flip(array.transpose(self.axes), self._flipped_axes)

    def to_source(self, array: np.ndarray) -> np.ndarray:
        """An (S, A, R) array as an (i, j, k) array of the source, a view."""
        turned_back = np.flip(array, self._flipped_axes)
        return turned_back.transpose(np.argsort(self.axes))

    def is_shown_at(
        self, shape: Sequence[int], scale: Sequence[float], translate: Sequence[float]
    ) -> bool:
        """Whether an array with this transform lies on this grid, to a thousandth."""
        return tuple(shape) == self.shown.shape and bool(
            np.allclose(scale, self.scale, rtol=0, atol=1e-4)
            and np.allclose(translate, self.translate, rtol=0, atol=1e-3)
        )

    @property
    def _flipped_axes(self) -> tuple[int, ...]:
        return tuple(axis for axis, flip in enumerate(self.flipped) if flip)


def place_at(layer: Layer, scale: Sequence[float], translate: Sequence[float]) -> None:
    """Put a layer where it is to be; each of the two draws it anew, if it changes."""
    if not np.array_equal(layer.scale, scale):
        layer.scale = scale
    if not np.array_equal(layer.translate, translate):
        layer.translate = translate
