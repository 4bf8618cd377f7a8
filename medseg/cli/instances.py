"""Commands on lesions: tell them apart, measure them, follow them, score them."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

import medseg
from medseg.cli.instance_options import (
    DEFAULT_COUNTED,
    DEFAULT_SEPARATION,
    Counted,
    Separation,
)
from medseg.cli.instance_output import require_table, write_table
from medseg.cli.instance_reading import instances_of, lesions_in
from medseg.cli.instance_scores import froc, score
from medseg.cli.opening import DEFAULT_OPENED, Opened, Opening, scan_of
from medseg.cli.scans import Flat, Json, Overwrite
from medseg.cli.segment_work import require_no_scan
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_settings import FollowUpRules

app = App(
    name="instances",
    help="Number, measure, follow and score single lesions.",
)
app.command(score)
app.command(froc)

Out = Annotated[Path, Parameter(name=["--out", "-o"])]
DEFAULT_FOLLOW_UP = FollowUpRules()


@app.command
def separate(  # noqa: PLR0913 - one an option
    labels: Path,
    /,
    *,
    out: Out,
    scan: Path | None = None,
    opened: Opening = DEFAULT_OPENED,
    wanted: Annotated[Counted, Flat] = DEFAULT_COUNTED,
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    overwrite: Overwrite = False,
) -> None:
    """Number the lesions of a label map.

    Writes the label map without lesions that are too small, a list of lesions
    (NAME.json), the number of the lesion at each voxel (NAME.instances.nii.gz), a table
    (NAME.instances.csv) and boxes (NAME.boxes.json). A DICOM-SEG has a segment a lesion
    instead of NAME.instances.nii.gz.

    Example: medseg instances separate labels.nii.gz -o lesions.nii.gz --split-by
    distance --minimum-mm3 50

    Args:
        labels: Label map: NIfTI, NRRD, MHA or DICOM-SEG.
        out: Label map to write: .nii, .nii.gz, .nrrd, .mha, or .dcm for a DICOM-SEG.
        scan: The segmented scan: for intensities in the table, for --split-by
            intensity, and for the slices of a DICOM-SEG.
        opened: How the scan is read.
        wanted: What is counted.
        separation: What one lesion is.
        overwrite: Replace earlier results.
    """
    beside = medseg.instance_files(out)
    for path in (out, *beside):
        require_no_scan(path, [labels, *([] if scan is None else [scan])])
    written = medseg.require_writable_instances(out, overwrite=overwrite)
    volume = scan_of(scan, opened)
    if written.is_dicom:
        require_series(volume, out)
    panoptic = medseg.separate_instances(
        lesions_in(labels, wanted, volume), separation.rules, volume
    )
    found = medseg.MeasuredInstances(
        panoptic=panoptic, measures=medseg.measure_instances(panoptic, volume)
    )
    medseg.write_instances(found, out, source=volume, overwrite=overwrite)
    for note in panoptic.segmentation.notes:
        print(f"note: {note}", file=sys.stderr)
    print(medseg.instances_table(found.measures))
    print(f"written to {out}, and beside it {', '.join(p.name for p in beside)}")


@app.command
def measure(  # noqa: PLR0913 - one an option
    labels: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    scan: Path | None = None,
    opened: Opening = DEFAULT_OPENED,
    wanted: Annotated[Counted, Flat] = DEFAULT_COUNTED,
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Measure every lesion: volume, RECIST diameters, shape, intensity, place, organ.

    Example: medseg instances measure lesions.nii.gz --scan ct.nii.gz -o lesions.csv

    Args:
        labels: Label map with lesions from segment --instances or separate, or a
            DICOM-SEG with a segment a lesion. In any other label map, and with
            --structure or --merge, lesions are separated first.
        out: Table to write: .csv or .json.
        scan: The segmented scan, for the intensities.
        opened: How the scan is read.
        wanted: What is counted.
        separation: What one lesion is.
        overwrite: Replace an earlier table.
        as_json: Print JSON instead of a table.
    """
    if out is not None:
        require_table(out, overwrite=overwrite)
    volume = scan_of(scan, opened)
    panoptic = instances_of(labels, wanted, separation, volume)
    measures = medseg.measure_instances(panoptic, volume)
    rows = medseg.instances_json(measures, panoptic.case_id)
    print(rows.rstrip() if as_json else medseg.instances_table(measures))
    if out is not None:
        csv = medseg.instances_csv(measures, panoptic.case_id)
        write_table(out, csv, rows, overwrite=overwrite)


@app.command
def follow(  # noqa: PLR0913 - one an option
    baseline: Path,
    follow_up: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    baseline_scan: Path | None = None,
    baseline_series: str | None = None,
    scan: Path | None = None,
    opened: Opening = DEFAULT_OPENED,
    wanted: Annotated[Counted, Flat] = DEFAULT_COUNTED,
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    rules: Annotated[FollowUpRules, Flat] = DEFAULT_FOLLOW_UP,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Find what became of each lesion: persisting, new, gone, split or merged.

    Both scans must be registered. Lesions of DICOM-SEGs with the same Tracking UID are
    one lesion; all others are matched by overlap, then by distance.

    Example: medseg instances follow january.nii.gz july.nii.gz -o growth.csv

    Args:
        baseline: Label map of the earlier scan, as for measure.
        follow_up: Label map of the later scan, on any grid.
        out: Table to write: .csv or .json.
        baseline_scan: The earlier scan, for --split-by intensity, and for the grid of a
            DICOM-SEG without empty slices.
        baseline_series: SeriesInstanceUID in the folder of the earlier scan.
        scan: The later scan, for the same purposes.
        opened: How the scans are read.
        wanted: What is counted.
        separation: What one lesion is.
        rules: How lesions are matched.
        overwrite: Replace an earlier table.
        as_json: Print JSON instead of a table.
    """
    if out is not None:
        require_table(out, overwrite=overwrite)
    then, later = (
        instances_of(labels, wanted, separation, volume)
        for labels, volume in zip(
            (baseline, follow_up),
            _scans((baseline_scan, scan), opened, baseline_series),
            strict=True,
        )
    )
    found = medseg.follow(then, later, rules)
    rows = medseg.follow_up_json(found)
    print(rows.rstrip() if as_json else medseg.follow_up_table(found))
    if out is not None:
        csv = medseg.follow_up_csv(found)
        write_table(out, csv, rows, overwrite=overwrite)


def _scans(
    paths: tuple[Path | None, Path | None],
    opened: Opened,
    baseline_series: str | None,
) -> Iterator[medseg.Volume | None]:
    """The earlier and the later scan, as far as they are given."""
    is_any = paths != (None, None)
    all_series = baseline_series, opened.series
    for path, series in zip(paths, all_series, strict=True):
        how = DEFAULT_OPENED if is_any and path is None else opened
        yield scan_of(path, replace(how, series=series))


def require_series(volume: medseg.Volume | None, out: Path) -> None:
    """Refuse, before any work is done, DICOM output that could not refer to slices.

    Raises:
        WrongUse: NO_DICOM_SOURCE.
        UnusableInput: What keeps the series from being referred to.
    """
    if volume is None:
        raise WrongUse(
            ErrorCode.NO_DICOM_SOURCE,
            "DICOM output refers to the slices that were segmented, and none are given",
            where=out,
            remedy="Give the DICOM series with --scan, or write .nii.gz.",
        )
    medseg.require_dicom_source(volume, out)
