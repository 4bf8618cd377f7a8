"""Small label maps, scans and datasets on disk."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

import medseg
from medseg import LabelSet

SHAPE = (10, 9, 8)
GEOMETRY = medseg.Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.0))
ORGANS = LabelSet.from_names([(1, "liver"), (2, "tumour")])
LIVER, TUMOUR = slice(1, 5), slice(6, 8)


def write_labels(path: Path, *, geometry=GEOMETRY, labels=None, **parts: slice) -> Path:
    """Write a label map of slabs; names lie beside it when `labels` are given."""
    array = np.zeros(SHAPE, np.uint8)
    for label, name in enumerate(("liver", "tumour", "third"), start=1):
        if name in parts:
            array[parts[name]] = label
    if labels is None:
        labels = LabelSet.from_names([(1, "label 1"), (2, "label 2")])
    segmentation = medseg.Segmentation(array=array, geometry=geometry, labels=labels)
    medseg.write_segmentation(segmentation, path)
    if labels.names[0] == "label 1":
        path.with_name(path.name.split(".")[0] + ".json").unlink()
    return path


def write_scan(path: Path, value: float) -> Path:
    array = np.full((1, *SHAPE), value, np.float32)
    medseg.write_volume(medseg.Volume(array=array, geometry=GEOMETRY), path)
    return path


def write_description(folder: Path, cases: list[str], modality: str = "CT") -> None:
    description = {
        "name": "abdomen",
        "modality": {"0": modality},
        "labels": {"0": "background", "1": "liver", "2": "tumour"},
        "training": [
            {
                "image": f"./imagesTr/{case}.nii.gz",
                "label": f"./labelsTr/{case}.nii.gz",
            }
            for case in cases
        ],
    }
    (folder / "dataset.json").write_text(json.dumps(description))


def write_dataset(folder: Path, cases: list[str], modality: str = "CT") -> Path:
    for case in cases:
        write_labels(folder / f"labelsTr/{case}.nii.gz", liver=LIVER, tumour=TUMOUR)
        write_scan(folder / f"imagesTr/{case}.nii.gz", 60)
    write_description(folder, cases, modality)
    return folder


def write_made(
    path: Path,
    *,
    model: str = "",
    model_sha256: str = "",
    input_sha256: str = "",
    is_trained_on: bool = False,
) -> Path:
    """Write a prediction whose JSON says by which model and of which scan it is."""
    write_labels(path, liver=LIVER)
    made = medseg.Provenance(
        case_id=path.name,
        input_sha256=input_sha256,
        model=model,
        model_sha256=model_sha256,
        versions=(),
        settings=(),
        is_trained_on=is_trained_on,
    )
    result = replace(medseg.read_segmentation(path), provenance=made)
    medseg.write_segmentation(result, path, overwrite=True)
    return path
