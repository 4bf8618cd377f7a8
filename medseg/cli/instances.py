"""Commands on lesions: tell them apart, measure them, follow them."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

import medseg
from medseg.cli.instance_options import (
    DEFAULT_SEPARATION,
    Separation,
    require_default,
)
from medseg.cli.scans import Flat, Json, Overwrite
from medseg.cli.segment_work import require_no_scan
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_settings import FollowUpRules
from medseg.core.labels import StructureKind

app = App(name="instances", help="Lesions one by one: told apart, measured, followed.")

Out = Annotated[Path, Parameter(name=["--out", "-o"])]
DEFAULT_FOLLOW_UP = FollowUpRules()
Structures = Annotated[tuple[str, ...], Parameter(negative=())]


@app.command
def separate(
    labels: Path,
    /,
    *,
    out: Out,
    scan: Path | None = None,
    structure: Structures = (),
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    overwrite: Overwrite = False,
) -> None:
    """Number the lesions of a label map.

    Writes the label map (too small lesions left out) with a list of its lesions
    (NAME.json), and beside it the number of the lesion at each voxel
    (NAME.instances.nii.gz), a table (NAME.instances.csv) and boxes (NAME.boxes.json).
    A DICOM-SEG has a segment a lesion, and no NAME.instances.

    Example: medseg instances separate labels.nii.gz -o lesions.nii.gz --split-by
    distance --minimum-mm3 50

    Args:
        labels: Label map: NIfTI, NRRD, MHA or DICOM-SEG.
        out: Label map to write: .nii, .nii.gz, .nrrd, .mha, or .dcm for a DICOM-SEG.
        scan: What was segmented: for intensities in the table, for --split-by
            intensity, and for a DICOM-SEG, which refers to its slices.
        structure: Structure to count; once for each. Those that are lesions by name or
            kind unless given.
        separation: What one lesion is.
        overwrite: Replace earlier results.
    """
    beside = medseg.instance_files(out)
    for path in (out, *beside):
        require_no_scan(path, [labels, *([] if scan is None else [scan])])
    written = medseg.require_writable_instances(out, overwrite=overwrite)
    volume = None if scan is None else medseg.read_volume(scan)
    if written.is_dicom:
        require_series(volume, out)
    panoptic = medseg.tell_apart(
        lesions_in(labels, structure), separation.rules, volume
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
    structure: Structures = (),
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Measure every lesion: volume, RECIST diameters, shape, intensity, place, organ.

    Example: medseg instances measure lesions.nii.gz --scan ct.nii.gz -o lesions.csv

    Args:
        labels: Label map. Lesions are those that segment --instances or separate told
            apart, or those of a DICOM-SEG with a segment a lesion; of any other label
            map, and with --structure, they are told apart first.
        out: Table to write: .csv or .json.
        scan: What was segmented, for the intensities.
        structure: Structure to count; once for each. Those that are lesions by name or
            kind unless given.
        separation: What one lesion is.
        overwrite: Replace an earlier table.
        as_json: Print JSON instead of a table.
    """
    if out is not None:
        require_table(out, overwrite=overwrite)
    volume = None if scan is None else medseg.read_volume(scan)
    panoptic = instances_of(labels, structure, separation, volume)
    measures = medseg.measure_instances(panoptic, volume)
    rows = medseg.instances_json(measures, panoptic.case_id)
    print(rows.rstrip() if as_json else medseg.instances_table(measures))
    if out is not None:
        is_json = out.suffix.lower() == ".json"
        text = rows if is_json else medseg.instances_csv(measures, panoptic.case_id)
        with medseg.written_whole(out, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")


@app.command
def follow(  # noqa: PLR0913 - one an option
    baseline: Path,
    follow_up: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    structure: Structures = (),
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    rules: Annotated[FollowUpRules, Flat] = DEFAULT_FOLLOW_UP,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Find what became of each lesion: persisting, new, gone, split or merged.

    Both scans must be registered: a place has the same millimetres in both.

    Example: medseg instances follow january.nii.gz july.nii.gz -o growth.csv

    Args:
        baseline: Label map of the earlier scan; its lesions as those of measure.
        follow_up: Label map of the later scan, on its own grid or the same.
        out: Table to write: .csv or .json.
        structure: Structure to count; once for each. Those that are lesions by name or
            kind unless given.
        separation: What one lesion is.
        rules: Which lesion is one of the other scan.
        overwrite: Replace an earlier table.
        as_json: Print JSON instead of a table.
    """
    if out is not None:
        require_table(out, overwrite=overwrite)
    then, later = (
        instances_of(p, structure, separation) for p in (baseline, follow_up)
    )
    found = medseg.follow(then, later, rules)
    rows = medseg.follow_up_json(found)
    print(rows.rstrip() if as_json else medseg.follow_up_table(found))
    if out is not None:
        is_json = out.suffix.lower() == ".json"
        text = rows if is_json else medseg.follow_up_csv(found)
        with medseg.written_whole(out, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")


def instances_of(
    labels: Path,
    structure: tuple[str, ...],
    separation: Separation,
    volume: "medseg.Volume | None" = None,
) -> "medseg.Panoptic":
    """The lesions that a label map tells of; else they are told apart."""
    if not structure and medseg.holds_instances(labels):
        require_default(separation, f"the lesions in {labels.name} are told apart")
        return medseg.read_panoptic(labels)
    segmentation = lesions_in(labels, structure)
    return medseg.tell_apart(segmentation, separation.rules, volume)


def lesions_in(labels: Path, structure: tuple[str, ...]) -> "medseg.Segmentation":
    """A label map of which some structure is counted.

    Raises:
        WrongUse: INVALID_OPTION, when none is.
    """
    read = medseg.read_segmentation(labels)
    segmentation = medseg.counted(read, structure)
    if not any(each.kind is StructureKind.THING for each in segmentation.labels):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "no structure is a lesion by its name or kind",
            where="--structure",
            remedy=f"Say which to count, of: {', '.join(read.labels.names)}.",
        )
    return segmentation


def require_series(volume: "medseg.Volume | None", out: Path) -> None:
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


def require_table(out: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a table that could not be written.

    Raises:
        WrongUse: UNKNOWN_FORMAT; OUTPUT_EXISTS.
    """
    if out.suffix.lower() not in (".csv", ".json"):
        raise WrongUse(
            ErrorCode.UNKNOWN_FORMAT,
            f"tables ending in {out.suffix!r} are not written",
            where=out,
            remedy="Use .csv or .json.",
        )
    medseg.require_absent(out, overwrite=overwrite)
