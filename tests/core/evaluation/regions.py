"""A dataset of regions in which a part of each scan was not looked at, on disk."""

import json
from pathlib import Path

import numpy as np

import medseg
from medseg import LabelSet

SHAPE = (12, 10, 8)
GEOMETRY = medseg.Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.0))
REGIONS = {"whole tumour": [1, 2, 3], "core": [2, 3], "enhancing tumour": [3]}
IGNORED = 4
_NAMED = {"background": 0, **REGIONS, "ignore": IGNORED}
_NUMBERS = LabelSet.from_names((label, f"label {label}") for label in range(1, 5))


def random_map(seed: int, values=(0, 1, 2, 3)) -> np.ndarray:
    """Blocks of 2 x 2 x 2 voxels with labels by chance."""
    blocks = [edge // 2 for edge in SHAPE]
    chosen = np.random.default_rng(seed).choice(values, blocks).astype(np.uint8)
    for axis in range(3):
        chosen = chosen.repeat(2, axis=axis)
    return chosen


def write_map(path: Path, array: np.ndarray) -> Path:
    """A label map without names, as other programs write them."""
    made = medseg.Segmentation(array=array, geometry=GEOMETRY, labels=_NUMBERS)
    medseg.write_segmentation(made, path)
    path.with_name(path.name.replace(".nii.gz", ".json")).unlink()
    return path


def write_description(folder: Path, cases: int) -> None:
    description = {
        "channel_names": {"0": "MRI"},
        "labels": _NAMED,
        "regions_class_order": [1, 2, 3],
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(description))


def write_regions(folder: Path, cases: int = 3) -> dict[str, np.ndarray]:
    """A dataset in nnU-Net's raw layout; the references by case."""
    made = {f"c{n}": random_map(n, (0, 0, 1, 2, 3, IGNORED)) for n in range(cases)}
    for case, array in made.items():
        write_map(folder / f"labelsTr/{case}.nii.gz", array)
        image = np.zeros((1, *SHAPE), np.float32)
        scan = medseg.Volume(array=image, geometry=GEOMETRY)
        medseg.write_volume(scan, folder / f"imagesTr/{case}_0000.nii.gz")
    write_description(folder, cases)
    return made


def write_predictions(folder: Path, first_seed: int, cases: int = 3):
    """Predictions by case, which hold no label to ignore."""
    made = {f"c{n}": random_map(first_seed + n) for n in range(cases)}
    for case, array in made.items():
        write_map(folder / f"{case}.nii.gz", array)
    return made


def masks_of(region: str, prediction: np.ndarray, reference: np.ndarray):
    """Where a region is in both, of the voxels that the reference does not ignore."""
    looked_at = reference != IGNORED
    return tuple(
        np.isin(each, REGIONS[region])[looked_at] for each in (prediction, reference)
    )
