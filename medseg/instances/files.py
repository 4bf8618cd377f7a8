"""Lesions told apart <-> files beside their label map."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medseg import io
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.instance_measure import InstanceMeasure
from medseg.core.labels import LabelSet, Structure, StructureKind, standard_colour
from medseg.core.panoptic import Instance, Panoptic
from medseg.core.volume import Segmentation, require_same_grid
from medseg.instances.detecting import instance_boxes
from medseg.io.checks import stem_of
from medseg.io.companions import instances_path
from medseg.io.instance_boxes import boxes_path, describe_boxes, read_boxes
from medseg.io.label_maps import describe_segmentation, names_path
from medseg.io.safe_writing import require_absent, written_whole_together
from medseg.report.instance_table import instances_csv

TABLE_SUFFIX = ".instances.csv"


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredInstances:
    """Lesions told apart, and what was measured of each.

    Attributes:
        panoptic: The lesions.
        measures: From `measure_instances`.
    """

    panoptic: Panoptic
    measures: tuple[InstanceMeasure, ...]


def instance_table_path(path: Path | str) -> Path:
    """Where the table of a label map's lesions is: `labels.instances.csv`."""
    path = Path(path)
    return path.with_name(f"{stem_of(path)}{TABLE_SUFFIX}")


def instance_files(path: Path | str) -> tuple[Path, ...]:
    """All that `write_instances` writes beside a label map; the instance map last."""
    instances = instances_path(path)
    table = instance_table_path(path)
    return table, boxes_path(path), names_path(instances), instances


def require_writable_instances(path: Path | str, *, overwrite: bool) -> None:
    """Refuse, before any work is done, what `write_instances` could not write.

    Raises:
        WrongUse: OUTPUT_EXISTS.
    """
    for file in instance_files(path):
        require_absent(file, overwrite=overwrite)


def write_instances(
    found: MeasuredInstances, path: Path | str, *, overwrite: bool = False
) -> None:
    """Write beside a label map its instance map, with a table and boxes.

    All files are complete on the disk before any replaces an earlier one. The label map
    itself is not written: it is `found.panoptic.segmentation`.

    Args:
        found: The lesions.
        path: Of the label map, which may be of any format.
        overwrite: Replace earlier files.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    panoptic = found.panoptic
    instances = as_label_map(panoptic)
    with written_whole_together(instance_files(path), overwrite=overwrite) as files:
        table, boxes, names, image = files
        io.save_nifti(instances.array, instances.geometry, image)
        names.write_text(describe_segmentation(instances), encoding="utf-8")
        boxes.write_text(describe_boxes(instance_boxes(panoptic)), encoding="utf-8")
        rows = instances_csv(found.measures, panoptic.case_id)
        table.write_text(rows, encoding="utf-8")


def as_label_map(panoptic: Panoptic) -> Segmentation:
    """The instance map as a label map whose structures are the lesions."""
    names = {each.id: each.name for each in panoptic.labels}
    labels = LabelSet(
        tuple(
            Structure(
                id=each.number,
                name=f"{names[each.structure_id]} {each.number}",
                colour=standard_colour(each.number),
                kind=StructureKind.THING,
            )
            for each in panoptic.instances
        )
    )
    return replace(panoptic.segmentation, array=panoptic.instance_map, labels=labels)


def read_instances(path: Path | str, segmentation: Segmentation) -> Panoptic:
    """Read the instance map beside a label map, with the confidences beside it.

    Args:
        path: Of the label map.
        segmentation: What is in it.

    Raises:
        UnusableInput: NOT_FOUND; GRID_MISMATCH; NOT_A_LABEL_MAP, or LABEL_MISMATCH when
            the two do not belong together.
    """
    file = instances_path(path)
    instances = io.read_nifti_labels(file)
    require_same_grid(segmentation.geometry, instances.geometry, where=str(file))
    confidences = {}
    if boxes_path(path).exists():
        boxes = read_boxes(boxes_path(path)).boxes
        confidences = {each.number: each.confidence for each in boxes}
    inside = np.flatnonzero(instances.array)
    numbers, first = np.unique(instances.array.ravel()[inside], return_index=True)
    ids = segmentation.array.ravel()[inside[first]]
    try:
        return Panoptic(
            segmentation=segmentation,
            instance_map=instances.array,
            instances=tuple(
                Instance(number=n, structure_id=id_, confidence=confidences.get(n))
                for n, id_ in zip(numbers.tolist(), ids.tolist(), strict=True)
            ),
        )
    except ValueError as error:
        raise UnusableInput(
            ErrorCode.LABEL_MISMATCH,
            f"it is not the instance map of the label map: {error}",
            where=file,
            remedy="Tell the lesions apart anew (medseg instances separate).",
        ) from error
