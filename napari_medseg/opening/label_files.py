"""Telling label maps from scans among files of the same formats.

Neither NIfTI nor NRRD says which of the two it holds, so it is decided from the values,
and the less the name says, the more strictly:

* named as a label map (a word such as "mask" or "seg" in its name, a folder such as
  "labelsTr", or MedSeg's own description beside it): whole numbers from 0, at most
  1,000 of them, in patches rather than as noise;
* not so named: of an integer type too, and none above 255.

A wrong guess does no harm: napari converts either into the other from the menu of the
layer list, and keeps its place.
"""

import re
from pathlib import Path

import numpy as np

import medseg

REFERENCE_WORDS = {"groundtruth", "gt", "manual", "reference", "truth"}
_WORDS = REFERENCE_WORDS | {
    "label",
    "labels",
    "labelmap",
    "mask",
    "masks",
    "prediction",
    "seg",
    "segmentation",
    "segmentations",
}
_MOST_LABELS_NAMED = 1000
_LARGEST_LABEL_UNNAMED = 255
_DESCRIPTION_START = 200
_SLICES_LOOKED_AT = 64
_PATCHY_NAMED = 0.5
_PATCHY_UNNAMED = 0.8


def is_named_as_label_map(path: Path) -> bool:
    """Whether a file's name, folder or description says that it holds labels."""
    words = set(re.split(r"[^a-z]+", path.name.lower()))
    return (
        bool(words & _WORDS)
        or path.parent.name.lower() in {"labelstr", "labelsts", "labels", "masks"}
        or _is_described(path)
    )


def holds_label_map(volume: medseg.Volume, *, named: bool) -> bool:
    """Whether the values are those of a label map.

    Args:
        volume: What was read.
        named: Whether the file is named as a label map.
    """
    array = volume.array[0]
    if len(volume.channels) != 1 or not _is_whole_from_zero(array, named=named):
        return False
    if not named and array.max() > _LARGEST_LABEL_UNNAMED:
        return False
    first, second = _neighbours(array)
    inside = first != 0
    if not inside.any():
        return named
    if named and np.unique(first).size > _MOST_LABELS_NAMED:
        return False
    return _share_equal(first, second, inside) >= (
        _PATCHY_NAMED if named else _PATCHY_UNNAMED
    )


def _is_described(path: Path) -> bool:
    """Whether the names MedSeg writes lie beside the file."""
    description = path.with_name(path.name.removesuffix(".gz")).with_suffix(".json")
    try:
        with description.open(encoding="utf-8", errors="replace") as file:
            return "medseg-segmentation" in file.read(_DESCRIPTION_START)
    except OSError:
        return False


def _is_whole_from_zero(array: np.ndarray, *, named: bool) -> bool:
    if np.issubdtype(array.dtype, np.integer) or array.dtype == np.bool_:
        return bool(array.min() >= 0)
    return (
        named
        and bool(np.isfinite(array).all())
        and bool(array.min() >= 0)
        and bool((array == np.round(array)).all())
    )


def _neighbours(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some slices across the longest axis that are not all 0, and the next of each."""
    axis = int(np.argmax(array.shape))
    slices = np.moveaxis(array, axis, 0)
    filled = np.flatnonzero([np.any(each) for each in slices[:-1]])
    chosen = filled[:: 1 + filled.size // _SLICES_LOOKED_AT]
    return slices[chosen], slices[chosen + 1]


def _share_equal(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> float:
    """Share of the voxels inside which equal their neighbour.

    Near 1 for a label map; near 0 for a scan, in which neighbours differ by noise.
    """
    return float((first == second)[inside].mean())
