"""Make everything in this folder again: `python sample_data/generate.py --out DIR`.

All of it is synthetic, made by `medseg.phantom` from fixed seeds.
"""

import argparse
from pathlib import Path

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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("sample_data"), help="Folder to write to."
    )
    folder = parser.parse_args().out
    generate_scan(folder)
    generate_dataset(folder, DATASET_CASES)
