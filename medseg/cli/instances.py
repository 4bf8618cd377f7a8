"""Commands on lesions: tell them apart, measure them, follow them, score them."""

from collections.abc import Iterator, Sequence
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
from medseg.cli.instance_reading import instances_of, kept_or_apart
from medseg.cli.instance_scores import froc, score
from medseg.cli.opening import DEFAULT_OPENED, Opened, Opening, scan_of
from medseg.cli.scans import Flat, Json, Overwrite
from medseg.cli.segment_work import print_notes, require_no_scan
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
    """Number the lesions of a label map, or write those it holds in another format.

    Lesions stored with the label map are kept, with their confidences, unless an option
    says what one lesion is or counts something else.

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
    written = _written_as(out, (labels, scan), overwrite=overwrite)
    volume = scan_of(scan, opened)
    if written.is_dicom:
        require_series(volume, out)
    panoptic, said = kept_or_apart(labels, wanted, separation, volume)
    found = _write(panoptic, out, volume, overwrite=overwrite)
    print_notes((*panoptic.segmentation.notes, *said, *panoptic.notes))
    print(medseg.instances_table(found.measures))
    beside = ", ".join(path.name for path in medseg.instance_files(out))
    print(f"written to {out}, and beside it {beside}")


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
    out_labels: Path | None = None,
    baseline_scan: Path | None = None,
    baseline_series: str | None = None,
    baseline_channel: int | None = None,
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
    --out-labels july_tracked.nii.gz

    Args:
        baseline: Label map of the earlier scan, as for measure.
        follow_up: Label map of the later scan, on any grid.
        out: Table to write: .csv or .json.
        out_labels: Label map to write of the later scan, with its lesions, table and
            boxes as of separate: lesions matched have the Tracking UID of the baseline.
        baseline_scan: The earlier scan, for --split-by intensity, and for the grid of a
            DICOM-SEG without empty slices.
        baseline_series: SeriesInstanceUID in the folder of the earlier scan.
        baseline_channel: Channel of the earlier scan, from 0.
        scan: The later scan, for the same purposes, and for intensities and the slices
            of a DICOM-SEG with --out-labels.
        opened: How the scans are read.
        wanted: What is counted.
        separation: What one lesion is.
        rules: How lesions are matched.
        overwrite: Replace earlier results.
        as_json: Print JSON instead of a table.
    """
    if out is not None:
        require_table(out, overwrite=overwrite)
    written = None
    if out_labels is not None:
        read = (baseline, follow_up, baseline_scan, scan)
        written = _written_as(out_labels, read, overwrite=overwrite)
    before = replace(opened, series=baseline_series, channel=baseline_channel)
    earlier, volume = _scans((baseline_scan, scan), (before, opened))
    if out_labels is not None and written is not None and written.is_dicom:
        require_series(volume, out_labels)
    then, later = (
        instances_of(labels, wanted, separation, source)
        for labels, source in ((baseline, earlier), (follow_up, volume))
    )
    found = medseg.follow(then, later, rules)
    if out_labels is not None:
        tracked = medseg.with_tracking(later, found)
        _write(tracked, out_labels, volume, overwrite=overwrite)
        print_notes([_handed_on(tracked, found)])
    rows = medseg.follow_up_json(found)
    print(rows.rstrip() if as_json else medseg.follow_up_table(found))
    if out is not None:
        csv = medseg.follow_up_csv(found)
        write_table(out, csv, rows, overwrite=overwrite)


def _scans(
    paths: tuple[Path | None, Path | None], opened: tuple[Opened, Opened]
) -> Iterator[medseg.Volume | None]:
    """The earlier and the later scan, as far as they are given.

    Raises:
        WrongUse: INVALID_OPTION, where it is said how to read a scan that is not given.
        MedSegError: As `medseg.read_volume`.
    """
    before, _ = opened
    if paths[0] is None and (before.series is not None or before.channel is not None):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "it is said how the earlier scan is read, and none is given",
            where="--baseline-series, --baseline-channel",
            remedy="Leave them out, or give --baseline-scan.",
        )
    is_any = paths != (None, None)
    for path, how in zip(paths, opened, strict=True):
        yield scan_of(path, DEFAULT_OPENED if is_any and path is None else how)


def _written_as(
    out: Path, read: Sequence[Path | None], *, overwrite: bool
) -> medseg.SegmentationFormat:
    """The format of a label map that is to be written; refused before any work.

    Args:
        out: The label map.
        read: What is read, and never written over.
        overwrite: Whether earlier files may be replaced.

    Raises:
        MedSegError: As `medseg.require_writable_instances`.
    """
    for path in (out, *medseg.instance_files(out)):
        require_no_scan(path, [each for each in read if each is not None])
    return medseg.require_writable_instances(out, overwrite=overwrite)


def _write(
    panoptic: medseg.Panoptic,
    out: Path,
    volume: medseg.Volume | None,
    *,
    overwrite: bool,
) -> medseg.MeasuredInstances:
    """Measure lesions and write them with their table and boxes."""
    found = medseg.MeasuredInstances(
        panoptic=panoptic, measures=medseg.measure_instances(panoptic, volume)
    )
    medseg.write_instances(found, out, source=volume, overwrite=overwrite)
    return found


def _handed_on(tracked: medseg.Panoptic, found: medseg.FollowUp) -> str:
    """How many lesions have a Tracking UID of the baseline."""
    if not found.baseline_uids:
        return (
            "no lesion of the baseline has a Tracking UID; the later ones have new ones"
        )
    count = found.handed_on(each.tracking_uid for each in tracked.instances)
    total = len(tracked.instances)
    return f"{count} of {total} lesions have the Tracking UID of the baseline"


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
