"""Label maps given to the commands on lesions -> lesions."""

from dataclasses import replace
from pathlib import Path

import medseg
from medseg.cli.instance_options import (
    DEFAULT_COUNTED,
    DEFAULT_SEPARATION,
    Counted,
    Separation,
    require_default,
)
from medseg.cli.opening import grid_for
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.labels import StructureKind
from medseg.core.text_table import counted as in_number
from medseg.io.panoptic_files import stored_instances
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


def kept_or_apart(
    labels: Path,
    wanted: Counted,
    separation: Separation,
    scan: medseg.Volume | None = None,
) -> tuple[medseg.Panoptic, tuple[str, ...]]:
    """The lesions that a label map tells of, unless others are asked for.

    They are kept, with their confidences and UIDs, where no way of telling lesions
    apart is named and nothing else is to be counted than what they are of.

    Args:
        labels: The label map.
        wanted: What is counted, besides what is by name or kind.
        separation: What one lesion is, where it is said.
        scan: As in `instances_of`.

    Returns:
        The lesions, and what became of those that were there.

    Raises:
        MedSegError: As `medseg.read_panoptic` and `medseg.separate_instances`.
    """
    count = stored_instances(labels)
    if count is not None and separation == DEFAULT_SEPARATION:
        stored = medseg.read_panoptic(labels, source=grid_for(labels, scan))
        segmentation = _counted_in(stored.segmentation, wanted, labels)
        if segmentation.labels == stored.labels:
            return stored, (f"{_stored_in(labels, count)} are kept as they are",)
    else:
        segmentation = lesions_in(labels, wanted, scan)
    told = medseg.separate_instances(segmentation, separation.rules, scan)
    if count is None:
        return told, ()
    return told, (f"{_stored_in(labels, count)} are not used: told apart anew",)


def _stored_in(labels: Path, count: int) -> str:
    return f"{in_number(count, 'lesion')} stored in {labels.name}"


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
    return _counted_in(read, wanted, labels)


def _counted_in(
    read: medseg.Segmentation, wanted: Counted, labels: Path
) -> medseg.Segmentation:
    """A label map of a file, of which some structure is counted.

    Raises:
        WrongUse: INVALID_OPTION, when none is, or structures cannot be merged.
    """
    if not len(read.labels):  # no voxel and no name: no lesion of what was looked for
        read = replace(
            read, labels=medseg.LabelSet.from_names(enumerate(wanted.named, 1))
        )
    segmentation = wanted.in_labels(read)
    if any(each.kind is StructureKind.THING for each in segmentation.labels):
        return segmentation
    names = ", ".join(read.labels.names)
    raise WrongUse(
        ErrorCode.INVALID_OPTION,
        "no structure is a lesion by its name or kind"
        if names
        else "the label map is empty and names no structure",
        where=labels,
        remedy=f"Say which to count with --structure, of: {names}."
        if names
        else "Give one that holds lesions; or name what was looked for with "
        "--structure, to get none of it.",
    )


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
