"""Boxes of voxels: where a method looks when it is not to look everywhere.

A method is run in a box by cropping the scan, running it, and pasting what it found.
"""

from dataclasses import replace

import numpy as np

from medseg.core.box import Box
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.geometry import Geometry, Points, Shape3
from medseg.core.volume import Segmentation, Volume

__all__ = ["Box", "box_between", "cropped_labels", "cropped_scan", "pasted"]


def box_between(geometry: Geometry, corners_ras_mm: Points) -> Box:
    """The smallest box of voxels of a grid whose centres span some points.

    Args:
        geometry: The grid.
        corners_ras_mm: Two or more points (R, A, S), such as opposite corners.

    Raises:
        WrongUse: INVALID_OPTION, when the box lies outside the grid.
    """
    indices = geometry.to_index(np.atleast_2d(np.asarray(corners_ras_mm, float)))
    first = np.maximum(np.ceil(indices.min(axis=0) - 0.5), 0)
    last = np.minimum(np.floor(indices.max(axis=0) + 0.5), np.array(geometry.shape) - 1)
    if not (first <= last).all():  # of NaN neither
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "the box lies outside the scan",
            where="box",
            remedy="Give two corners (R, A, S) in mm, at least one inside.",
        )
    size = last - first + 1
    (i, j, k), (m, n, o) = first.astype(int).tolist(), size.astype(int).tolist()
    return Box(start=(i, j, k), shape=(m, n, o))


def cropped_scan(volume: Volume, box: Box) -> Volume:
    """The part of a scan in a box; the part of DICOM it came from is forgotten."""
    return replace(
        volume,
        array=volume.array[(slice(None), *box.slices)],
        geometry=volume.geometry.cropped(box.start, box.shape),
        source=(),
    )


def cropped_labels(segmentation: Segmentation, box: Box) -> Segmentation:
    """The part of a label map in a box."""
    return replace(
        segmentation,
        array=segmentation.array[box.slices],
        geometry=segmentation.geometry.cropped(box.start, box.shape),
    )


def pasted(part: Segmentation, geometry: Geometry, box: Box) -> Segmentation:
    """What was found in a box, on the whole grid; background outside it."""
    array = np.zeros(geometry.shape, part.array.dtype)
    array[box.slices] = part.array
    note = f"looked for only in voxels {box.start} to {_end(box)}"
    made = part.provenance
    told = None if made is None else replace(made, notes=(*made.notes, note))
    return replace(part, array=array, geometry=geometry, provenance=told)


def _end(box: Box) -> Shape3:
    i, j, k = (s + n - 1 for s, n in zip(box.start, box.shape, strict=True))
    return i, j, k
