"""Lets nnU-Net plan the ten decathlon tasks, to compare MedSeg's plans with its.

    nnunet/bin/python docs/plan_with_nnunet.py > tests/core/planning/nnunet_plans.json

It runs in nnU-Net's own environment (`pip install "nnunetv2>=2.8"`) and needs no scans:
each task is eleven made-up scans of its median shape and usual spacing, two of them
with the thinnest slices. `ExperimentPlanner` does the rest; only its search for a
low-resolution network, which MedSeg has none of, is left out.
"""

import contextlib
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import (  # noqa: E501
    ExperimentPlanner,
)

# Channels, median shape and usual spacing along R, A, S, and the spacing along S of the
# tenth of the scans with the thinnest slices.
TASKS = {
    "BrainTumour": (4, (138, 170, 138), (1.0, 1.0, 1.0), 1.0),
    "Heart": (1, (320, 232, 115), (1.25, 1.25, 1.37), 1.37),
    "Liver": (1, (512, 512, 432), (0.77, 0.77, 1.0), 1.0),
    "Hippocampus": (1, (36, 50, 35), (1.0, 1.0, 1.0), 1.0),
    "Prostate": (2, (320, 319, 20), (0.62, 0.62, 3.6), 3.6),
    "Lung": (1, (512, 512, 252), (0.79, 0.79, 1.24), 1.24),
    "Pancreas": (1, (512, 512, 93), (0.8, 0.8, 2.5), 2.5),
    "HepaticVessel": (1, (512, 512, 49), (0.8, 0.8, 5.0), 1.5),
    "Spleen": (1, (512, 512, 90), (0.79, 0.79, 5.0), 1.6),
    "Colon": (1, (512, 512, 95), (0.78, 0.78, 5.0), 3.0),
}
STRUCTURES = 2
SCANS, THIN_SCANS = 11, 2


def main() -> None:
    """Write what went in and what nnU-Net planned, as JSON, axes along R, A, S."""
    tasks = {}
    for name, facts in TASKS.items():
        scans = scans_of(*facts[1:])
        with contextlib.redirect_stdout(sys.stderr):  # nnU-Net's own messages
            tasks[name] = {"channels": facts[0], **scans, **planned(facts[0], scans)}
    made_by = {"nnU-Net": version("nnunetv2"), "structures": STRUCTURES}
    content = {"made by": made_by} | tasks
    lines = [f"{json.dumps(key)}: {json.dumps(content[key])}" for key in content]
    print("{\n" + ",\n".join(lines) + "\n}")


def scans_of(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    thinnest_mm: float,
) -> dict[str, Any]:
    """Shapes and spacings of scans that all reach as far."""
    (r, a, s), (r_mm, a_mm, s_mm) = shape, spacing_mm
    slices_mm = [thinnest_mm] * THIN_SCANS + [s_mm] * (SCANS - THIN_SCANS)
    return {
        "shapes": [(r, a, round(s * s_mm / each)) for each in slices_mm],
        "spacings_mm": [(r_mm, a_mm, each) for each in slices_mm],
    }


def planned(channels: int, scans: dict[str, Any]) -> dict[str, Any]:
    """nnU-Net's plan of the full resolution."""
    with tempfile.TemporaryDirectory() as folder:
        _write_dataset(Path(folder), channels, scans)
        planner = ExperimentPlanner("Dataset001_Task")
        planner.lowres_creation_threshold = 0
        plans = planner.plan_experiment()
    plan = plans["configurations"]["3d_fullres"]
    network = plan["architecture"]["arch_kwargs"]

    def along_patient(values: Any) -> list[Any]:
        as_read = [values[axis] for axis in plans["transpose_backward"]]
        return [float(value) for value in reversed(as_read)]  # read as S, A, R

    def whole(values: Any) -> list[int]:
        return [int(value) for value in along_patient(values)]

    return {
        "spacing_mm": along_patient(plan["spacing"]),
        "patch_shape": whole(plan["patch_size"]),
        "batch_size": int(plan["batch_size"]),
        "widths": [int(width) for width in network["features_per_stage"]],
        "strides": [whole(stride) for stride in network["strides"]],
        "kernels": [whole(kernel) for kernel in network["kernel_sizes"]],
    }


def _write_dataset(folder: Path, channels: int, scans: dict[str, Any]) -> None:
    """As much of a raw dataset and its fingerprint as the planner reads."""
    os.environ.update(  # noqa: TID251 - how nnU-Net is told of its folders
        nnUNet_raw=str(folder / "raw"),
        nnUNet_preprocessed=str(folder / "preprocessed"),
        nnUNet_results=str(folder / "results"),
        nnUNet_n_proc_DA="1",
    )
    raw, prepared = (
        folder / name / "Dataset001_Task" for name in ("raw", "preprocessed")
    )
    prepared.mkdir(parents=True)
    raw.mkdir(parents=True)
    names = [f"structure {n}" for n in range(1, STRUCTURES + 1)]
    dataset = {
        "channel_names": {str(n): "MRI" for n in range(channels)},
        "labels": {"background": 0} | {name: n for n, name in enumerate(names, 1)},
        "numTraining": SCANS,
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": "SimpleITKIO",
        "dataset": {"case": {"images": ["case_0000.nii.gz"], "label": "case.nii.gz"}},
    }
    (raw / "dataset.json").write_text(json.dumps(dataset))
    fingerprint = {
        "shapes_after_crop": [shape[::-1] for shape in scans["shapes"]],
        "spacings": [spacing[::-1] for spacing in scans["spacings_mm"]],
        "median_relative_size_after_cropping": 1.0,
        "foreground_intensity_properties_per_channel": {},
    }
    (prepared / "dataset_fingerprint.json").write_text(json.dumps(fingerprint))


if __name__ == "__main__":
    main()
