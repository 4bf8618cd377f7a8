"""Which kind of DICOM object holds labels, and its reader."""

from pathlib import Path

import pydicom
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.volume import Volume
from medseg.io.dicom_seg_reading import read_dicom_seg
from medseg.io.rtstruct_reading import read_rtstruct
from medseg.io.segment_layers import Segments
from medseg.io.source_slices import dicom_damage

_LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"


def read_dicom_labels(
    path: Path, source: Volume | None, threshold: float | None
) -> Segments:
    """Read a DICOM-SEG or an RTSTRUCT.

    Raises:
        WrongUse: UNKNOWN_FORMAT for any other DICOM object.
        UnusableInput: As `read_dicom_seg` and `read_rtstruct`.
    """
    with dicom_damage(path):
        data = pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=["SOPClassUID"]
        )
        sop_class = str(data.get("SOPClassUID", ""))
    if sop_class in (SegmentationStorage, _LABEL_MAP_SEGMENTATION):
        scan = None if source is None else source.geometry
        return read_dicom_seg(path, scan, threshold)
    if sop_class == RTStructureSetStorage:
        return read_rtstruct(path, source)
    raise WrongUse(
        ErrorCode.UNKNOWN_FORMAT,
        "this DICOM object holds no labels: it is neither a DICOM-SEG nor an RTSTRUCT",
        where=path,
        remedy="Give a DICOM-SEG, an RTSTRUCT, or a NIfTI, NRRD or MHA label map.",
    )
