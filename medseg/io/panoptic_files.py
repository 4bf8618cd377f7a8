"""Labels and instances together, to files and back."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from medseg import io
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import LabelSet
from medseg.core.panoptic import Instance, InstanceArray, Panoptic
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.io.checks import reading_errors, require_there
from medseg.io.file_kinds import FileKind, SegmentationFormat, kind_of_file
from medseg.io.label_maps.companions import instances_path
from medseg.io.label_maps.named_voxels import (
    describe_panoptic,
    names_path,
    read_instance_notes,
    read_instances,
    read_provenance,
)
from medseg.io.label_maps.stale_lesions import stale_lesion_files
from medseg.io.reading import read_segmentation
from medseg.io.safe_writing import Saver, text_saver, write_together
from medseg.io.writing import NO_SHARES, Shares, require_writable


def write_panoptic(
    panoptic: Panoptic,
    path: Path | str,
    *,
    source: Volume | None = None,
    shares: Shares = NO_SHARES,
    texts: Mapping[Path, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write labels and instances, and a `.json` with names, instances and provenance.

    The label map is the one that `write_segmentation` writes, and its `.json` also
    lists the instances. The instance map lies beside it (`instances_path`). DICOM has
    both in one file: a DICOM-SEG with a segment a lesion, each with a tracking UID.

    All files are complete on the disk before any replaces an earlier one. An earlier
    table or boxes of lesions beside it go, unless they are among `texts`.

    Args:
        panoptic: What to write.
        path: The label map: .nii.gz, .nii, .nrrd, .mha, or .dcm for DICOM-SEG.
        source: The scan it was made of, for DICOM only.
        shares: Written beside it as `write_segmentation` does.
        texts: What else is to be written with it, by its file: tables, say.
        overwrite: Replace earlier files.

    Raises:
        WrongUse: UNKNOWN_FORMAT, NO_DICOM_SOURCE, LABEL_MISMATCH, or OUTPUT_EXISTS when
            one of the files is there.
        UnusableInput: GRID_MISMATCH or INVALID_HEADER when it does not fit the source's
            slices; DISK_FULL or NOT_WRITABLE.
    """
    path = Path(path)
    file_format = require_writable(path, overwrite=overwrite)
    maps = _map_savers(panoptic, path, file_format, source)
    unsure = shares.by_structure(panoptic.segmentation)
    described = describe_panoptic(panoptic, unsure)
    named = {**(texts or {}), names_path(path): described}
    savers = {file: text_saver(text) for file, text in named.items()}
    savers = shares.savers(path) | savers | maps
    write_together(savers, stale=stale_lesion_files(path), overwrite=overwrite)


def holds_instances(path: Path | str) -> bool:
    """Whether a label map says which of its voxels are of which lesion.

    The `.json` beside it lists them then. In a DICOM-SEG there is a segment that
    MedSeg wrote of one lesion, or one of the category of lesions with a Tracking UID.

    Args:
        path: The label map: a file, or a folder with one DICOM object of labels.

    Raises:
        WrongUse: As `read_segmentation`.
        UnusableInput: NOT_FOUND; NOT_READABLE; NOT_A_LABEL_MAP when the list is
            damaged.
    """
    return stored_instances(Path(path)) is not None


def stored_instances(path: Path) -> int | None:
    """How many instances a label map tells of; None where it tells of labels only.

    Args:
        path: As in `holds_instances`.

    Raises:
        MedSegError: As `holds_instances`.
    """
    require_there(path)
    with reading_errors(path):
        if _is_dicom(path):
            return io.count_dicom_instances(path) or None
    instances = read_instances(names_path(path))
    return None if instances is None else len(instances)


def read_panoptic(path: Path | str, *, source: Volume | None = None) -> Panoptic:
    """Read labels and instances that `write_panoptic` wrote, or any DICOM-SEG.

    In a DICOM-SEG of another program each segment that is a lesion by its category is
    one instance, of a structure of its own, with its Tracking UID and Tracking ID.

    Args:
        path: The label map, or the DICOM-SEG.
        source: The scan it belongs to, for DICOM only: the grid it is put on.

    Raises:
        WrongUse: As `read_segmentation`.
        UnusableInput: As `read_segmentation`; NOT_FOUND when there is no instance map,
            NOT_A_LABEL_MAP when labels, instances and their list contradict each other.
    """
    path = Path(path)
    require_there(path)
    with reading_errors(path):
        if _is_dicom(path):
            return _with_provenance(io.read_dicom_panoptic(path, source), path)
    segmentation = read_segmentation(path, source=source)
    instances = _listed(path)
    numbers = read_segmentation(instances_path(path), _numbered(instances))
    where = f"label map and instances of {path.name}"
    require_same_grid(segmentation.geometry, numbers.geometry, where=where)
    return _together(segmentation, numbers.array, instances, path)


def _is_dicom(path: Path) -> bool:
    return path.is_dir() or kind_of_file(path) is FileKind.DICOM


def _map_savers(
    panoptic: Panoptic,
    path: Path,
    file_format: SegmentationFormat,
    source: Volume | None,
) -> dict[Path, Saver]:
    """What writes the voxels, by file; made before any file is.

    Raises:
        MedSegError: When the source does not fit.
    """
    geometry = panoptic.geometry
    if file_format.is_dicom:
        images = io.read_source(source, geometry, path)
        return {path: partial(io.save_panoptic_dicom_seg, panoptic, images)}
    is_nifti = file_format is SegmentationFormat.NIFTI
    save = io.save_nifti if is_nifti else io.save_itk
    return {
        instances_path(path): partial(save, panoptic.instance_map, geometry),
        path: partial(save, panoptic.segmentation.array, geometry),
    }


def _listed(path: Path) -> tuple[Instance, ...]:
    """The instances that the `.json` beside a label map lists.

    Raises:
        UnusableInput: NOT_FOUND.
    """
    instances = read_instances(names_path(path))
    if instances is not None and instances_path(path).is_file():
        return instances
    raise UnusableInput(
        ErrorCode.NOT_FOUND,
        "no instances belong to this label map: there must be "
        f"{instances_path(path).name} beside it, and a list of them in "
        f"{names_path(path).name}",
        where=path,
        remedy="Put the missing file there, or read the labels alone "
        "(medseg.read_segmentation; measure and follow with --structure NAME, separate "
        "with --split-by).",
    )


def _numbered(instances: tuple[Instance, ...]) -> LabelSet:
    """The instance map's own labels."""
    numbers = {each.number for each in instances}
    return LabelSet.from_names((number, f"instance {number}") for number in numbers)


def _together(
    segmentation: Segmentation,
    instance_map: InstanceArray,
    instances: tuple[Instance, ...],
    path: Path,
) -> Panoptic:
    notes = read_instance_notes(names_path(path))
    try:
        return Panoptic(
            segmentation=segmentation,
            instance_map=instance_map,
            instances=instances,
            notes=notes,
        )
    except ValueError as error:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            f"labels, instances and their list contradict each other: {error}",
            where=path,
            remedy="Give the three files that were written together.",
        ) from error


def _with_provenance(panoptic: Panoptic, path: Path) -> Panoptic:
    beside = names_path(path)
    segmentation = replace(panoptic.segmentation, provenance=read_provenance(beside))
    notes = read_instance_notes(beside)
    return replace(panoptic, segmentation=segmentation, notes=notes)
