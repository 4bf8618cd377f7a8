"""Classes of intensity found in the data."""

import numpy as np
import SimpleITK as sitk  # noqa: N813
from jaxtyping import Float, Integer

from medseg.classical.images import from_itk, intensities, to_itk
from medseg.classical.mixtures import Histogram, best_breaks, likeliest_component
from medseg.classical.results import found, numbered_labels
from medseg.classical.settings import ClusterSettings, SupervoxelSettings
from medseg.core.volume import Segmentation, Volume

_CLUSTER = ClusterSettings()
_SUPERVOXEL = SupervoxelSettings()

_SLIC_STEPS = 5


def kmeans(volume: Volume, settings: ClusterSettings = _CLUSTER) -> Segmentation:
    """Classes with the least variance within them, the darkest first.

    The best there is, not the best from some start: on one channel it can be found.
    It is what multi-Otsu looks for, too.

    Raises:
        UnusableInput: CHANNEL_MISMATCH.
    """
    values, samples, counts = _samples(volume, settings)
    histogram = Histogram.of(samples, counts)
    breaks = best_breaks(histogram, settings.classes)
    array = np.digitize(values, breaks) + 1
    labels = numbered_labels("class", settings.classes)
    return found(volume, array, labels, "kmeans", settings)


def gaussian_mixture(
    volume: Volume, settings: ClusterSettings = _CLUSTER
) -> Segmentation:
    """Classes that are Gaussians of the histogram, the darkest first.

    Fitted by expectation and maximisation from the classes of `kmeans`; unlike those,
    a class may be wide beside a narrow one, and rare beside a common one.

    Raises:
        UnusableInput: CHANNEL_MISMATCH.
    """
    values, samples, counts = _samples(volume, settings)
    histogram = Histogram.of(samples, counts)
    component = likeliest_component(histogram, settings.classes)
    array = component[histogram.bin_of(values)] + 1
    labels = numbered_labels("class", settings.classes)
    return found(volume, array, labels, "gaussian-mixture", settings)


def supervoxels(
    volume: Volume, settings: SupervoxelSettings = _SUPERVOXEL
) -> Segmentation:
    """The scan in connected pieces of like size and intensity (SLIC).

    Raises:
        UnusableInput: CHANNEL_MISMATCH; NOT_A_LABEL_MAP for more than 65535 pieces.
    """
    pieces = _pieces(volume, settings)
    _, numbers = np.unique(pieces, return_inverse=True)
    labels = numbered_labels("supervoxel", int(numbers.max()) + 1)
    array = numbers.reshape(pieces.shape) + 1
    return found(volume, array, labels, "supervoxels", settings)


def _pieces(
    volume: Volume, settings: SupervoxelSettings
) -> Integer[np.ndarray, "i j k"]:
    spacing_mm = volume.geometry.spacing_mm
    grid = [max(1, round(settings.edge_mm / edge)) for edge in spacing_mm]
    image = sitk.SLIC(
        to_itk(intensities(volume), spacing_mm),
        superGridSize=grid,
        spatialProximityWeight=settings.compactness,
        maximumNumberOfIterations=_SLIC_STEPS,
        enforceConnectivity=True,
        initializationPerturbation=True,
    )
    return from_itk(image).astype(np.int64)


def _samples(
    volume: Volume, settings: ClusterSettings
) -> tuple[
    Float[np.ndarray, "i j k"], Float[np.ndarray, " n"], Float[np.ndarray, " n"]
]:
    """What is classed at every voxel, the distinct samples, and voxels of each."""
    values = intensities(volume)
    if settings.supervoxel_mm == 0:
        flat = values.ravel()
        return values, flat, np.ones(flat.shape, np.float32)
    spread = float(values.std()) or 1.0  # a step of one deviation weighs as an edge
    slic = SupervoxelSettings(
        edge_mm=max(0.5, settings.supervoxel_mm), compactness=spread
    )
    pieces = _pieces(volume, slic)
    counts = np.bincount(pieces.ravel()).astype(np.float64)
    sums = np.bincount(pieces.ravel(), weights=values.ravel())
    means = (sums / np.maximum(counts, 1)).astype(np.float32)
    there = counts > 0
    return means[pieces], means[there], counts[there].astype(np.float32)
