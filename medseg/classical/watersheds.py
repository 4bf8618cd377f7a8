"""Watersheds of the gradient: basins of like intensity with edges between them."""

import SimpleITK as sitk  # noqa: N813

from medseg.classical.images import from_itk, steepness, to_itk
from medseg.classical.memory import require_memory
from medseg.classical.results import found, numbered_labels
from medseg.classical.settings import MarkerSettings, WatershedSettings
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.volume import Segmentation, Volume, require_same_grid

_MARKER = MarkerSettings()
_WATERSHED = WatershedSettings()


def watershed(volume: Volume, settings: WatershedSettings = _WATERSHED) -> Segmentation:
    """Every basin of the gradient as a label of its own, without gaps.

    A watershed (Beucher & Lantuejoul, 1979) by flooding (Meyer, 1994).

    Raises:
        UnusableInput: CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY; NOT_A_LABEL_MAP for
            more than 65535 basins.
    """
    require_memory("watershed", volume.geometry.shape, volume.case_id)
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

    Flooding from the markers (Meyer, 1994).

    Args:
        volume: The scan.
        markers: A few voxels of every structure, and of the surroundings as a
            structure, too: markers spread over the whole scan.
        settings: How the gradient is taken.

    Raises:
        WrongUse: INVALID_OPTION, when there is no marker.
        UnusableInput: GRID_MISMATCH; CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY.
    """
    require_same_grid(volume.geometry, markers.geometry, where="markers")
    if not markers.array.any():
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "there is no marker: the label map is empty where the scan is looked at",
            where=markers.case_id,
            remedy="Mark a few voxels of every structure and of the surroundings.",
        )
    require_memory("watershed-from-markers", volume.geometry.shape, volume.case_id)
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
