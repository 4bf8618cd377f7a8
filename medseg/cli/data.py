"""Commands that make data."""

from pathlib import Path

from cyclopts import App

import medseg
from medseg.cli.console import shown_progress

app = App(name="data", help="Make synthetic data.")


@app.command
def phantom(out: Path, /, *, cases: int = 0, seed: int = 0) -> None:
    """Make synthetic abdominal CT: one DICOM series, or a dataset to train on.

    Example: medseg data phantom Task91_PhantomAbdomen --cases 60

    Args:
        out: New folder.
        cases: Cases of a dataset in Medical Segmentation Decathlon layout; 0 makes one
            DICOM series with its reference.
        seed: Another seed makes other anatomy.
    """
    with shown_progress() as progress:
        if cases:
            medseg.write_phantom_dataset(
                out, cases=cases, seed=seed, on_progress=progress
            )
        else:
            made = medseg.make_phantom(seed)
            with medseg.written_whole_folder(out) as folder:
                medseg.write_phantom_series(made, folder / "scan")
                medseg.write_segmentation(made.reference, folder / "reference.nii.gz")
    print(f"written to {out}")
