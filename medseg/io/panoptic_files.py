"""Labels and instances together, to files and back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from medseg import io
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import LabelSet
from medseg.core.panoptic import Instance, InstanceArray, Panoptic
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.io.checks import reading_errors, require_there
from medseg.io.companions import instances_path
from medseg.io.file_kinds import FileKind, SegmentationFormat, kind_of_file
from medseg.io.label_maps import (
    describe_panoptic,
    names_path,
    read_instances,
    read_provenance,
)
from medseg.io.reading import read_segmentation
from medseg.io.safe_writing import written_whole_together
from medseg.io.writing import require_writable


def write_panoptic(
    panoptic: Panoptic,
    path: Path | str,
    *,
    source: Volume | None = None,
    overwrite: bool = False,
) -> None:
    """Write labels and instances, and a `.json` with names, instances and provenance.

    The label map is the one that `write_segmentation` writes, and its `.json` also
    lists the instances. The instance map lies beside it (`instances_path`). DICOM has
    both in one file: a DICOM-SEG with a segment a lesion, each with a tracking UID.

    All files are complete on the disk before any replaces an earlier one.

    Args:
        panoptic: What to write.
        path: The label map: .nii.gz, .nii, .nrrd, .mha, or .dcm for DICOM-SEG.
        source: The scan it was made of, for DICOM only.
        overwrite: Replace earlier files.

    Raises:
        WrongUse: UNKNOWN_FORMAT, NO_DICOM_SOURCE, LABEL_MISMATCH, or OUTPUT_EXISTS when
            one of the files is there.
        UnusableInput: GRID_MISMATCH or INVALID_HEADER when it does not fit the source's
            slices; DISK_FULL or NOT_WRITABLE.
    """
    path = Path(path)
    file_format = require_writable(path, overwrite=overwrite)
    save_voxels = _saver(panoptic, path, file_format, source)
    maps = (path,) if file_format.is_dicom else (instances_path(path), path)
    files = (names_path(path), *maps)
    with written_whole_together(files, overwrite=overwrite) as (names, *temporaries):
        save_voxels(temporaries)
        names.write_text(describe_panoptic(panoptic), encoding="utf-8")


def read_panoptic(path: Path | str, *, source: Volume | None = None) -> Panoptic:
    """Read labels and instances that `write_panoptic` wrote, or any DICOM-SEG.

    In a DICOM-SEG of another program each segment that is a lesion by its category is
    one instance, of a structure of its own.

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
        if path.is_dir() or kind_of_file(path) is FileKind.DICOM:
            return _with_provenance(io.read_dicom_panoptic(path, source), path)
    segmentation = read_segmentation(path, source=source)
    instances = _listed(path)
    numbers = read_segmentation(instances_path(path), _numbered(instances))
    where = f"label map and instances of {path.name}"
    require_same_grid(segmentation.geometry, numbers.geometry, where=where)
    return _together(segmentation, numbers.array, instances, path)


def _saver(
    panoptic: Panoptic,
    path: Path,
    file_format: SegmentationFormat,
    source: Volume | None,
) -> Callable[[list[Path]], None]:
    """What writes the voxels; made before any file is.

    Raises:
        MedSegError: When the source does not fit.
    """
    geometry = panoptic.geometry
    if file_format.is_dicom:
        images = io.read_source(source, geometry, path)
        return lambda files: io.save_panoptic_dicom_seg(panoptic, images, files[0])
    is_nifti = file_format is SegmentationFormat.NIFTI
    save = io.save_nifti if is_nifti else io.save_itk

    def save_both(files: list[Path]) -> None:
        instances, labels = files
        save(panoptic.instance_map, geometry, instances)
        save(panoptic.segmentation.array, geometry, labels)

    return save_both


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
        remedy="Read the labels alone (medseg.read_segmentation).",
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
    try:
        return Panoptic(
            segmentation=segmentation, instance_map=instance_map, instances=instances
        )
    except ValueError as error:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            f"labels, instances and their list contradict each other: {error}",
            where=path,
            remedy="Give the three files that were written together.",
        ) from error


def _with_provenance(panoptic: Panoptic, path: Path) -> Panoptic:
    made = read_provenance(names_path(path))
    segmentation = replace(panoptic.segmentation, provenance=made)
    return replace(panoptic, segmentation=segmentation)
