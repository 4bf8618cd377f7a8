"""Segmentation by intensity alone."""

import numpy as np
import SimpleITK as sitk  # noqa: N813

from medseg.classical.images import contrasts, from_itk, intensities, to_itk
from medseg.classical.memory import require_memory
from medseg.classical.mixtures import Histogram, best_classes
from medseg.classical.results import (
    found,
    numbered_labels,
    one_label,
    require_order,
    require_range,
)
from medseg.classical.settings import (
    HysteresisSettings,
    OtsuSettings,
    ThresholdSettings,
)
from medseg.core.volume import Segmentation, Volume

_HYSTERESIS = HysteresisSettings()
_OTSU = OtsuSettings()
_THRESHOLD = ThresholdSettings()


def otsu(volume: Volume, settings: OtsuSettings = _OTSU) -> Segmentation:
    """Classes of intensity that differ most from each other (Otsu, 1979).

    The darkest class is background; the others are labels from 1 on, the brightest
    last. Most difference between classes is least variance within them, so the classes
    are those of `kmeans`, found without trying all thresholds.

    Raises:
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_memory("otsu", volume.geometry.shape, volume.case_id)
    values = contrasts(volume)
    histogram = Histogram.of(values.ravel())
    array = best_classes(histogram, settings.classes)[histogram.bin_of(values)]
    count = settings.classes - 1
    labels = one_label("foreground") if count == 1 else numbered_labels("class", count)
    return found(volume, array, labels, "otsu", settings)


def threshold(volume: Volume, settings: ThresholdSettings = _THRESHOLD) -> Segmentation:
    """Voxels of a range of intensities.

    Raises:
        WrongUse: INVALID_OPTION, when neither end is given, or they are the wrong way
            round.
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_range(settings.lower, settings.upper)
    require_memory("threshold", volume.geometry.shape, volume.case_id)
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
    """Bright voxels, and the less bright ones connected to them (Canny, 1986).

    Voxels that touch by a face, an edge or a corner are connected.

    Raises:
        WrongUse: INVALID_OPTION, when weak is above strong.
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_order("weak", settings.weak, "strong", settings.strong)
    require_memory("hysteresis", volume.geometry.shape, volume.case_id)
    values = intensities(volume)
    spacing_mm = volume.geometry.spacing_mm
    strong = to_itk(values >= settings.strong, spacing_mm)
    weak = to_itk(values >= settings.weak, spacing_mm)
    inside = from_itk(
        sitk.BinaryReconstructionByDilation(strong, weak, 0, 1, fullyConnected=True)
    )
    return found(volume, inside, one_label("foreground"), "hysteresis", settings)
