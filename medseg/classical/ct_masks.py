"""The patient and the lungs in a CT, from Hounsfield units alone."""

import numpy as np

from medseg.classical.cleaning import filled_3d, filled_by_slice
from medseg.classical.images import (
    Mask,
    count_pieces,
    intensities,
    outside_distance_mm,
)
from medseg.classical.memory import require_memory
from medseg.classical.results import found, one_label
from medseg.classical.settings import BodySettings, LungSettings
from medseg.core.channels import modality_of
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Spacing
from medseg.core.volume import Segmentation, Volume

_BODY = BodySettings()
_LUNG = LungSettings()

_SHARE_OF_LARGEST = 0.1


def body_mask(volume: Volume, settings: BodySettings = _BODY) -> Segmentation:
    """The patient, with all the air inside, without table and clothes.

    Args:
        volume: CT, in HU.
        settings: Where skin begins, and how thick a table is.

    Raises:
        UnusableInput: CHANNEL_MISMATCH, also where the scan is said to be no CT;
            NOT_FINITE; OUT_OF_MEMORY.
    """
    _require_ct("body-mask", volume)
    body = _body(volume, settings)
    return found(volume, body, one_label("body"), "body-mask", settings)


def lung_mask(volume: Volume, settings: LungSettings = _LUNG) -> Segmentation:
    """Both lungs with their vessels; the airways connected to them are in it.

    They are the air inside the body, in pieces above a size and a tenth of the largest.

    Args:
        volume: CT, in HU.
        settings: How dark air is, how thick vessels, how small a lung.

    Raises:
        UnusableInput: As `body_mask`.
    """
    _require_ct("lung-mask", volume)
    geometry = volume.geometry
    body = _body(volume, _BODY)
    air = (intensities(volume) <= settings.upper_hu) & body
    pieces, _ = count_pieces(air)
    sizes_ml = np.bincount(pieces.ravel()) * geometry.voxel_volume_ml
    sizes_ml[0] = 0
    least_ml = max(settings.smallest_ml, _SHARE_OF_LARGEST * float(sizes_ml.max()))
    lungs = (sizes_ml >= least_ml)[pieces] & (pieces > 0)
    closed = _dilated(lungs, geometry.spacing_mm, settings.closing_mm)
    closed = _eroded(closed, geometry.spacing_mm, settings.closing_mm)
    whole = filled_3d((closed | lungs) & body)
    return found(volume, whole, one_label("lungs"), "lung-mask", settings)


def _body(volume: Volume, settings: BodySettings) -> Mask:
    spacing_mm = volume.geometry.spacing_mm
    dense = intensities(volume) >= settings.lower_hu
    axis = volume.geometry.patient_axes[2]
    # Lungs are filled first: their thin walls are not to be opened away.
    filled = filled_by_slice(dense, axis)
    radius_mm = settings.opening_mm / 2
    core = _eroded(filled, spacing_mm, radius_mm)
    pieces, _ = count_pieces(core)
    body = _dilated(pieces == 1, spacing_mm, radius_mm) & filled
    return filled_by_slice(body, axis)


def _require_ct(method: str, volume: Volume) -> None:
    """Refuse what is known to be no CT, and what would not fit in memory."""
    modality = modality_of(volume.channels[0])
    if modality not in ("", "CT"):
        raise UnusableInput(
            ErrorCode.CHANNEL_MISMATCH,
            f"the scan is {volume.channels[0]}, {method} takes a CT in HU",
            where=volume.case_id,
            remedy="Use otsu or threshold, then fill-holes.",
        )
    require_memory(method, volume.geometry.shape, volume.case_id)


def _eroded(mask: Mask, spacing_mm: Spacing, radius_mm: float) -> Mask:
    """Voxels further than the radius from the background; the scan's end is none."""
    if mask.all():
        return mask
    return outside_distance_mm(~mask, spacing_mm) > radius_mm


def _dilated(mask: Mask, spacing_mm: Spacing, radius_mm: float) -> Mask:
    """Voxels within the radius of the mask."""
    if not mask.any():
        return mask
    return outside_distance_mm(mask, spacing_mm) <= radius_mm
