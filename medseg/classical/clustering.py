"""Classes of intensity found in the data."""

import numpy as np
import SimpleITK as sitk  # noqa: N813
from jaxtyping import Integer

from medseg.classical.images import Intensities, contrasts, from_itk, to_itk
from medseg.classical.memory import require_memory
from medseg.classical.mixtures import Histogram, best_classes, likeliest_component
from medseg.classical.results import found, numbered_labels
from medseg.classical.settings import ClusterSettings, SupervoxelSettings
from medseg.core.volume import Segmentation, Volume

_CLUSTER = ClusterSettings()
_SUPERVOXEL = SupervoxelSettings()

_SLIC_STEPS = 5


def kmeans(volume: Volume, settings: ClusterSettings = _CLUSTER) -> Segmentation:
    """Classes with the least variance within them, the darkest first.

    The best there is (Fisher, 1958), not the best from some start (Lloyd, 1982): on one
    channel it can be found. It is what multi-Otsu looks for, too.

    Raises:
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_memory("kmeans", volume.geometry.shape, volume.case_id)
    values, histogram = _samples(volume, settings)
    class_of_bin = best_classes(histogram, settings.classes)
    array = (class_of_bin + 1)[histogram.bin_of(values)]
    labels = numbered_labels("class", settings.classes)
    return found(volume, array, labels, "kmeans", settings)


def gaussian_mixture(
    volume: Volume, settings: ClusterSettings = _CLUSTER
) -> Segmentation:
    """Classes that are Gaussians of the histogram, the darkest first.

    Fitted by expectation and maximisation (Dempster, Laird & Rubin, 1977) from the
    classes of `kmeans`; unlike those, a class may be wide beside a narrow one, and rare
    beside a common one.

    Raises:
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_memory("gaussian-mixture", volume.geometry.shape, volume.case_id)
    values, histogram = _samples(volume, settings)
    class_of_bin = likeliest_component(histogram, settings.classes)
    array = (class_of_bin + 1)[histogram.bin_of(values)]
    labels = numbered_labels("class", settings.classes)
    return found(volume, array, labels, "gaussian-mixture", settings)


def supervoxels(
    volume: Volume, settings: SupervoxelSettings = _SUPERVOXEL
) -> Segmentation:
    """The scan in connected pieces of like size and intensity (SLIC).

    After Achanta et al., 2012, by ITK.

    Raises:
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY; NOT_A_LABEL_MAP for
            more than 65535 pieces.
    """
    require_memory("supervoxels", volume.geometry.shape, volume.case_id)
    pieces = _pieces(volume, contrasts(volume), settings)
    is_used = np.bincount(pieces.ravel()) > 0
    labels = numbered_labels("supervoxel", int(is_used.sum()))
    array = np.cumsum(is_used).astype(np.uint16)[pieces]
    return found(volume, array, labels, "supervoxels", settings)


def _pieces(
    volume: Volume, values: Intensities, settings: SupervoxelSettings
) -> Integer[np.ndarray, "i j k"]:
    geometry = volume.geometry
    # ITK writes beyond its memory where a piece is to be larger than the scan.
    grid = [
        min(size, max(1, round(settings.edge_mm / edge)))
        for size, edge in zip(geometry.shape, geometry.spacing_mm, strict=True)
    ]
    image = sitk.SLIC(
        to_itk(values, geometry.spacing_mm),
        superGridSize=grid,
        spatialProximityWeight=settings.compactness,
        maximumNumberOfIterations=_SLIC_STEPS,
        enforceConnectivity=True,
        initializationPerturbation=True,
    )
    return from_itk(image)


def _samples(
    volume: Volume, settings: ClusterSettings
) -> tuple[Intensities, Histogram]:
    """What is classed at every voxel, and how often each value is."""
    values = contrasts(volume)
    if settings.supervoxel_mm == 0:
        return values, Histogram.of(values.ravel())
    require_memory("supervoxels", volume.geometry.shape, volume.case_id)
    spread = float(values.std()) or 1.0  # a step of one deviation weighs as an edge
    slic = SupervoxelSettings(
        edge_mm=max(0.5, settings.supervoxel_mm),
        compactness=min(max(1e-6, spread), 1e6),
    )
    pieces = _pieces(volume, values, slic)
    counts = np.bincount(pieces.ravel())
    sums = np.bincount(pieces.ravel(), weights=values.ravel())
    means = (sums / np.maximum(counts, 1)).astype(np.float32)
    there = counts > 0
    return means[pieces], Histogram.of(means[there], counts[there])
