"""Probabilities of each label at each voxel, as MedSeg and nnU-Net write them."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.regions import Region
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.io.label_maps.companions import PROBABILITIES_SUFFIX
from medseg.io.numpy_files import read_npz
from medseg.io.reading import read_volume

_NNUNET_KEY = "probabilities"
_SUFFIXES = (PROBABILITIES_SUFFIX, ".nii.gz", ".nii", ".npz")


def find_probabilities(folder: Path, case_id: str) -> Path | None:
    """File of one case: `CASE.probabilities.nii.gz`, `CASE.nii.gz` or `CASE.npz`."""
    for suffix in _SUFFIXES:
        path = folder / f"{case_id}{suffix}"
        if path.is_file():
            return path
    return None


def read_probabilities(
    path: Path, segmentation: Segmentation, regions: Sequence[Region] = ()
) -> Volume:
    """Read the probabilities that belong to a label map.

    A NIfTI file has a fourth dimension, background first and then the structures by
    ascending label; or the regions alone, in the order of the dataset, where there are
    regions. An `.npz` file is one of nnU-Net v2: an array `probabilities` of (class, k,
    j, i) on the label map's own grid.

    Raises:
        UnusableInput: NOT_READABLE; CHANNEL_MISMATCH when the classes are not as many
            as the labels; GRID_MISMATCH when it is on another grid; NOT_FINITE for
            values that are no probabilities.
    """
    names = ("background", *segmentation.labels.names)
    if regions:
        names = tuple(region.name for region in regions)
    if path.suffix == ".npz":
        volume = Volume(
            array=_nnunet_array(path, len(names), segmentation),
            geometry=segmentation.geometry,
            channels=names,
            case_id=segmentation.case_id,
        )
    else:
        volume = read_volume(path, channels=dict.fromkeys(names, path))
    where = f"label map and probabilities of {segmentation.case_id}"
    require_same_grid(segmentation.geometry, volume.geometry, where=where)
    least, most = float(volume.array.min()), float(volume.array.max())
    if not -1e-3 <= least <= most <= 1 + 1e-3:
        raise UnusableInput(
            ErrorCode.NOT_FINITE,
            f"values from {least:.3g} to {most:.3g} are no probabilities",
            where=path,
            remedy="Give probabilities between 0 and 1, not logits.",
        )
    return volume


def _nnunet_array(path: Path, classes: int, segmentation: Segmentation) -> np.ndarray:
    try:
        (stored,) = read_npz(path, (_NNUNET_KEY,))
    except (OSError, ValueError, LookupError, EOFError, BadZipFile, zlib.error):
        raise UnusableInput(
            ErrorCode.NOT_READABLE,
            f"it has no readable array {_NNUNET_KEY!r}",
            where=path,
            remedy="Give the .npz file that nnU-Net writes with --save_probabilities.",
        ) from None
    array = np.moveaxis(stored, (1, 2, 3), (3, 2, 1)) if stored.ndim == 4 else stored
    wanted = (classes, *segmentation.geometry.shape)
    if array.shape != wanted:
        raise UnusableInput(
            ErrorCode.CHANNEL_MISMATCH,
            f"its shape is {array.shape} in (class, i, j, k), not {wanted}",
            where=path,
            remedy="Give probabilities on the label map's grid, background first.",
        )
    return array.astype(np.float32, copy=False)
