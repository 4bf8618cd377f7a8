"""Make everything in this folder again: `python sample_data/generate.py --out DIR`.

All of it is synthetic, made by `medseg.phantom` from fixed seeds.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from medseg import (
    Device,
    InferenceSettings,
    Precision,
    load_model,
    read_dataset,
    read_volume,
    segment,
)
from medseg.io.writing import write_segmentation
from medseg.phantom import (
    SAMPLE_SEED,
    make_phantom,
    write_phantom_dataset,
    write_phantom_series,
)

DATASET = "Task90_PhantomAbdomen"
DATASET_SEED = 90
DATASET_CASES = 10


def generate_scan(out: Path) -> None:
    """Write the sample series and its reference."""
    phantom = make_phantom(SAMPLE_SEED)
    write_phantom_series(phantom, out / "ct_phantom")
    write_segmentation(phantom.reference, out / "ct_phantom_reference.nii.gz")


def generate_dataset(out: Path, cases: int) -> None:
    """Write the first cases of the dataset."""
    write_phantom_dataset(
        out / DATASET,
        cases=cases,
        seed=DATASET_SEED,
        shape=(112, 112, 48),
        spacing_mm=(3.1, 3.1, 4.5),
    )


def generate_predictions(out: Path) -> None:
    """Segment the dataset twice: as MedSeg does it, and quickly.

    Single voxels may come out otherwise on another processor.
    """
    exact = InferenceSettings(device=Device("cpu"), precision=Precision.FLOAT32)
    quick = replace(exact, mirror=False, overlap=0.0)
    model = load_model("phantom-abdomen")
    for name, settings in (("full", exact), ("quick", quick)):
        for case in read_dataset(out / DATASET).cases:
            prediction = segment(read_volume(case.images[0]), model, settings)
            path = out / "predictions" / name / f"{case.id}.nii.gz"
            write_segmentation(prediction, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("sample_data"), help="Folder to write to."
    )
    folder = parser.parse_args().out
    generate_scan(folder)
    generate_dataset(folder, DATASET_CASES)
    generate_predictions(folder)
