"""A surface that moves until it lies on edges."""

import numpy as np
import SimpleITK as sitk  # noqa: N813

from medseg.classical.boxes import Box, cropped_scan
from medseg.classical.cleaning import box_round
from medseg.classical.images import from_itk, padded_for_itk, steepness, to_itk
from medseg.classical.memory import require_memory
from medseg.classical.results import require_structure, with_mask
from medseg.classical.settings import ContourSettings
from medseg.core.volume import Segmentation, Volume, require_same_grid

_CONTOUR = ContourSettings()

_MARGIN_MM = 20.0
_STILL = 0.005  # change of the level set, in mm, at which it has come to rest


def active_contour(
    volume: Volume,
    segmentation: Segmentation,
    structure: str,
    settings: ContourSettings = _CONTOUR,
) -> Segmentation:
    """A structure whose surface has moved onto edges of the scan.

    A geodesic active contour (Caselles, Kimmel & Sapiro, 1997), started from the
    structure as it is and computed within 20 mm of it. An empty structure stays empty.

    Args:
        volume: The scan.
        segmentation: The label map, on the same grid.
        structure: Name of the structure; it spreads over background only.
        settings: What pulls and pushes the surface.

    Raises:
        WrongUse: INVALID_OPTION, when there is no such structure.
        UnusableInput: GRID_MISMATCH; CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_same_grid(volume.geometry, segmentation.geometry, where="label map")
    mask = require_structure(segmentation, structure)
    note = f"{structure}: moved to edges of {settings.steepness:g}/mm"
    if not mask.any():
        return with_mask(segmentation, structure, mask, note)
    spacing_mm = volume.geometry.spacing_mm
    slices = box_round(mask, [int(_MARGIN_MM / edge) + 1 for edge in spacing_mm])
    require_memory("active-contour", mask[slices].shape, volume.case_id)
    part = cropped_scan(volume, _box(slices, mask.shape))
    steep = steepness(part, settings.sigma_mm)
    speed, inner = padded_for_itk(1 / (1 + (steep / settings.steepness) ** 2))
    before, _ = padded_for_itk(mask[slices])
    start = sitk.SignedMaurerDistanceMap(
        to_itk(before, spacing_mm), squaredDistance=False, useImageSpacing=True
    )
    moved = sitk.GeodesicActiveContourLevelSet(
        sitk.Cast(start, sitk.sitkFloat32),
        to_itk(speed, spacing_mm),
        maximumRMSError=_STILL,
        propagationScaling=settings.balloon,
        curvatureScaling=settings.smoothness,
        advectionScaling=settings.attraction,
        numberOfIterations=settings.iterations,
        reverseExpansionDirection=False,
    )
    after = np.zeros_like(mask)
    after[slices] = (from_itk(moved) <= 0)[inner]
    return with_mask(segmentation, structure, after, note)


def _box(slices: tuple[slice, slice, slice], shape: tuple[int, ...]) -> Box:
    (i, j, k), (m, n, o) = (
        [s.start for s in slices],
        [min(s.stop, n) - s.start for s, n in zip(slices, shape, strict=True)],
    )
    return Box(start=(i, j, k), shape=(m, n, o))
