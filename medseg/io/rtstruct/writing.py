"""Segmentation -> RTSTRUCT: contours on the slices of the series that was segmented."""

from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    ImplicitVRLittleEndian,
    RTStructureSetStorage,
    generate_uid,
)

from medseg.core.geometry import LPS_TO_RAS
from medseg.core.labels import Structure, StructureKind
from medseg.core.provenance import Provenance
from medseg.core.volume import Segmentation
from medseg.io.dicom.codes import ANATOMY, code_item, codes_of
from medseg.io.dicom.damage import quiet_pydicom
from medseg.io.dicom.maker import (
    CHARACTER_SET,
    CONTENT_LABEL,
    DISCLAIMER,
    MANUFACTURER,
    RTSTRUCT_SERIES_NUMBER,
    SERIES_DESCRIPTION,
)
from medseg.io.dicom.names import label_of
from medseg.io.dicom.source_slices import CARRIED_ON, SourceImages, instance_reference
from medseg.io.rtstruct.polygons import Loop, trace

_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"  # retired, and still what readers look for


def save_rtstruct(segmentation: Segmentation, source: SourceImages, path: Path) -> None:
    """Write an RTSTRUCT with one ROI a structure, empty ones included.

    Contours run midway between the voxel centres within and without, so that they give
    the same voxels back. Holes are joined to the contour round them (keyhole).
    """
    with quiet_pydicom():
        data = _new(source)
        _refer(data, source)
        labels = segmentation.labels
        data.StructureSetROISequence = [
            _roi(structure, source, segmentation.provenance) for structure in labels
        ]
        data.ROIContourSequence = [
            _contours(structure, segmentation, source) for structure in labels
        ]
        data.RTROIObservationsSequence = [_observation(each) for each in labels]
        # Implicit, since contours of more than 64 KiB have no place in explicit VR.
        data.save_as(path, enforce_file_format=True)


def _new(source: SourceImages) -> FileDataset:
    """What every RTSTRUCT begins with: whose, when, and made by what."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RTStructureSetStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SpecificCharacterSet = CHARACTER_SET
    data.SOPClassUID = RTStructureSetStorage
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    for keyword in CARRIED_ON:
        if keyword in source.first:
            setattr(data, keyword, source.first[keyword].value)
    now = datetime.now().astimezone()
    date, time = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    data.InstanceCreationDate = data.SeriesDate = data.StructureSetDate = date
    data.InstanceCreationTime = data.SeriesTime = data.StructureSetTime = time
    data.Modality = "RTSTRUCT"
    data.SeriesInstanceUID = generate_uid()
    data.SeriesNumber = RTSTRUCT_SERIES_NUMBER
    data.InstanceNumber = 1
    data.SeriesDescription = SERIES_DESCRIPTION
    data.OperatorsName = ""
    data.Manufacturer = data.ManufacturerModelName = MANUFACTURER
    data.SoftwareVersions = version("medseg")
    data.StructureSetLabel = CONTENT_LABEL
    data.StructureSetDescription = DISCLAIMER
    data.ApprovalStatus = "UNAPPROVED"
    return data


def _refer(data: Dataset, source: SourceImages) -> None:
    """Which slices of which series, study and frame of reference it lies on."""
    series = Dataset()
    series.SeriesInstanceUID = source.first.SeriesInstanceUID
    series.ContourImageSequence = [
        instance_reference(header) for header in source.headers
    ]
    study = Dataset()
    study.ReferencedSOPClassUID = _STUDY_CLASS
    study.ReferencedSOPInstanceUID = source.first.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = source.first.FrameOfReferenceUID
    frame.RTReferencedStudySequence = [study]
    data.ReferencedFrameOfReferenceSequence = [frame]


def _roi(
    structure: Structure, source: SourceImages, made: Provenance | None
) -> Dataset:
    roi = Dataset()
    roi.ROINumber = structure.id
    roi.ReferencedFrameOfReferenceUID = source.first.FrameOfReferenceUID
    roi.ROIName, whole_name = label_of(structure.name)
    if whole_name is not None:
        roi.ROIDescription = whole_name
    roi.ROIGenerationAlgorithm = ""
    if made is not None:
        by_hand = made.is_interactive
        roi.ROIGenerationAlgorithm = "SEMIAUTOMATIC" if by_hand else "AUTOMATIC"
        roi.ROIGenerationDescription = label_of(made.model)[0]
    return roi


def _contours(
    structure: Structure, segmentation: Segmentation, source: SourceImages
) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = structure.id
    item.ROIDisplayColor = list(structure.colour)
    contours = [
        _contour(loop, k, number, source)
        for number, (k, loop) in enumerate(_loops(structure, segmentation), start=1)
    ]
    if contours:
        item.ContourSequence = contours
    return item


def _loops(
    structure: Structure, segmentation: Segmentation
) -> Iterator[tuple[int, Loop]]:
    for k in range(segmentation.geometry.shape[2]):
        for loop in trace(segmentation.array[:, :, k] == structure.id):
            yield k, loop


def _contour(loop: Loop, k: int, number: int, source: SourceImages) -> Dataset:
    """One polygon in millimetres, x to the patient's left and y to the back."""
    index = np.column_stack([loop, np.full(len(loop), k)])
    points_lps_mm = source.geometry.to_world(index) @ LPS_TO_RAS[:3, :3]
    contour = Dataset()
    contour.ContourNumber = number
    contour.ContourImageSequence = [source.reference(k)]
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(loop)
    contour.ContourData = [_decimal(value) for value in points_lps_mm.flat]
    return contour


def _observation(structure: Structure) -> Dataset:
    item = Dataset()
    item.ObservationNumber = structure.id
    item.ReferencedROINumber = structure.id
    is_organ = structure.kind is StructureKind.STUFF
    item.RTROIInterpretedType = "ORGAN" if is_organ else ""
    item.ROIInterpreter = ""
    coded = codes_of(structure)
    if coded.type != ANATOMY:
        code = code_item(coded.type)
        if coded.side is not None:
            code.SegmentedPropertyTypeModifierCodeSequence = [code_item(coded.side)]
        item.RTROIIdentificationCodeSequence = [code]
    return item


def _decimal(value: float) -> str:
    """Number as DICOM writes it: to 0.1 micrometre, at most 16 characters."""
    return f"{round(float(value), 4) + 0.0:.4f}"
