"""Edges of a scan."""

import numpy as np
import SimpleITK as sitk  # noqa: N813
from scipy import ndimage

from medseg.classical.images import (
    Intensities,
    Mask,
    from_itk,
    gradient,
    steepness,
    to_itk,
)
from medseg.classical.memory import require_memory
from medseg.classical.results import found, one_label, require_order
from medseg.classical.settings import CannySettings, GradientSettings
from medseg.core.geometry import Spacing
from medseg.core.volume import Segmentation, Volume

_CANNY = CannySettings()
_GRADIENT = GradientSettings()


def gradient_edges(
    volume: Volume, settings: GradientSettings = _GRADIENT
) -> Segmentation:
    """Where the intensity changes by so much a mm: edges as thick as they are blurred.

    Raises:
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_memory("gradient-edges", volume.geometry.shape, volume.case_id)
    inside = steepness(volume, settings.sigma_mm) >= settings.steepness
    return found(volume, inside, one_label("edge"), "gradient-edges", settings)


def canny(volume: Volume, settings: CannySettings = _CANNY) -> Segmentation:
    """Thin edges: where the scan is steepest across the edge (Canny, 1986).

    Lengths are in mm along every axis, so that voxels need not be cubes; ITK's own
    filter takes derivatives from voxel to voxel.

    Raises:
        WrongUse: INVALID_OPTION, when weak is above strong.
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_order("weak", settings.weak, "strong", settings.strong)
    require_memory("canny", volume.geometry.shape, volume.case_id)
    spacing_mm = volume.geometry.spacing_mm
    slopes = gradient(volume, settings.sigma_mm)
    steep = np.sqrt((slopes**2).sum(axis=-1))
    weak = _is_ridge(slopes, steep, spacing_mm, settings.weak)
    strong = weak & (steep >= settings.strong)
    edges = sitk.BinaryReconstructionByDilation(
        to_itk(strong, spacing_mm),
        to_itk(weak, spacing_mm),
        0,
        1,
        fullyConnected=True,
    )
    return found(volume, from_itk(edges), one_label("edge"), "canny", settings)


def _is_ridge(
    slopes: np.ndarray, steep: Intensities, spacing_mm: Spacing, least: float
) -> Mask:
    """Voxels at least so steep that are steeper than a step up and a step down.

    Args:
        slopes: Gradient (i, j, k, 3), intensity per mm.
        steep: Its length.
        spacing_mm: Between voxels; the finest is the step.
        least: Steepness from which on.
    """
    ridge = (steep >= least) & (steep > 0)
    places = np.argwhere(ridge)
    here = steep[ridge]
    step = slopes[ridge] / here[:, None] * min(spacing_mm) / np.array(spacing_mm)
    above, below = (
        ndimage.map_coordinates(steep, (places + way * step).T, order=1, mode="nearest")
        for way in (1, -1)
    )
    # One of two voxels that are equally steep is kept, never both or none.
    ridge[ridge] = (here >= above) & (here > below)
    return ridge
