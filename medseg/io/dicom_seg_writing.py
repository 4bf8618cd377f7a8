"""Segmentation -> DICOM-SEG on the slices of the series that was segmented."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import highdicom
import numpy as np
from highdicom import AlgorithmIdentificationSequence, PlanePositionSequence
from highdicom.color import CIELabColor
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.labels import Structure
from medseg.core.provenance import Provenance
from medseg.core.volume import Segmentation
from medseg.io.dicom_codes import code_item, codes_of
from medseg.io.dicom_damage import quiet_pydicom
from medseg.io.dicom_maker import (
    CHARACTER_SET,
    CONTENT_LABEL,
    DISCLAIMER,
    MANUFACTURER,
    SEG_SERIES_NUMBER,
    SERIES_DESCRIPTION,
)
from medseg.io.dicom_names import label_of
from medseg.io.file_kinds import SegmentationFormat
from medseg.io.source_slices import SourceImages

LABEL_GROUP, LABEL_CREATOR, LABEL_ELEMENT = 0x0063, "MEDSEG", 0x01
"""Private element of a segment: its label, where that is not the segment's number."""

_ORIGIN_UNKNOWN = "not recorded"
_CANNOT_CARRY = (ValueError, TypeError, AttributeError, KeyError)
"""What highdicom raises when a source header breaks the standard."""


def save_dicom_seg(
    segmentation: Segmentation,
    source: SourceImages,
    path: Path,
    file_format: SegmentationFormat,
) -> None:
    """Write a DICOM-SEG; frames without a voxel are left out where that loses nothing.

    The first and the last slice are always there, so that reading gives the whole grid.

    Raises:
        WrongUse: LABEL_MISMATCH when there is no structure.
        UnusableInput: INVALID_HEADER when the source cannot be referred to.
    """
    if not len(segmentation.labels):
        raise WrongUse(
            ErrorCode.LABEL_MISMATCH,
            "a DICOM-SEG holds at least one structure, and this has none",
            where=path.name,
            remedy="Name the structures, or write .nii.gz.",
        )
    try:
        with quiet_pydicom():
            if file_format is SegmentationFormat.DICOM_SEG_LABELMAP:
                data = _labelmap(segmentation, source)
            else:
                data = _binary(segmentation, source)
            data.save_as(path)
    except _CANNOT_CARRY as error:
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            "the headers of the source series do not allow a DICOM-SEG of it",
            where="source series",
            remedy="Write .nii.gz instead; --debug tells what the headers lack.",
        ) from error


def _binary(segmentation: Segmentation, source: SourceImages) -> Dataset:
    """One bit a voxel and segment; segments are numbered 1, 2, 3 ... as DICOM wants."""
    ids = segmentation.labels.ids
    numbers = np.zeros(max(ids) + 1, dtype=segmentation.array.dtype)
    numbers[list(ids)] = np.arange(1, len(ids) + 1)
    planes = _planes(numbers[segmentation.array])
    outermost = {0, len(planes) - 1}
    marked = [k for k in sorted(outermost) if not planes[k].any()]
    planes[marked, 0, 0] = 1  # else highdicom leaves out these slices: they are empty
    segments = [
        _described(structure, number, segmentation.provenance)
        for number, structure in enumerate(segmentation.labels, start=1)
    ]
    data = _Object(
        segmentation_type=SegmentationTypeValues.BINARY, omit_empty_frames=True
    ).of(planes, segments, source)
    _unmark(data, [source.position_lps_mm(k) for k in marked])
    return data


def _labelmap(segmentation: Segmentation, source: SourceImages) -> Dataset:
    """One number a voxel; a newer kind of object that fewer viewers open."""
    segments = [
        _described(structure, structure.id, segmentation.provenance)
        for structure in segmentation.labels
    ]
    data = _Object(
        segmentation_type=SegmentationTypeValues.LABELMAP, omit_empty_frames=False
    ).of(_planes(segmentation.array), segments, source)
    data.compress(  # other encoders abort the process on a frame of one value
        RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False
    )
    return data


def _planes(label_map: np.ndarray) -> np.ndarray:
    """Voxels (i, j, k) as DICOM has them: slices of rows of columns."""
    return np.ascontiguousarray(label_map.T)


@dataclass(frozen=True, kw_only=True)
class _Object:
    """How the two kinds of DICOM-SEG differ."""

    segmentation_type: SegmentationTypeValues
    omit_empty_frames: bool

    def of(
        self,
        planes: np.ndarray,
        segments: list[SegmentDescription],
        source: SourceImages,
    ) -> Dataset:
        return highdicom.seg.Segmentation(
            source_images=list(source.headers),
            pixel_array=planes,
            segmentation_type=self.segmentation_type,
            segment_descriptions=segments,
            series_instance_uid=generate_uid(),
            series_number=SEG_SERIES_NUMBER,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MANUFACTURER,
            software_versions=version("medseg"),
            device_serial_number="0",
            content_label=CONTENT_LABEL,
            content_description=DISCLAIMER,
            series_description=SERIES_DESCRIPTION,
            transfer_syntax_uid=ExplicitVRLittleEndian,
            plane_positions=_frame_positions(source),
            omit_empty_frames=self.omit_empty_frames,
            specific_character_set=CHARACTER_SET,
        )


def _frame_positions(source: SourceImages) -> list[PlanePositionSequence] | None:
    """Positions of the slices of a multi-frame source, whose frames have any order."""
    if not source.is_multi_frame:
        return None
    return [
        PlanePositionSequence("PATIENT", source.position_lps_mm(k).tolist())
        for k in range(len(source.slices))
    ]


def _described(
    structure: Structure, number: int, made: Provenance | None
) -> SegmentDescription:
    """Name, codes, colour and origin of a structure."""
    label, whole_name = label_of(structure.name)
    coded = codes_of(structure)
    segment = SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=coded.category,
        segmented_property_type=coded.type,
        algorithm_type=SegmentAlgorithmTypeValues.SEMIAUTOMATIC
        if made is None
        else SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=_algorithm(made),
        display_color=CIELabColor.from_rgb(*structure.colour),
    )
    if whole_name is not None:
        segment.SegmentDescription = whole_name
    if coded.side is not None:
        modifiers = [code_item(coded.side)]
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = modifiers
    if number != structure.id:
        block = segment.private_block(LABEL_GROUP, LABEL_CREATOR, create=True)
        block.add_new(LABEL_ELEMENT, "US", structure.id)
    return segment


def _algorithm(made: Provenance | None) -> AlgorithmIdentificationSequence:
    if made is None:
        return AlgorithmIdentificationSequence(
            name=_ORIGIN_UNKNOWN,
            family=codes.DCM.ManualProcessing,
            version=_ORIGIN_UNKNOWN,
        )
    hashes = {"model_sha256": made.model_sha256, "input_sha256": made.input_sha256}
    return AlgorithmIdentificationSequence(
        name=label_of(made.model)[0] or MANUFACTURER,
        family=codes.DCM.ArtificialIntelligence,
        version=dict(made.versions).get("medseg", version("medseg")),
        source=MANUFACTURER,
        parameters=dict(made.settings) | hashes,
    )


def _unmark(data: Dataset, positions_lps_mm: list[np.ndarray]) -> None:
    """Clear the first bit of the frames at some positions."""
    frames = np.array(
        [
            group.PlanePositionSequence[0].ImagePositionPatient
            for group in data.PerFrameFunctionalGroupsSequence
        ],
        dtype=float,
    )
    pixels = bytearray(data.PixelData)
    for position in positions_lps_mm:
        frame = int(np.linalg.norm(frames - position, axis=1).argmin())
        byte, bit = divmod(frame * data.Rows * data.Columns, 8)
        pixels[byte] &= ~(1 << bit)
    data.PixelData = bytes(pixels)
