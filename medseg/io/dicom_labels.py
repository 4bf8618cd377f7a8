"""Which kind of DICOM object holds labels, and its reader."""

from pathlib import Path

import pydicom
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.panoptic import Panoptic
from medseg.core.volume import Volume
from medseg.io.dicom.damage import dicom_damage
from medseg.io.dicom.encoding import require_believable_inflation
from medseg.io.dicom_seg.reading import (
    count_lesions,
    read_dicom_seg,
    read_dicom_seg_panoptic,
)
from medseg.io.file_kinds import files_below, is_dicom
from medseg.io.label_maps.layers import Segments
from medseg.io.rtstruct.reading import read_rtstruct

_LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"
_SEGMENTATIONS = (SegmentationStorage, _LABEL_MAP_SEGMENTATION)
_LABEL_CLASSES = (*_SEGMENTATIONS, RTStructureSetStorage)


def read_dicom_labels(
    path: Path, source: Volume | None, threshold: float | None
) -> Segments:
    """Read a DICOM-SEG or an RTSTRUCT, or the only one in a folder.

    Raises:
        WrongUse: UNKNOWN_FORMAT for any other DICOM object or a folder without labels,
            SEVERAL_SERIES for one with several of them.
        UnusableInput: As `read_dicom_seg` and `read_rtstruct`.
    """
    file = _only_object(path) if path.is_dir() else path
    sop_class = _sop_class(file)
    if sop_class == RTStructureSetStorage:
        return read_rtstruct(file, source)
    if sop_class in _LABEL_CLASSES:
        scan = None if source is None else source.geometry
        return read_dicom_seg(file, scan, threshold)
    raise _no_labels("this DICOM object holds no labels", file)


def read_dicom_panoptic(path: Path, source: Volume | None) -> Panoptic:
    """Read a DICOM-SEG, or the only one in a folder, with its lesions told apart.

    Raises:
        WrongUse: As `read_dicom_labels`; UNKNOWN_FORMAT for an RTSTRUCT.
        UnusableInput: As `read_dicom_seg_panoptic`.
    """
    file = _only_object(path) if path.is_dir() else path
    if _sop_class(file) not in _SEGMENTATIONS:
        raise _no_labels("this DICOM object holds no instances", file)
    return read_dicom_seg_panoptic(file, None if source is None else source.geometry)


def count_dicom_instances(path: Path) -> int:
    """How many lesions a DICOM-SEG, or the only one in a folder, tells apart.

    Raises:
        WrongUse: As `read_dicom_labels`.
    """
    file = _only_object(path) if path.is_dir() else path
    return count_lesions(file) if _sop_class(file) in _SEGMENTATIONS else 0


def _only_object(folder: Path) -> Path:
    objects = [
        file
        for file in files_below(folder)
        if is_dicom(file) and _sop_class(file) in _LABEL_CLASSES
    ]
    if len(objects) == 1:
        return objects[0]
    if not objects:
        raise _no_labels("the folder holds no DICOM object with labels", folder)
    names = ", ".join(str(file.relative_to(folder)) for file in objects[:8])
    raise WrongUse(
        ErrorCode.SEVERAL_SERIES,
        f"the folder holds {len(objects)} DICOM objects with labels: {names}",
        where=folder,
        remedy="Give one of these files.",
    )


def _sop_class(file: Path) -> str:
    with dicom_damage(file), file.open("rb") as stream:
        require_believable_inflation(stream, file)
        data = pydicom.dcmread(
            stream, stop_before_pixels=True, specific_tags=["SOPClassUID"]
        )
        return str(data.get("SOPClassUID", ""))


def _no_labels(what: str, where: Path) -> WrongUse:
    return WrongUse(
        ErrorCode.UNKNOWN_FORMAT,
        f"{what}: neither a DICOM-SEG nor an RTSTRUCT",
        where=where,
        remedy="Give a DICOM-SEG, an RTSTRUCT, or a NIfTI, NRRD or MHA label map.",
    )
