"""Small DICOM series whose every voxel's value and place are known."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

ROWS, COLUMNS = 7, 9
ROW_SPACING_MM, COLUMN_SPACING_MM = 0.8, 1.2
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

SliceMaker = Callable[..., list[FileDataset]]
SliceSaver = Callable[..., Path]


def stored_values(number: int) -> np.ndarray:
    """Pixels (rows, columns) of a slice, each value once in a series."""
    return np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) + 100 * number


def new_file(sop_class: str, series_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = sop_class
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    data.SeriesInstanceUID = series_uid
    data.SeriesDescription = "Abdomen"
    data.Modality = "CT"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.Rows, data.Columns = ROWS, COLUMNS
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelRepresentation = 1
    return data


@pytest.fixture
def make_slices() -> SliceMaker:
    """A CT series, one dataset a slice: change some, then save them."""

    def make(
        count: int = 12,
        *,
        step_mm: float = 2.5,
        directions: Sequence[float] = AXIAL,
        first_lps_mm: Sequence[float] = (-40.0, -30.0, 100.0),
        uid: str | None = None,
    ) -> list[FileDataset]:
        normal = np.cross(directions[:3], directions[3:])
        series_uid = uid or generate_uid()
        slices = []
        for number in range(count):
            data = new_file(CTImageStorage, series_uid)
            position = np.array(first_lps_mm) + number * step_mm * normal
            data.ImagePositionPatient = [f"{value:.6f}" for value in position]
            data.ImageOrientationPatient = [f"{value:.9f}" for value in directions]
            data.PixelSpacing = [ROW_SPACING_MM, COLUMN_SPACING_MM]
            data.RescaleSlope, data.RescaleIntercept = 1, -1024
            data.InstanceNumber = number + 1
            data.AcquisitionNumber = 1
            data.PixelData = stored_values(number).astype(np.int16).tobytes()
            slices.append(data)
        return slices

    return make


@pytest.fixture
def save_slices(tmp_path: Path) -> SliceSaver:
    """Write slices to a folder, by default in an order unlike their positions."""

    def save(slices: Sequence[FileDataset], folder: str = "series") -> Path:
        order = np.random.default_rng(0).permutation(len(slices))
        (tmp_path / folder).mkdir(exist_ok=True)
        for name, number in enumerate(order):
            slices[number].save_as(tmp_path / folder / f"IM{name:04d}")
        return tmp_path / folder

    return save


@pytest.fixture
def enhanced_ct(make_slices: SliceMaker) -> FileDataset:
    """The same series as one enhanced multi-frame object, frames out of order."""
    slices = make_slices()
    order = np.random.default_rng(1).permutation(len(slices))
    data = new_file(EnhancedCTImageStorage, slices[0].SeriesInstanceUID)
    data.NumberOfFrames = len(slices)
    data.SharedFunctionalGroupsSequence = DicomSequence(
        [
            _group(
                PlaneOrientationSequence=_group(
                    ImageOrientationPatient=slices[0].ImageOrientationPatient
                ),
                PixelMeasuresSequence=_group(PixelSpacing=slices[0].PixelSpacing),
                PixelValueTransformationSequence=_group(
                    RescaleSlope=1, RescaleIntercept=-1024
                ),
            )
        ]
    )
    data.PerFrameFunctionalGroupsSequence = DicomSequence(
        [
            _group(
                PlanePositionSequence=_group(
                    ImagePositionPatient=slices[number].ImagePositionPatient
                ),
                FrameContentSequence=_group(TemporalPositionIndex=1),
            )
            for number in order
        ]
    )
    data.PixelData = b"".join(slices[number].PixelData for number in order)
    return data


def _group(**elements: object) -> Dataset:
    data = Dataset()
    for keyword, value in elements.items():
        item = DicomSequence([value]) if isinstance(value, Dataset) else value
        setattr(data, keyword, item)
    return data
