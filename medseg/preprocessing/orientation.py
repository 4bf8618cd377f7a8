"""Arrays in the order of a network's axes, and back."""

import numpy as np

from medseg.core.geometry import Geometry, Shape3
from medseg.core.plan import PatientAxes, StoredAxes

_POSITIVE, _NEGATIVE = "RAS", "LPI"


def network_axes(
    geometry: Geometry, wanted: PatientAxes | StoredAxes
) -> tuple[Shape3, tuple[bool, bool, bool]]:
    """Permutation and flips that bring the voxel axes to a network's.

    Axes of the patient are matched with the voxel axes nearest to them; those of the
    file are taken as they lie and never flipped.
    """
    if isinstance(wanted, StoredAxes):
        return wanted.order, (False, False, False)
    order: list[int] = []
    flips: list[bool] = []
    for code in wanted.codes:
        world = (_POSITIVE if code in _POSITIVE else _NEGATIVE).index(code)
        axis = geometry.patient_axes[world]
        runs_negative = bool(geometry.affine[world, axis] < 0)
        order.append(axis)
        flips.append(runs_negative != (code in _NEGATIVE))
    return (order[0], order[1], order[2]), (flips[0], flips[1], flips[2])


def oriented(
    array: np.ndarray, axes: Shape3, flipped: tuple[bool, bool, bool]
) -> np.ndarray:
    """Permute the last three axes, then flip those named. A view."""
    lead = array.ndim - 3
    turned = array.transpose(*range(lead), *(lead + axis for axis in axes))
    return np.flip(turned, tuple(lead + axis for axis in range(3) if flipped[axis]))
