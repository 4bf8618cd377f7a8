"""Blobs that touch, told apart at their necks by a watershed of the distance map."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk  # noqa: N813
from jaxtyping import Integer

from medseg.classical.cleaning import box_round
from medseg.classical.images import (
    Intensities,
    Mask,
    from_itk,
    outside_distance_mm,
    to_itk,
)
from medseg.classical.memory import require_memory
from medseg.classical.results import (
    noted,
    numbered_labels,
    require_structure,
    with_mask,
)
from medseg.classical.settings import SplitSettings
from medseg.core.geometry import Spacing, rounded_spacing
from medseg.core.volume import Segmentation

_SPLIT = SplitSettings()

_PAD = ((1, 1), (1, 1), (1, 1))
_INNER = (slice(1, -1),) * 3


def split_touching(
    segmentation: Segmentation,
    structure: str,
    settings: SplitSettings = _SPLIT,
) -> Segmentation:
    """The blobs of a structure as labels of their own, the largest first.

    Pieces that do not touch are blobs; those that do are split where the map of
    distances from the surface has a pass between two basins (Beucher & Lantuejoul,
    1979). Every voxel of the structure is in one of them; other structures are left
    out.

    Args:
        segmentation: The label map.
        structure: Name of the structure, such as "liver tumour".
        settings: How narrow a neck must be.

    Raises:
        WrongUse: INVALID_OPTION, when there is no such structure.
        UnusableInput: NOT_A_LABEL_MAP for more than 65535 blobs; OUT_OF_MEMORY.
    """
    mask = require_structure(segmentation, structure)
    box = box_round(mask, [0, 0, 0])
    require_memory("split-touching", mask[box].shape, segmentation.case_id)
    blobs = blobs_of(mask[box], segmentation.geometry.spacing_mm, settings.neck_mm)
    labels = numbered_labels(structure, int(blobs.max(initial=0)))
    array = np.zeros(mask.shape, np.uint16)
    array[box] = blobs
    split = replace(segmentation, array=array, labels=labels)
    return noted(split, f"{structure}: split into {len(labels)}")


def cut_touching(
    segmentation: Segmentation,
    structure: str,
    settings: SplitSettings = _SPLIT,
) -> Segmentation:
    """A structure whose touching blobs are split by a gap of a voxel or two.

    Args:
        segmentation: The label map.
        structure: Name of the structure, such as "liver tumour".
        settings: How narrow a neck must be.

    Raises:
        WrongUse: INVALID_OPTION, when there is no such structure.
        UnusableInput: OUT_OF_MEMORY.
    """
    mask = require_structure(segmentation, structure)
    box = box_round(mask, [0, 0, 0])
    require_memory("cut-touching", mask[box].shape, segmentation.case_id)
    blobs = blobs_of(mask[box], segmentation.geometry.spacing_mm, settings.neck_mm)
    after = mask.copy()
    after[box] &= ~_beside_a_larger_blob(blobs)
    count = int(blobs.max(initial=0))
    return with_mask(segmentation, structure, after, f"{structure}: cut into {count}")


def blobs_of(
    mask: Mask, spacing_mm: Spacing, neck_mm: float, *, by_faces: bool = False
) -> Integer[np.ndarray, "i j k"]:
    """Number of the blob at each voxel, 1 for the largest, 0 outside the mask.

    Args:
        mask: The blobs.
        spacing_mm: Between voxels; rounded (`rounded_spacing`), so that a label map
            splits alike before it is written to a file and after.
        neck_mm: By how much the radius of the neck between two blobs is smaller than
            that of either, at the least.
        by_faces: Voxels that touch by an edge or a corner only are of two blobs.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.uint32)
    edges_mm = rounded_spacing(spacing_mm)
    depths = outside_distance_mm(~np.pad(mask, _PAD), edges_mm)[_INNER]
    return basins_of(mask, -depths, edges_mm, neck_mm, by_faces=by_faces)


def basins_of(
    mask: Mask,
    relief: Intensities,
    spacing_mm: Spacing,
    level: float,
    *,
    by_faces: bool = False,
) -> Integer[np.ndarray, "i j k"]:
    """Number of the basin at each voxel of a mask, 1 for the largest, 0 outside.

    No flood leaves the mask: parts of it that do not touch are never of one basin.

    Args:
        mask: Where to look.
        relief: What is flooded, from its lowest places up.
        spacing_mm: Between voxels.
        level: Basins less deep are joined with the one they flow over into.
        by_faces: Floods go over faces only, and not over edges and corners, too.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.uint32)
    inside = np.pad(mask, _PAD)
    # Background is higher than any pass, so that no flood crosses it.
    wall = relief[mask].max() + 2 * np.float32(level) + np.ptp(relief[mask])
    walls = np.where(inside, np.pad(relief, _PAD), wall).astype(np.float32)
    basins = sitk.MorphologicalWatershed(
        to_itk(walls, spacing_mm),
        level=level,
        markWatershedLine=False,
        fullyConnected=not by_faces,
    )
    shell = to_itk(inside, spacing_mm)
    return from_itk(sitk.RelabelComponent(sitk.Mask(basins, shell)))[_INNER]


def _beside_a_larger_blob(blobs: Integer[np.ndarray, "i j k"]) -> Mask:
    """Voxels that touch, by a face, an edge or a corner, a blob of a smaller number."""
    far = np.iinfo(np.int32).max
    numbers = np.where(blobs == 0, far, blobs).astype(np.int32)
    image = to_itk(numbers, (1.0, 1.0, 1.0))
    least = from_itk(sitk.GrayscaleErode(image, [1, 1, 1], sitk.sitkBox))
    beside: np.ndarray = (blobs > 0) & (least < blobs)
    return beside
