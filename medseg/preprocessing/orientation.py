"""Arrays in the order R, A, S, and back."""

import numpy as np

from medseg.core.geometry import Geometry, Shape3


def axes_to_ras(geometry: Geometry) -> tuple[Shape3, tuple[bool, bool, bool]]:
    """Permutation and flips that bring the voxel axes nearest to R, A, S."""
    axes = geometry.patient_axes
    flips = [bool(geometry.affine[world, axes[world]] < 0) for world in range(3)]
    return axes, (flips[0], flips[1], flips[2])


def oriented(
    array: np.ndarray, axes: Shape3, flipped: tuple[bool, bool, bool]
) -> np.ndarray:
    """Permute the last three axes, then flip those named. A view."""
    lead = array.ndim - 3
    turned = array.transpose(*range(lead), *(lead + axis for axis in axes))
    return np.flip(turned, tuple(lead + axis for axis in range(3) if flipped[axis]))


def deoriented(
    array: np.ndarray, axes: Shape3, flipped: tuple[bool, bool, bool]
) -> np.ndarray:
    """The inverse of `oriented` for the same axes and flips. A view."""
    lead = array.ndim - 3
    turned = np.flip(array, tuple(lead + axis for axis in range(3) if flipped[axis]))
    back = [axes.index(axis) for axis in range(3)]
    return turned.transpose(*range(lead), *(lead + axis for axis in back))
