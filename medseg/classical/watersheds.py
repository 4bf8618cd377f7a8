"""Watersheds of the gradient: basins of like intensity with edges between them."""

import SimpleITK as sitk  # noqa: N813

from medseg.classical.images import from_itk, steepness, to_itk
from medseg.classical.results import found, numbered_labels
from medseg.classical.settings import MarkerSettings, WatershedSettings
from medseg.core.volume import Segmentation, Volume, require_same_grid

_MARKER = MarkerSettings()
_WATERSHED = WatershedSettings()


def watershed(volume: Volume, settings: WatershedSettings = _WATERSHED) -> Segmentation:
    """Every basin of the gradient as a label of its own, without gaps.

    Raises:
        UnusableInput: CHANNEL_MISMATCH; NOT_A_LABEL_MAP for more than 65535 basins.
    """
    relief = to_itk(steepness(volume, settings.sigma_mm), volume.geometry.spacing_mm)
    basins = from_itk(
        sitk.MorphologicalWatershed(
            relief, level=settings.level, markWatershedLine=False, fullyConnected=False
        )
    )
    labels = numbered_labels("basin", int(basins.max()))
    return found(volume, basins, labels, "watershed", settings)


def watershed_from_markers(
    volume: Volume, markers: Segmentation, settings: MarkerSettings = _MARKER
) -> Segmentation:
    """Every voxel as the marker whose basin of the gradient it lies in.

    Args:
        volume: The scan.
        markers: A few voxels of every structure, and of the surroundings as a
            structure, too: markers spread over the whole scan.
        settings: How the gradient is taken.

    Raises:
        UnusableInput: GRID_MISMATCH; CHANNEL_MISMATCH.
    """
    require_same_grid(volume.geometry, markers.geometry, where="markers")
    spacing_mm = volume.geometry.spacing_mm
    relief = to_itk(steepness(volume, settings.sigma_mm), spacing_mm)
    basins = from_itk(
        sitk.MorphologicalWatershedFromMarkers(
            relief,
            to_itk(markers.array, spacing_mm),
            markWatershedLine=False,
            fullyConnected=False,
        )
    )
    return found(volume, basins, markers.labels, "watershed-from-markers", settings)
