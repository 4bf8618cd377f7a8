"""Regions that grow from seeds."""

import numpy as np
import SimpleITK as sitk  # noqa: N813

from medseg.classical.images import from_itk, intensities, seed_indices, to_itk
from medseg.classical.memory import require_memory
from medseg.classical.results import found, noted, one_label, require_range
from medseg.classical.settings import ConfidenceSettings, GrowSettings
from medseg.core.geometry import Points
from medseg.core.volume import Segmentation, Volume

_CONFIDENCE = ConfidenceSettings()
_GROW = GrowSettings()


def grow(
    volume: Volume, seeds_ras_mm: Points, settings: GrowSettings = _GROW
) -> Segmentation:
    """What is connected to the seeds through voxels of a range of intensities.

    Seeded region growing with a fixed range (after Adams & Bischof, 1994); voxels that
    touch by a face are connected.

    Args:
        volume: The scan.
        seeds_ras_mm: One or more points (R, A, S).
        settings: The range. A seed outside it grows nothing.

    Raises:
        WrongUse: INVALID_OPTION, for a seed outside the scan, a range without an end,
            or with its ends the wrong way round.
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_range(settings.lower, settings.upper)
    require_memory("grow", volume.geometry.shape, volume.case_id)
    seeds = seed_indices(volume.geometry, seeds_ras_mm)
    values = intensities(volume)
    lower = values.min() if settings.lower is None else settings.lower
    upper = values.max() if settings.upper is None else settings.upper
    image = to_itk(values, volume.geometry.spacing_mm)
    grown = from_itk(sitk.ConnectedThreshold(image, seeds, float(lower), float(upper)))
    labels = one_label("region")
    region = found(volume, grown, labels, "grow", settings, seeds_ras_mm)
    if grown.any():
        return region
    values_at = ", ".join(f"{values[seed]:g}" for seed in seeds)
    return noted(
        region,
        f"nothing grew: the range is {lower:g} to {upper:g}, and at the seeds the "
        f"scan has {values_at}",
    )


def grow_by_confidence(
    volume: Volume,
    seeds_ras_mm: Points,
    settings: ConfidenceSettings = _CONFIDENCE,
) -> Segmentation:
    """What is connected to the seeds and like them.

    The range of intensities is the mean of the region so far, give or take some
    standard deviations; it begins with the boxes round the seeds, which hold a voxel to
    every side at the least, and always reaches to the seeds themselves (as in ITK's
    confidence-connected growing, but in mm).

    Args:
        volume: The scan.
        seeds_ras_mm: One or more points (R, A, S).
        settings: How alike, how often, and how large the boxes are.

    Raises:
        WrongUse: INVALID_OPTION, for a seed outside the scan.
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_memory("grow-by-confidence", volume.geometry.shape, volume.case_id)
    seeds = seed_indices(volume.geometry, seeds_ras_mm)
    values = intensities(volume)
    at_seeds = [float(values[seed]) for seed in seeds]
    radius = np.round(settings.radius_mm / np.array(volume.geometry.spacing_mm))
    inside = np.zeros(values.shape, bool)
    for seed in seeds:
        inside[_box_round(seed, np.maximum(1, radius).astype(int))] = True
    image = to_itk(values, volume.geometry.spacing_mm)
    for _ in range(settings.iterations + 1):
        mean = float(values[inside].mean(dtype=np.float64))
        reach = settings.deviations * float(values[inside].std(dtype=np.float64))
        lower, upper = min(mean - reach, *at_seeds), max(mean + reach, *at_seeds)
        grown = sitk.ConnectedThreshold(image, seeds, lower, upper)
        before, inside = inside, from_itk(grown) > 0
        if np.array_equal(inside, before):
            break
    labels = one_label("region")
    return found(volume, inside, labels, "grow-by-confidence", settings, seeds_ras_mm)


def _box_round(
    seed: tuple[int, int, int], radius: np.ndarray
) -> tuple[slice, slice, slice]:
    i, j, k = (
        slice(max(0, place - int(reach)), place + int(reach) + 1)
        for place, reach in zip(seed, radius, strict=True)
    )
    return i, j, k
