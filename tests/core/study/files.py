"""Small label maps of readers and models on disk."""

from pathlib import Path

import numpy as np

import medseg
from medseg import LabelSet

SHAPE = (12, 10, 8)
GEOMETRY = medseg.Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.0))
ORGANS = LabelSet.from_names([(1, "liver"), (2, "spleen")])


def labels_of(liver: int, spleen: int = 4) -> medseg.Segmentation:
    """A liver of so many slices from the left, a spleen of so many from the right."""
    array = np.zeros(SHAPE, np.uint8)
    array[:liver] = 1
    array[SHAPE[0] - spleen :] = 2
    return medseg.Segmentation(array=array, geometry=GEOMETRY, labels=ORGANS)


def write_maps(folder: Path, maps: dict[str, medseg.Segmentation]) -> Path:
    for case, segmentation in maps.items():
        medseg.write_segmentation(segmentation, folder / f"{case}.nii.gz")
    return folder


def write_reference(folder: Path, cases: int = 4) -> Path:
    """References whose liver is four slices thick."""
    return write_maps(folder, {f"c{n}": labels_of(4) for n in range(cases)})
