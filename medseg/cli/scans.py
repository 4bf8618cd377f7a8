"""Commands on scans: demo, inspect, segment."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg.cli.console import shown_progress
from medseg.cli.tables import volumes_table
from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.settings import InferenceSettings
from medseg.io.file_kinds import SegmentationFormat

EXIT_NONE_USABLE = 1
DEFAULT_INFERENCE = InferenceSettings()

Flat = Parameter(name="*")
Json = Annotated[bool, Parameter(name="--json", negative=())]
CODES = Parameter(negative=(), name_transform=str)  # as the errors spell them
Overwrite = Annotated[bool, Parameter(negative=())]


def demo(
    *,
    out: Path = Path("medseg-demo"),
    settings: Annotated[InferenceSettings, Flat] = DEFAULT_INFERENCE,
) -> None:
    """Segment, score and report on a synthetic CT scan; needs no network.

    Example: medseg demo --out medseg-demo

    Args:
        out: New folder for the scan, label map, scores and report.
        settings: How the network is run.
    """
    with shown_progress() as progress:
        result = medseg.run_demo(out, settings, progress)
    print(result.scores.table())
    print(f"\nscan          {result.scan}")
    print(f"segmentation  {result.segmentation}")
    print(f"scores        {result.table}")
    print(f"report        {result.report}")


def inspect(path: Path, /, *, as_json: Json = False) -> int:
    """List every volume found under a path: shape, spacing, orientation, problems.

    Exits with 1 when none of them is usable.

    Example: medseg inspect study/

    Args:
        path: File or folder.
        as_json: Print JSON instead of a table.
    """
    with shown_progress() as progress:
        volumes = medseg.find_volumes(path, progress)
    if as_json:
        print(json.dumps([asdict(volume) for volume in volumes], default=str, indent=1))
    else:
        print(volumes_table(volumes))
    return 0 if any(volume.is_usable for volume in volumes) else EXIT_NONE_USABLE


def segment(  # noqa: PLR0913 - the options of design's command
    scan: Path,
    /,
    *,
    model: Annotated[str, Parameter(name=["--model", "-m"])],
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    series: str | None = None,
    channel: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    accept: Annotated[tuple[Accepted, ...], CODES] = (),
    settings: Annotated[InferenceSettings, Flat] = DEFAULT_INFERENCE,
    file_format: Annotated[
        SegmentationFormat | None, Parameter(name="--format")
    ] = None,
    save_probabilities: Annotated[bool, Parameter(negative=())] = False,
    overwrite: Overwrite = False,
) -> None:
    """Segment a scan and write the label map on the scan's own grid.

    Example: medseg segment CT_ABDOMEN/ -m phantom-abdomen -o labels.nii.gz

    Example: medseg segment CT_ABDOMEN/ -m phantom-abdomen -o labels.seg.dcm

    Args:
        scan: DICOM folder or file, NIfTI, NRRD or MHA.
        model: Name of a shipped model or a model folder.
        out: Label map to write: .nii, .nii.gz, .nrrd, .mha, or .dcm for DICOM, which
            goes back onto the slices of a DICOM scan.
        series: SeriesInstanceUID where a folder holds several series; UID#2 where
            a series holds several volumes.
        channel: NAME=PATH, once for each channel of a model that takes several; the
            scan is one of them.
        accept: Code of a problem to be mended and not refused, as its error names it;
            once for each. The scan is resampled then, and DICOM cannot be written.
        settings: How the network is run.
        file_format: What to write; told from the suffix where not given, and then a
            .dcm is a DICOM-SEG. Few viewers open dicom-seg-labelmap as yet.
        save_probabilities: Write the probability of each label too, background first,
            into NAME.probabilities.nii.gz beside the label map.
        overwrite: Replace an earlier result.
    """
    trained = medseg.load_model(model)
    written = medseg.require_writable(out, file_format=file_format, overwrite=overwrite)
    if save_probabilities:
        medseg.require_absent(medseg.probabilities_path(out), overwrite=overwrite)
    files = _files(channel, scan, trained.info.plan.channels)
    volume = medseg.read_volume(
        scan, series=series, channels=files, accept=frozenset(accept)
    )
    if written.is_dicom:
        medseg.require_dicom_source(volume, out)
    print(f"scan: {_described(volume)}", file=sys.stderr)
    with shown_progress() as progress:
        if save_probabilities:
            result, probabilities = medseg.segment_with_probabilities(
                volume, trained, settings, progress
            )
            medseg.write_probabilities(probabilities, out, overwrite=overwrite)
        else:
            result = medseg.segment(volume, trained, settings, progress)
    medseg.write_segmentation(
        result, out, source=volume, file_format=file_format, overwrite=overwrite
    )
    for note in result.provenance.notes if result.provenance else ():
        print(f"note: {note}", file=sys.stderr)
    for structure in result.labels:
        print(f"{structure.name:<24}{result.volume_ml(structure.name):10.2f} ml")
    print(f"written to {out}")


def _files(
    words: tuple[str, ...], scan: Path, names: tuple[str, ...]
) -> dict[str, Path] | None:
    """File of each channel the model takes; None where the scan is all there is."""
    if not words:
        is_one_file = len(names) > 1 and scan.is_file()
        return dict.fromkeys(names, scan) if is_one_file else None
    given = {name: Path(path) for name, _, path in (w.partition("=") for w in words)}
    if len(names) == 1:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"the model takes one channel ({names[0]}), so the scan is that channel",
            where="--channel",
            remedy="Leave the option out.",
        )
    if set(given) != set(names):
        raise _wrong_channels(
            f"the model takes {', '.join(names)}, not {', '.join(given)}"
        )
    if scan.resolve() not in {path.resolve() for path in given.values()}:
        raise _wrong_channels(f"none of the channels is in {scan}")
    return given


def _wrong_channels(what: str) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        what,
        where="--channel",
        remedy="Give NAME=PATH for each channel of a model that takes several.",
    )


def _described(volume: medseg.Volume) -> str:
    """What was read, in one line without any path."""
    shape = " x ".join(str(size) for size in volume.geometry.shape)
    spacing = " x ".join(f"{edge:.3g}" for edge in volume.geometry.spacing_mm)
    return f"{', '.join(volume.channels)}, {shape} voxels of {spacing} mm"
