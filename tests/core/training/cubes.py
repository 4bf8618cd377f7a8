"""A dataset that anything can learn: a bright cube in noise."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np

from medseg import Device, Precision, TrainingSettings

SHAPE = (12, 11, 8)
QUICK = TrainingSettings(
    device=Device("cpu"),
    precision=Precision.FLOAT32,
    compile=False,
    fold=0,
    steps=4,
    checkpoint_every=2,
    learning_rate=1e-2,
)


def cube(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Image and labels of one case, from its number."""
    rng = np.random.default_rng(number)
    image = rng.normal(20, 5, SHAPE).astype(np.float32)
    labels = np.zeros(SHAPE, np.uint8)
    start = rng.integers(0, 4, 3)
    labels[tuple(slice(s, s + 5) for s in start)] = 1
    image[labels > 0] += 40
    return image, labels


def write_cubes(folder: Path, cases: int = 6) -> Path:
    """The dataset in decathlon layout, LPS voxels of 1 mm, 2 mm along k."""
    affine = np.diag([-1.0, -1.0, 2.0, 1.0])
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    entries = []
    for number in range(cases):
        image, labels = cube(number)
        name = f"cube_{number:03d}.nii.gz"
        nib.save(nib.Nifti1Image(image, affine), folder / "imagesTr" / name)
        nib.save(nib.Nifti1Image(labels, affine), folder / "labelsTr" / name)
        entries.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    description = {
        "name": "Cubes",
        "licence": "CC0-1.0",
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "cube"},
        "training": entries,
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder
