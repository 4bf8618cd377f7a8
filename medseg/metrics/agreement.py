"""Prediction and reference -> where they agree, voxel by voxel and slice by slice."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, UInt8
from scipy import ndimage

from medseg.core.agreement import AGREEMENT_LABELS, Agreement, SliceCounts
from medseg.core.volume import LabelArray, Segmentation, require_same_grid

Mask = Bool[np.ndarray, "i j k"]

_MEANINGS = np.array(
    [0, Agreement.FALSE_POSITIVE, Agreement.FALSE_NEGATIVE, Agreement.TRUE_POSITIVE],
    np.uint8,
)


def error_map(
    prediction: Segmentation, reference: Segmentation, label: int | None = None
) -> Segmentation:
    """False positives, false negatives and what is correct, as a label map.

    Args:
        prediction: The label map to judge.
        reference: The one to compare with, on the same grid.
        label: The structure to look at; all of them when left out. Then a voxel that
            each map gives to a structure of its own is an `OTHER_STRUCTURE`.

    Raises:
        UnusableInput: GRID_MISMATCH when the grids are not the same.
    """
    _require_comparable(prediction, reference)
    judged = _held(prediction.array, label)
    truth = _held(reference.array, label)
    errors: UInt8[np.ndarray, "i j k"] = _MEANINGS[judged + 2 * truth.view(np.uint8)]
    if label is None:
        is_other = judged & truth & (prediction.array != reference.array)
        errors[is_other] = Agreement.OTHER_STRUCTURE
    return replace(
        prediction, array=errors, labels=AGREEMENT_LABELS, provenance=None, notes=()
    )


def slice_agreement(
    prediction: Segmentation, reference: Segmentation, label: int | None = None
) -> tuple[SliceCounts, SliceCounts, SliceCounts]:
    """Voxels in each slice along i, along j and along k.

    Args:
        prediction: The label map to judge.
        reference: The one to compare with, on the same grid.
        label: The structure to count; all of them when left out, and then a voxel is
            shared when both maps give it to the same structure.

    Raises:
        UnusableInput: GRID_MISMATCH when the grids are not the same.
    """
    _require_comparable(prediction, reference)
    judged = _held(prediction.array, label)
    truth = _held(reference.array, label)
    shared = judged & truth
    if label is None:
        shared &= prediction.array == reference.array
    by_mask = [_by_slice(mask) for mask in (judged, truth, shared)]
    i, j, k = (
        SliceCounts(predicted=predicted, reference=wanted, shared=both)
        for predicted, wanted, both in zip(*by_mask, strict=True)
    )
    return i, j, k


def largest_error(
    prediction: Segmentation,
    reference: Segmentation,
    label: int,
    *,
    axis: int,
    index: int,
) -> tuple[int, int, int] | None:
    """A voxel in the middle of the largest patch of wrong voxels of a slice.

    Args:
        prediction: The label map to judge.
        reference: The one to compare with, on the same grid.
        label: The structure.
        axis: 0, 1 or 2: slices follow each other along i, j or k.
        index: Number of the slice.

    Returns:
        Its i, j, k; None where nothing in the slice is wrong.

    Raises:
        UnusableInput: GRID_MISMATCH when the grids are not the same.
    """
    _require_comparable(prediction, reference)
    judged = prediction.array.take(index, axis) == label
    wrong = judged ^ (reference.array.take(index, axis) == label)
    patches, count = ndimage.label(wrong)
    if count == 0:
        return None
    sizes = np.bincount(patches.ravel())[1:]
    voxels = np.argwhere(patches == int(sizes.argmax()) + 1)
    spacing_mm = np.delete(prediction.geometry.spacing_mm, axis)
    apart_mm = (voxels - voxels.mean(axis=0)) * spacing_mm
    place = voxels[np.argmin((apart_mm**2).sum(axis=1))].tolist()
    place.insert(axis, index)
    i, j, k = place
    return i, j, k


def _held(array: LabelArray, label: int | None) -> Mask:
    held: np.ndarray = array > 0 if label is None else array == label
    return held


def _by_slice(mask: Mask) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxels in each slice along the three axes, in two passes instead of three."""
    along_i = mask.sum(axis=0, dtype=np.int32)
    i = np.array([np.count_nonzero(plane) for plane in mask], np.int64)
    j, k = along_i.sum(axis=1, dtype=np.int64), along_i.sum(axis=0, dtype=np.int64)
    return i, j, k


def _require_comparable(prediction: Segmentation, reference: Segmentation) -> None:
    where = f"prediction and reference of {prediction.case_id}"
    require_same_grid(prediction.geometry, reference.geometry, where=where)
