"""Segmentation -> DICOM-SEG on the slices of the series that was segmented."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import highdicom
import numpy as np
from highdicom import PlanePositionSequence
from highdicom.seg import SegmentationTypeValues, SegmentDescription
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.panoptic import Panoptic
from medseg.core.volume import LabelArray, Segmentation
from medseg.io.dicom.damage import quiet_pydicom
from medseg.io.dicom.maker import (
    CHARACTER_SET,
    CONTENT_LABEL,
    DISCLAIMER,
    MANUFACTURER,
    SEG_SERIES_NUMBER,
    SERIES_DESCRIPTION,
)
from medseg.io.dicom.source_slices import SourceImages
from medseg.io.dicom_seg.layout import (
    SegmentLayout,
    described,
    layout_of,
    layout_of_instances,
)
from medseg.io.file_kinds import SegmentationFormat

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
    with _writing(segmentation, path):
        if file_format is SegmentationFormat.DICOM_SEG_LABELMAP:
            data = _labelmap(segmentation, source)
        else:
            data = _binary(layout_of(segmentation), source)
        data.save_as(path)


def save_panoptic_dicom_seg(
    panoptic: Panoptic, source: SourceImages, path: Path
) -> None:
    """Write a DICOM-SEG with a segment an instance, and one a structure that has none.

    Each instance has its tracking UID, a new one where it had none.

    Raises:
        WrongUse: LABEL_MISMATCH when there is no structure, or more segments than
            DICOM can number.
        UnusableInput: INVALID_HEADER when the source cannot be referred to.
    """
    with _writing(panoptic.segmentation, path):
        _binary(layout_of_instances(panoptic, path), source).save_as(path)


@contextmanager
def _writing(segmentation: Segmentation, path: Path) -> Iterator[None]:
    """Refuse a label set without structures, and sources that highdicom refuses."""
    if not len(segmentation.labels):
        raise WrongUse(
            ErrorCode.LABEL_MISMATCH,
            "a DICOM-SEG holds at least one structure, and this has none",
            where=path.name,
            remedy="Name the structures, or write .nii.gz.",
        )
    try:
        with quiet_pydicom():
            yield
    except _CANNOT_CARRY as error:
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            "the headers of the source series do not allow a DICOM-SEG of it",
            where="source series",
            remedy="Write .nii.gz instead; --debug tells what the headers lack.",
        ) from error


def _binary(layout: SegmentLayout, source: SourceImages) -> Dataset:
    """One bit a voxel and segment."""
    planes = _planes(layout.numbers)
    outermost = {0, len(planes) - 1}
    marked = [k for k in sorted(outermost) if not planes[k].any()]
    planes[marked, 0, 0] = 1  # else highdicom leaves out these slices: they are empty
    data = _Object(
        segmentation_type=SegmentationTypeValues.BINARY, omit_empty_frames=True
    ).of(planes, layout.segments, source)
    _unmark(data, [source.position_lps_mm(k) for k in marked])
    return data


def _labelmap(segmentation: Segmentation, source: SourceImages) -> Dataset:
    """One number a voxel; a newer kind of object that fewer viewers open."""
    segments = [
        described(structure, structure.id, segmentation.provenance)
        for structure in segmentation.labels
    ]
    data = _Object(
        segmentation_type=SegmentationTypeValues.LABELMAP, omit_empty_frames=False
    ).of(_planes(segmentation.array), segments, source)
    data.compress(  # other encoders abort the process on a frame of one value
        RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False
    )
    return data


def _planes(label_map: LabelArray) -> np.ndarray:
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
