"""Segmentation by intensity alone."""

import numpy as np
import SimpleITK as sitk  # noqa: N813

from medseg.classical.images import from_itk, intensities, to_itk
from medseg.classical.results import found, numbered_labels, one_label
from medseg.classical.settings import (
    HysteresisSettings,
    OtsuSettings,
    ThresholdSettings,
)
from medseg.core.volume import Segmentation, Volume

_HYSTERESIS = HysteresisSettings()
_OTSU = OtsuSettings()
_THRESHOLD = ThresholdSettings()

_BINS = 256


def otsu(volume: Volume, settings: OtsuSettings = _OTSU) -> Segmentation:
    """Classes of intensity that differ most from each other (Otsu, 1979).

    The darkest class is background; the others are labels from 1 on, the brightest
    last. Of more than three classes the search takes long.

    Raises:
        UnusableInput: CHANNEL_MISMATCH.
    """
    values = intensities(volume)
    image = to_itk(values, volume.geometry.spacing_mm)
    if settings.classes == 2:
        labels = from_itk(sitk.OtsuThreshold(image, 0, 1, _BINS))
        return found(volume, labels, one_label("foreground"), "otsu", settings)
    thresholds = settings.classes - 1
    bins = _BINS if settings.classes <= 4 else _BINS // 4
    labels = from_itk(sitk.OtsuMultipleThresholds(image, thresholds, 0, bins))
    return found(volume, labels, numbered_labels("class", thresholds), "otsu", settings)


def threshold(volume: Volume, settings: ThresholdSettings = _THRESHOLD) -> Segmentation:
    """Voxels of a range of intensities.

    Raises:
        UnusableInput: CHANNEL_MISMATCH.
    """
    values = intensities(volume)
    inside = np.ones(values.shape, bool)
    if settings.lower is not None:
        inside &= values >= settings.lower
    if settings.upper is not None:
        inside &= values <= settings.upper
    return found(volume, inside, one_label("foreground"), "threshold", settings)


def hysteresis(
    volume: Volume, settings: HysteresisSettings = _HYSTERESIS
) -> Segmentation:
    """Bright voxels, and the less bright ones that are connected to them.

    Raises:
        UnusableInput: CHANNEL_MISMATCH.
    """
    values = intensities(volume)
    spacing_mm = volume.geometry.spacing_mm
    strong = to_itk(values >= max(settings.strong, settings.weak), spacing_mm)
    weak = to_itk(values >= min(settings.strong, settings.weak), spacing_mm)
    inside = from_itk(
        sitk.BinaryReconstructionByDilation(strong, weak, 0, 1, fullyConnected=True)
    )
    return found(volume, inside, one_label("foreground"), "hysteresis", settings)
