"""Label maps given to the commands on lesions -> lesions."""

from dataclasses import replace
from pathlib import Path

import medseg
from medseg.cli.instance_options import (
    DEFAULT_COUNTED,
    Counted,
    Separation,
    require_default,
)
from medseg.cli.opening import grid_for
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.labels import StructureKind
from medseg.metrics import better_named


def instances_of(
    labels: Path,
    wanted: Counted,
    separation: Separation,
    scan: medseg.Volume | None = None,
) -> medseg.Panoptic:
    """The lesions that a label map tells of; else they are told apart.

    Args:
        labels: The label map.
        wanted: What is counted; nothing named for what is told apart already, or what
            is a lesion by name or kind.
        separation: What one lesion is.
        scan: What was segmented. A DICOM-SEG is put on its grid: slices without a
            lesion may be left out at its ends.

    Raises:
        MedSegError: As `medseg.read_panoptic` and `medseg.separate_instances`.
    """
    if wanted == DEFAULT_COUNTED and medseg.holds_instances(labels):
        require_default(separation, f"the lesions in {labels.name} are told apart")
        return medseg.read_panoptic(labels, source=grid_for(labels, scan))
    segmentation = lesions_in(labels, wanted, scan)
    return medseg.separate_instances(segmentation, separation.rules, scan)


def lesions_in(
    labels: Path, wanted: Counted, scan: medseg.Volume | None = None
) -> medseg.Segmentation:
    """A label map of which some structure is counted.

    Args:
        labels: The label map.
        wanted: What is counted, besides what is by name or kind.
        scan: What was segmented; a DICOM-SEG is put on its grid.

    Raises:
        WrongUse: INVALID_OPTION, when none is, or structures cannot be merged.
        MedSegError: As `medseg.read_segmentation`.
    """
    read = medseg.read_segmentation(labels, source=grid_for(labels, scan))
    segmentation = wanted.in_labels(read)
    if not any(each.kind is StructureKind.THING for each in segmentation.labels):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "no structure is a lesion by its name or kind",
            where="--structure",
            remedy=f"Say which to count, of: {', '.join(read.labels.names)}.",
        )
    return segmentation


def told_or_apart(
    labels: Path,
    structure: tuple[str, ...],
    separation: Separation,
    names: medseg.LabelSet | None,
) -> medseg.Panoptic:
    """The lesions that a label map tells of, to be scored; else they are told apart.

    Args:
        labels: The label map; there may be no lesion in it.
        structure: Names of what is counted, besides what is by name or kind; one that
            is not among the structures is passed over.
        separation: What one lesion is.
        names: For labels that are mere numbers in the file.

    Raises:
        MedSegError: As `medseg.read_panoptic` and `medseg.separate_instances`.
    """
    if medseg.holds_instances(labels):
        return medseg.read_panoptic(labels)
    read = medseg.read_segmentation(labels)
    if names is not None:
        read = replace(read, labels=better_named(read.labels, names))
    known = [name for name in structure if name in read.labels]
    return medseg.separate_instances(medseg.counted(read, known), separation.rules)
