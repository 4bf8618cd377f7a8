"""The command that segments: one scan, or a folder of them."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg.cli.console import shown_progress
from medseg.cli.instance_options import (
    DEFAULT_SEPARATION,
    Separation,
    require_instances,
)
from medseg.cli.scans import DEFAULT_INFERENCE, Flat, Overwrite
from medseg.cli.segment_folder import require_plain_folder, scans_in, segment_folder
from medseg.cli.segment_work import (
    SegmentWork,
    files_of,
    loaded_models,
    print_made,
    ready_model,
)
from medseg.core.acceptance import Accepted
from medseg.core.settings import InferenceSettings
from medseg.io.file_kinds import SegmentationFormat

CODES = Parameter(negative=(), name_transform=str)  # as the errors spell them
Switch = Annotated[bool, Parameter(negative=())]


def segment(  # noqa: PLR0913 - the options of design's command
    scan: Path,
    /,
    *,
    model: Annotated[tuple[str, ...], Parameter(name=["--model", "-m"], negative=())],
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    series: str | None = None,
    channel: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    accept: Annotated[tuple[Accepted, ...], CODES] = (),
    settings: Annotated[InferenceSettings, Flat] = DEFAULT_INFERENCE,
    region_model: str | None = None,
    file_format: Annotated[
        SegmentationFormat | None, Parameter(name="--format")
    ] = None,
    save_probabilities: Switch = False,
    save_uncertainty: Switch = False,
    instances: Switch = False,
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    overwrite: Overwrite = False,
) -> int:
    """Segment a scan and write the label map on the scan's own grid.

    Exits with 3 when some of several scans could not be segmented.

    Example: medseg segment CT_ABDOMEN/ -m phantom-abdomen -o labels.nii.gz

    Example: medseg segment CT_ABDOMEN/ -m phantom-abdomen -o labels.seg.dcm

    Example: medseg segment scans/ -m hippocampus -o label-maps/

    Example: medseg segment ct.nii.gz -m phantom-abdomen -o labels.nii.gz --instances

    Args:
        scan: DICOM folder or file, NIfTI, NRRD or MHA; or a folder of NIfTI files.
        model: Name of a shipped model or a model folder. Give it again for more models:
            all structures go into one label map, those of later models on top.
        out: Label map to write: .nii, .nii.gz, .nrrd, .mha, or .dcm for DICOM on the
            slices of a DICOM scan. For a folder of NIfTI files a folder; its label maps
            have the names of the scans.
        series: SeriesInstanceUID, if a folder holds several series; UID#2, if a series
            holds several volumes.
        channel: NAME=PATH, once for each channel of a model that takes several; the
            scan is one of them.
        accept: Error code of a problem to mend instead of refusing the scan; once for
            each. DICOM cannot be written for a scan that was resampled.
        settings: How the network is run.
        region_model: Coarse model to run first; the others then segment only its region
            and a margin.
        file_format: Format of the label map. Default: by the suffix; .dcm is a
            DICOM-SEG. Few viewers open dicom-seg-labelmap as yet.
        save_probabilities: Also write the probability of each label, background first,
            to NAME.probabilities.nii.gz.
        save_uncertainty: Also write the entropy at each voxel, the disagreement of a
            model's networks if it has several, and the variance over mirrored copies if
            it mirrors, to NAME.uncertainty.nii.gz. Their means over each structure go
            to NAME.json, with the predicted Dice if the model has quality scores
            (medseg quality fit).
        instances: Also number the lesions: numbers go to NAME.instances.nii.gz (a
            DICOM-SEG has a segment a lesion instead), measures to NAME.instances.csv,
            boxes to NAME.boxes.json.
        separation: What one lesion is, with --instances.
        overwrite: Replace an earlier result.
    """
    require_instances(separation, instances=instances)
    wanted = medseg.Wanted(
        probabilities=save_probabilities,
        uncertainty=save_uncertainty,
        mirror_variance=save_uncertainty,
    )
    models = loaded_models(model, settings, wanted)
    plans = [each.model.info.plan for each in models]
    work = SegmentWork(
        models=models,
        region_model=ready_model(region_model, settings) if region_model else None,
        wanted=wanted,
        file_format=file_format,
        overwrite=overwrite,
        instance_rules=separation.rules_of(plans) if instances else None,
    )
    scans = scans_in(scan, out)
    if scans:
        require_plain_folder(series, channel, file_format)
        return segment_folder(scans, out, work, accept)
    files = files_of(channel, scan, work.channels)
    written = work.require_writable(out, {scan, *(files or {}).values()})
    volume = medseg.read_volume(
        scan,
        series=series,
        channels=files,
        accept=frozenset(accept),
        model_channels=work.channels,
    )
    if written.is_dicom:
        medseg.require_dicom_source(volume, out)
    print(f"scan: {_described(volume)}", file=sys.stderr)
    with shown_progress() as progress:
        made = work.made(volume, progress)
    work.write(made, out, volume)
    print_made(made, out)
    return 0


def _described(volume: medseg.Volume) -> str:
    """What was read, in one line without any path."""
    shape = " x ".join(str(size) for size in volume.geometry.shape)
    spacing = " x ".join(f"{edge:.3g}" for edge in volume.geometry.spacing_mm)
    return f"{', '.join(volume.channels)}, {shape} voxels of {spacing} mm"
