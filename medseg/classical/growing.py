"""Regions that grow from seeds."""

import numpy as np
import SimpleITK as sitk  # noqa: N813

from medseg.classical.images import from_itk, intensities, seed_indices, to_itk
from medseg.classical.results import found, one_label
from medseg.classical.settings import ConfidenceSettings, GrowSettings
from medseg.core.geometry import Points
from medseg.core.volume import Segmentation, Volume

_CONFIDENCE = ConfidenceSettings()
_GROW = GrowSettings()


def grow(
    volume: Volume, seeds_ras_mm: Points, settings: GrowSettings = _GROW
) -> Segmentation:
    """What is connected to the seeds through voxels of a range of intensities.

    Args:
        volume: The scan.
        seeds_ras_mm: One or more points (R, A, S).
        settings: The range. A seed outside it grows nothing.

    Raises:
        WrongUse: INVALID_OPTION, for a seed outside the scan.
        UnusableInput: CHANNEL_MISMATCH.
    """
    values = intensities(volume)
    seeds = seed_indices(volume.geometry, seeds_ras_mm)
    lower = values.min() if settings.lower is None else settings.lower
    upper = values.max() if settings.upper is None else settings.upper
    image = to_itk(values, volume.geometry.spacing_mm)
    grown = from_itk(sitk.ConnectedThreshold(image, seeds, float(lower), float(upper)))
    return found(volume, grown, one_label("region"), "grow", settings)


def grow_by_confidence(
    volume: Volume,
    seeds_ras_mm: Points,
    settings: ConfidenceSettings = _CONFIDENCE,
) -> Segmentation:
    """What is connected to the seeds and like them.

    The range of intensities is the mean of the region so far, give or take some
    standard deviations; it begins with the boxes round the seeds.

    Args:
        volume: The scan.
        seeds_ras_mm: One or more points (R, A, S).
        settings: How alike, how often, and how large the boxes are.

    Raises:
        WrongUse: INVALID_OPTION, for a seed outside the scan.
        UnusableInput: CHANNEL_MISMATCH.
    """
    values = intensities(volume)
    seeds = seed_indices(volume.geometry, seeds_ras_mm)
    box = np.maximum(0, settings.radius_mm / np.array(volume.geometry.spacing_mm))
    inside = np.zeros(values.shape, bool)
    for seed in seeds:
        inside[_box_round(seed, np.round(box).astype(int))] = True
    image = to_itk(values, volume.geometry.spacing_mm)
    for _ in range(settings.iterations + 1):
        mean, deviation = float(values[inside].mean()), float(values[inside].std())
        reach = settings.deviations * deviation
        grown = sitk.ConnectedThreshold(image, seeds, mean - reach, mean + reach)
        before, inside = inside, from_itk(grown) > 0
        if not inside.any() or np.array_equal(inside, before):
            break
    return found(volume, inside, one_label("region"), "grow-by-confidence", settings)


def _box_round(
    seed: tuple[int, int, int], radius: np.ndarray
) -> tuple[slice, slice, slice]:
    i, j, k = (
        slice(max(0, place - int(reach)), place + int(reach) + 1)
        for place, reach in zip(seed, radius, strict=True)
    )
    return i, j, k
