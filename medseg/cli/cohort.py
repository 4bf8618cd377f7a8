"""The commands for many scans, unattended."""

import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

import medseg
from medseg.cli.cohort_tables import status_lines
from medseg.cli.console import shown_progress
from medseg.cli.instance_options import (
    DEFAULT_SEPARATION,
    Separation,
    require_instances,
)
from medseg.cli.scans import DEFAULT_INFERENCE, Flat, Overwrite
from medseg.cli.segmenting import CODES, Switch
from medseg.cohort.settings import ExecutorKind
from medseg.cohort.workers.local import Executor, devices_for
from medseg.core.acceptance import Accepted
from medseg.core.cohort import CaseState, Manifest
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.progress import Cancelled
from medseg.core.settings import InferenceSettings
from medseg.core.text_table import counted
from medseg.io.file_kinds import SegmentationFormat

EXIT_PARTLY_DONE = 3

app = App(name="cohort", help="Segment and score many scans, unattended.")

DEFAULT_HOW = medseg.HowToRun()
DEFAULT_EVALUATION = medseg.EvaluationSettings()


@app.command
def run(  # noqa: PLR0913 - the options of design's command
    scans: Path,
    /,
    *,
    model: Annotated[tuple[str, ...], Parameter(name=["--model", "-m"], negative=())],
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    references: Path | None = None,
    region_model: str | None = None,
    accept: Annotated[tuple[Accepted, ...], CODES] = (),
    settings: Annotated[InferenceSettings, Flat] = DEFAULT_INFERENCE,
    file_format: Annotated[
        SegmentationFormat, Parameter(name="--format")
    ] = SegmentationFormat.NIFTI,
    bids: Switch = False,
    tolerance_mm: float | None = None,
    save_probabilities: Switch = False,
    quality: Switch = False,
    instances: Switch = False,
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    thumbnails: bool = True,
    how: Annotated[medseg.HowToRun, Flat] = DEFAULT_HOW,
    shard: str | None = None,
    executor: ExecutorKind = ExecutorKind.LOCAL,
    scheduler: str | None = None,
    resource: str | None = None,
    dry_run: Switch = False,
) -> int:
    """Segment many scans, score those with a reference, continue where it stopped.

    The same command again does only what is missing, failed or changed. A scan that
    fails is listed and stops no other; the exit code is then 3.

    Example: medseg cohort run scans/ -m phantom-abdomen -o night/

    Example: medseg cohort run cases.csv -m phantom-abdomen -o night/ --shard 2/8

    Example: medseg cohort run scans/ -m phantom-abdomen -o night/ --instances

    Args:
        scans: A list of cases (.csv with the columns case, image and optionally
            series, reference, patient, centre), or a folder: a dataset, BIDS, image
            files, or DICOM series.
        model: Name of a shipped model or a model folder. Give it again for more models:
            all structures go into one label map, those of later models on top.
        out: Folder for the results, new or of an earlier run.
        references: Folder of label maps with the names of the cases.
        region_model: Coarse model to run first.
        accept: Error code of a problem to mend instead of refusing; once for each.
        settings: How the network is run.
        file_format: Format of the label maps.
        bids: Name label maps as BIDS derivatives, with a table of labels each.
        tolerance_mm: Tolerance of NSD and boundary IoU.
        save_probabilities: Also write the probability of each label.
        quality: Predict Dice with the model's quality scores (medseg quality fit), in
            volumes.csv and cases.csv; without references the lowest comes first.
        instances: Also number the lesions: each case has the files of medseg segment
            --instances; instances.csv has all measures, cases.csv numbers and volumes.
        separation: What one lesion is, with --instances.
        thumbnails: Draw a picture of each case for index.html.
        how: Processes and limits.
        shard: I/N: part of the cases for this machine. After all parts, medseg cohort
            merge writes the tables.
        executor: local for processes of this machine, dask for workers of a cluster.
        scheduler: Address of the dask scheduler, as tcp://host:8786.
        resource: NAME=AMOUNT that a dask worker needs for a case, such as GPU=1.
        dry_run: Check the list and print what would be done.
    """
    require_instances(separation, instances=instances)
    make = medseg.WhatToMake(
        models=model,
        region_model=region_model,
        inference=settings,
        accept=accept,
        file_format=file_format,
        bids_names=bids,
        save_probabilities=save_probabilities,
        quality=quality,
        instances=separation.rules_of([*map(_plan_of, model)]) if instances else None,
        thumbnails=thumbnails,
        evaluation=medseg.EvaluationSettings(tolerance_mm=tolerance_mm),
    )
    manifest = _cases(scans, model[0], references)
    for note in medseg.cohort_changes(manifest, out, make):
        print(f"note: {note}", file=sys.stderr)
    part = medseg.Shard.parsed(shard) if shard else None
    workers = _executor(executor, settings.device, how, (scheduler, resource))
    if dry_run:
        plan = medseg.plan_run(manifest, out, make, part)
        print(
            f"{counted(len(plan.cases), 'case')}, {len(plan.waiting)} of them to be "
            "done"
        )
        return 0
    with shown_progress() as progress:
        try:
            status = medseg.run_cohort(
                manifest, out, make, workers, shard=part, on_progress=progress
            )
        except Cancelled:
            print(_stopped(out), file=sys.stderr)
            raise
    return _told(status, out, is_part=part is not None)


@app.command(name="list")
def list_cases(
    folder: Path,
    /,
    *,
    model: Annotated[str, Parameter(name=["--model", "-m"])],
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    references: Path | None = None,
    overwrite: Overwrite = False,
) -> int:
    """Write the list of cases of a folder, to check and edit.

    Example: medseg cohort list scans/ -m phantom-abdomen -o cases.csv

    Args:
        folder: Dataset, BIDS, image files, or DICOM series, as for cohort run.
        model: Model to run; its channels say which files make up a case.
        out: List to write, a new .csv file.
        references: Folder of label maps with the names of the cases.
        overwrite: Replace an earlier list.
    """
    channels = _plan_of(model).channels
    manifest = medseg.cases_in(folder, channels, references)
    _tell_about(manifest)
    medseg.write_manifest(manifest, out, channels, overwrite=overwrite)
    print(f"{counted(len(manifest.cases), 'case')} -> {out}")
    return 0


@app.command
def status(folder: Path, /, *, watch: Switch = False) -> int:
    """Print how far a cohort is: counts, failures, speed, time left.

    Example: medseg cohort status night/ --watch

    Args:
        folder: Folder of the cohort.
        watch: Repeat every ten seconds until nothing is left to do, or no run is
            active.
    """
    while True:
        found = medseg.cohort_status(folder)
        print("\n".join(status_lines(found)), flush=True)
        if not watch or not found.is_worked_on:
            return 0
        time.sleep(10)


@app.command
def merge(folder: Path, /, *, parquet: Switch = False) -> int:
    """Write the tables and the page of a cohort that was run in parts.

    Example: medseg cohort merge night/

    Args:
        folder: Folder of the cohort.
        parquet: Also write scores, volumes and lesions as .parquet.
    """
    return _told(medseg.merge_cohort(folder, parquet=parquet), folder)


def _executor(
    kind: ExecutorKind,
    device: medseg.Device,
    how: medseg.HowToRun,
    cluster: tuple[str | None, str | None],
) -> Executor:
    scheduler, resource = cluster
    if kind is ExecutorKind.LOCAL:
        if scheduler or resource:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                "this machine's processes have no scheduler",
                where="--scheduler, --resource",
                remedy="Add --executor dask, or leave them out.",
            )
        devices_for(device, how.workers)
        return medseg.LocalExecutor(how=how)
    if scheduler is None or find_spec("distributed") is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "dask needs the address of a scheduler, and the package distributed",
            where="--executor dask",
            remedy="Give --scheduler ADDRESS; pip install 'dask[distributed]'.",
        )
    return medseg.DaskExecutor(
        scheduler=scheduler,
        device=device,
        resources=_resources(resource) if resource else {},
        time_limit_s=how.time_limit_s,
        grace_s=how.grace_s,
    )


def _resources(text: str) -> dict[str, float]:
    """What a worker must have, as it is written: GPU or GPU=1."""
    name, _, amount = text.partition("=")
    try:
        return {name: float(amount or 1)}
    except ValueError:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"{amount!r} is no amount",
            where="--resource",
            remedy="Give NAME=AMOUNT, as GPU=1.",
        ) from None


def _cases(scans: Path, model: str, references: Path | None) -> Manifest:
    channels = _plan_of(model).channels
    if scans.suffix.lower() == ".csv":
        manifest = medseg.read_manifest(scans, channels)
        if references is not None:
            manifest = medseg.with_references(manifest, references)
    else:
        manifest = medseg.cases_in(scans, channels, references)
    _tell_about(manifest)
    if manifest.faults:
        raise UnusableInput(
            ErrorCode.INVALID_MANIFEST,
            f"the list of cases has {counted(len(manifest.faults), 'fault')}, all told "
            "above",
            where=scans,
            remedy="Mend them and run again; nothing was done.",
        )
    return manifest


def _plan_of(model: str) -> medseg.Plan:
    return medseg.read_model_info(medseg.model_folder(model)).plan


def _tell_about(manifest: Manifest) -> None:
    for note in manifest.notes:
        print(f"note: {note}", file=sys.stderr)
    for fault in manifest.faults:
        print(f"fault: {fault}", file=sys.stderr)


def _told(status: medseg.CohortStatus, folder: Path, *, is_part: bool = False) -> int:
    print("\n".join(status_lines(status)))
    if is_part:
        print(f"when all parts have ended: medseg cohort merge {folder}")
    else:
        print(f"-> {folder / 'index.html'}")
    return 0 if status.is_complete else EXIT_PARTLY_DONE


def _stopped(folder: Path) -> str:
    status = medseg.cohort_status(folder)
    done = f"{status.count(CaseState.DONE)} of {counted(len(status.states), 'case')}"
    return (
        f"{done} done; the same command goes on, and medseg cohort merge {folder} "
        "writes the tables of what there is"
    )
