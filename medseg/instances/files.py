"""Lesions told apart and measured -> a label map and all that lies beside it."""

from dataclasses import dataclass
from pathlib import Path

from medseg import io
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_measure import InstanceMeasure
from medseg.core.panoptic import Panoptic
from medseg.core.volume import Volume
from medseg.instances.detecting import instance_boxes
from medseg.io.file_kinds import DICOM_SUFFIXES, SegmentationFormat
from medseg.io.label_maps.boxes import describe_boxes
from medseg.io.label_maps.companions import (
    boxes_path,
    instance_table_path,
    instances_path,
)
from medseg.io.safe_writing import require_absent
from medseg.io.writing import NO_SHARES, Shares, require_writable
from medseg.report.instance_table import instances_csv

_WITHOUT_INSTANCES = (
    SegmentationFormat.DICOM_SEG_LABELMAP,
    SegmentationFormat.RTSTRUCT,
)


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredInstances:
    """Lesions told apart, and what was measured of each.

    Attributes:
        panoptic: The lesions.
        measures: From `measure_instances`.
    """

    panoptic: Panoptic
    measures: tuple[InstanceMeasure, ...]


def instance_files(path: Path | str) -> tuple[Path, ...]:
    """What `write_instances` writes beside a label map and the `.json` of its names."""
    path = Path(path)
    tables = (instance_table_path(path), boxes_path(path))
    if path.suffix.lower() in DICOM_SUFFIXES:
        return tables  # the instances are in the DICOM-SEG itself
    return (*tables, instances_path(path))


def require_writable_instances(
    path: Path | str,
    *,
    file_format: SegmentationFormat | None = None,
    overwrite: bool,
) -> SegmentationFormat:
    """Refuse, before any work is done, what `write_instances` could not write.

    Args:
        path: Of the label map.
        file_format: What it is asked to be; told from the suffix if None.
        overwrite: Whether earlier files may be replaced.

    Returns:
        The format it would have.

    Raises:
        WrongUse: UNKNOWN_FORMAT, also for one that cannot hold lesions one by one;
            OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    path = Path(path)
    chosen = require_writable(path, file_format=file_format, overwrite=overwrite)
    require_instance_format(chosen, where=path)
    for file in instance_files(path):
        require_absent(file, overwrite=overwrite)
    return chosen


def require_instance_format(
    file_format: SegmentationFormat, *, where: Path | str
) -> None:
    """Refuse a format that cannot hold lesions one by one.

    Raises:
        WrongUse: UNKNOWN_FORMAT.
    """
    if file_format in _WITHOUT_INSTANCES:
        raise WrongUse(
            ErrorCode.UNKNOWN_FORMAT,
            f"lesions one by one are not written as {file_format}",
            where=where,
            remedy="Write .nii.gz, .nii, .nrrd, .mha, or a dicom-seg.",
        )


def write_instances(
    found: MeasuredInstances,
    path: Path | str,
    *,
    source: Volume | None = None,
    shares: Shares = NO_SHARES,
    overwrite: bool = False,
) -> None:
    """Write what `write_panoptic` does, with a table of the measures, and boxes.

    All files are complete on the disk before any replaces an earlier one.

    Args:
        found: The lesions.
        path: The label map: .nii.gz, .nii, .nrrd, .mha, or .dcm for DICOM-SEG.
        source: The scan it was made of, for DICOM only.
        shares: Written beside it as `write_segmentation` does.
        overwrite: Replace earlier files.

    Raises:
        MedSegError: As `write_panoptic`.
    """
    panoptic = found.panoptic
    texts = {
        instance_table_path(path): instances_csv(found.measures, panoptic.case_id),
        boxes_path(path): describe_boxes(instance_boxes(panoptic)),
    }
    io.write_panoptic(
        panoptic, path, source=source, shares=shares, texts=texts, overwrite=overwrite
    )
