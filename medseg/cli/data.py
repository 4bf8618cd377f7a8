"""Commands on data: the decathlon's tasks, and phantoms."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

import medseg
from medseg.cli.console import shown_progress
from medseg.cli.scans import Json
from medseg.cli.tables import decathlon_table
from medseg.core.errors import ErrorCode, WrongUse

app = App(name="data", help="Get public datasets, or make synthetic data.")
_HERE = Path()
Touching = Annotated[bool, Parameter(negative=())]


@app.command(name="list")
def list_(*, as_json: Json = False) -> None:
    """List the datasets to download: the ten decathlon tasks.

    Example: medseg data list

    Args:
        as_json: Print JSON instead of a table.
    """
    tasks = medseg.DECATHLON_TASKS
    if not as_json:
        print(decathlon_table(tasks))
        return
    facts = [
        {
            **asdict(task),
            "licence": medseg.DECATHLON_LICENCE,
            "url": f"{medseg.DECATHLON_URL}/{task.archive_name}",
            "tolerance_mm": dict.fromkeys(task.labels, task.tolerance.tolerance_mm),
            "tolerance_source": task.tolerance.source,
            "tolerance_is_confirmed": task.tolerance.is_confirmed,
        }
        for task in tasks
    ]
    print(json.dumps(facts, indent=1))


@app.command
def download(
    tasks: Annotated[list[str], Parameter(name="TASK", negative=())],
    /,
    *,
    to: Path = _HERE,
) -> None:
    """Download decathlon tasks, check them, and unpack each into a folder of its name.

    The same command continues a stopped download; a complete folder stays unchanged.

    Example: medseg data download Task04_Hippocampus Task09_Spleen --to datasets

    Args:
        tasks: Names as in `medseg data list`; "spleen" is short for Task09_Spleen.
        to: Folder for the tasks' folders.
    """
    wanted = [medseg.decathlon_task(name) for name in tasks]
    with shown_progress() as progress:
        for task in wanted:
            folder = medseg.download_decathlon_task(task, to, on_progress=progress)
            print(folder)


@app.command
def phantom(
    out: Path, /, *, cases: int = 0, seed: int = 0, touching: Touching = False
) -> None:
    """Make synthetic abdominal CT: one DICOM series, or a dataset to train on.

    Example: medseg data phantom Task91_PhantomAbdomen --cases 60

    Example: medseg data phantom Touching --cases 60 --touching

    Args:
        out: New folder.
        cases: Cases of a dataset in Medical Segmentation Decathlon layout; 0 makes one
            DICOM series with its reference.
        seed: Another seed makes other anatomy.
        touching: Make livers with touching, numbered tumours; only with --cases.
    """
    if touching and not cases:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "tumours that touch are made as a dataset, and it is not said of how many",
            where="--touching",
            remedy="Give --cases too.",
        )
    with shown_progress() as progress:
        if touching:
            medseg.write_touching_dataset(
                out, cases=cases, seed=seed, on_progress=progress
            )
        elif cases:
            medseg.write_phantom_dataset(
                out, cases=cases, seed=seed, on_progress=progress
            )
        else:
            made = medseg.make_phantom(seed)
            with medseg.written_whole_folder(out) as folder:
                medseg.write_phantom_series(made, folder / "scan")
                medseg.write_segmentation(made.reference, folder / "reference.nii.gz")
    print(f"written to {out}")
