"""Corrections to the shape of a structure."""

import numpy as np
import SimpleITK as sitk  # noqa: N813
from jaxtyping import Bool

from medseg.classical.images import Mask, count_pieces, from_itk, smoothed, to_itk
from medseg.classical.memory import require_memory
from medseg.classical.results import require_structure, with_mask
from medseg.classical.settings import HolesSettings, LargestSettings, SmoothSettings
from medseg.core.volume import Segmentation

_HOLES = HolesSettings()
_LARGEST = LargestSettings()
_SMOOTH = SmoothSettings()

_REACH_SIGMAS = 4  # beyond it a Gaussian is nothing


def smooth(
    segmentation: Segmentation,
    structure: str,
    settings: SmoothSettings = _SMOOTH,
) -> Segmentation:
    """A structure with a smoother surface: a Gaussian of its mask, cut at one half.

    Flat surfaces stay where they are, a ball's moves in by sigma^2 / radius, and what
    is thinner than about a sigma goes.

    Args:
        segmentation: The label map.
        structure: Name of the structure; it spreads over background only.
        settings: How much.

    Raises:
        WrongUse: INVALID_OPTION, when there is no such structure.
        UnusableInput: OUT_OF_MEMORY.
    """
    mask = require_structure(segmentation, structure)
    spacing_mm = segmentation.geometry.spacing_mm
    reach = [int(_REACH_SIGMAS * settings.sigma_mm / edge) + 1 for edge in spacing_mm]
    box = box_round(mask, reach)
    after = np.zeros_like(mask)
    grown = tuple(n + 2 * m for n, m in zip(mask[box].shape, reach, strict=True))
    require_memory("smooth", grown, segmentation.case_id)
    # Beyond the end of the scan the structure goes on as it ends there.
    padded = np.pad(mask[box].astype(np.float32), [(n, n) for n in reach], mode="edge")
    inner = tuple(slice(n, -n) for n in reach)
    after[box] = (smoothed(padded, spacing_mm, settings.sigma_mm) >= 0.5)[inner]
    note = f"{structure}: smoothed by {settings.sigma_mm:g} mm"
    return with_mask(segmentation, structure, after, note)


def fill_holes(
    segmentation: Segmentation,
    structure: str,
    settings: HolesSettings = _HOLES,
) -> Segmentation:
    """A structure with the background that it shuts in.

    Args:
        segmentation: The label map.
        structure: Name of the structure.
        settings: Whether what is shut in within an axial slice counts.

    Raises:
        WrongUse: INVALID_OPTION, when there is no such structure.
        UnusableInput: OUT_OF_MEMORY.
    """
    mask = require_structure(segmentation, structure)
    box = box_round(mask, [1, 1, 1])
    require_memory("fill-holes", mask[box].shape, segmentation.case_id)
    after = mask.copy()
    axis = segmentation.geometry.patient_axes[2]
    inside = mask[box]
    by_slice = settings.by_slice
    after[box] = filled_by_slice(inside, axis) if by_slice else filled_3d(inside)
    return with_mask(segmentation, structure, after, f"{structure}: holes filled")


def keep_largest(
    segmentation: Segmentation,
    structure: str,
    settings: LargestSettings = _LARGEST,
) -> Segmentation:
    """A structure with only its largest connected pieces.

    Voxels that touch by a face, an edge or a corner are one piece.

    Args:
        segmentation: The label map.
        structure: Name of the structure.
        settings: How many pieces stay.

    Raises:
        WrongUse: INVALID_OPTION, when there is no such structure.
        UnusableInput: OUT_OF_MEMORY.
    """
    mask = require_structure(segmentation, structure)
    box = box_round(mask, [0, 0, 0])
    require_memory("keep-largest", mask[box].shape, segmentation.case_id)
    pieces, count = count_pieces(mask[box])
    after = np.zeros_like(mask)
    after[box] = (pieces > 0) & (pieces <= settings.pieces)
    kept = min(count, settings.pieces)
    note = f"{structure}: {kept} of {count} pieces kept"
    return with_mask(segmentation, structure, after, note)


def filled_3d(mask: Mask) -> Mask:
    """The mask with all background that does not reach the border of the array."""
    shell = np.pad(mask, 1)  # the border of the array shuts nothing in
    filled = from_itk(sitk.BinaryFillhole(to_itk(shell, (1.0, 1.0, 1.0))))
    inside: np.ndarray = filled[1:-1, 1:-1, 1:-1] > 0
    return inside


def filled_by_slice(mask: Mask, axis: int) -> Mask:
    """The mask with the holes of each slice across an axis filled."""
    filled = np.empty_like(mask)
    for place in range(mask.shape[axis]):
        slice_ = np.moveaxis(mask, axis, 0)[place]
        np.moveaxis(filled, axis, 0)[place] = _filled_2d(slice_)
    return filled


def box_round(mask: Mask, margin: list[int]) -> tuple[slice, slice, slice]:
    """The box round a mask with a margin in voxels; all of it where it is empty."""
    slices = []
    for axis, others in enumerate(((1, 2), (0, 2), (0, 1))):
        where = np.flatnonzero(mask.any(axis=others))
        first = int(where[0]) if where.size else 0
        last = int(where[-1]) if where.size else mask.shape[axis] - 1
        slices.append(slice(max(0, first - margin[axis]), last + margin[axis] + 1))
    i, j, k = slices
    return i, j, k


def _filled_2d(slice_: Bool[np.ndarray, "i j"]) -> Bool[np.ndarray, "i j"]:
    image = sitk.GetImageFromArray(np.pad(slice_, 1).astype(np.uint8))
    inside: np.ndarray = sitk.GetArrayFromImage(sitk.BinaryFillhole(image))
    filled: np.ndarray = inside[1:-1, 1:-1] > 0
    return filled
