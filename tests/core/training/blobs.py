"""A dataset of things that touch: pairs of bright blocks, numbered."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np

SHAPE = (16, 12, 8)
AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])


def blocks(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, labels and instance numbers of two blocks side by side in an organ."""
    rng = np.random.default_rng(number)
    image = rng.normal(20, 5, SHAPE).astype(np.float32)
    labels = np.zeros(SHAPE, np.uint8)
    instances = np.zeros(SHAPE, np.uint16)
    labels[1:-1, 1:-1, 1:-1] = 1
    i, j, k = rng.integers(2, 4, 3)
    for n, start in enumerate((i, i + 5)):
        box = (slice(start, start + 5), slice(j, j + 5), slice(k, k + 3))
        labels[box] = 2
        instances[box] = 300 - n
        image[box] += 40 + 20 * n
    return image, labels, instances


def write_blocks(folder: Path, cases: int = 6) -> Path:
    """The dataset in decathlon layout, LPS voxels of 1 mm, 2 mm along k."""
    entries = []
    for name in ("imagesTr", "labelsTr", "instancesTr"):
        (folder / name).mkdir(parents=True)
    for number in range(cases):
        name = f"blocks_{number:03d}.nii.gz"
        for part, array in zip(
            ("imagesTr", "labelsTr", "instancesTr"), blocks(number), strict=True
        ):
            nib.save(nib.Nifti1Image(array, AFFINE), folder / part / name)
        entries.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    description = {
        "name": "Blocks",
        "licence": "CC0-1.0",
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "organ", "2": "node"},
        "things": ["node"],
        "training": entries,
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder
