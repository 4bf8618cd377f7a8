"""A phantom as a DICOM CT series, as a scanner would send it."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from medseg.io.safe_writing import written_whole_folder
from medseg.phantom.make import Phantom

_INTERCEPT_HU = -1024
_LABEL = "Synthetic CT phantom, not a patient"
_DATE, _TIME = "20260101", "120000"


def write_phantom_series(phantom: Phantom, folder: Path) -> None:
    """Write a CT series, one file a slice, from head to feet.

    Stored numbers are HU + 1024, signed 16-bit. The same phantom gives the same bytes:
    identifiers come from its seed, date and time are fixed.

    Args:
        phantom: What to write.
        folder: Absent or empty; appears whole or not at all.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    slices = phantom.volume.geometry.shape[2]
    with written_whole_folder(folder) as temporary:
        for number in range(1, slices + 1):
            name = f"CT_{number:04d}.dcm"
            image = _slice(phantom, k=slices - number, number=number)
            image.save_as(temporary / name, enforce_file_format=True)


def _slice(phantom: Phantom, *, k: int, number: int) -> Dataset:
    image = Dataset()
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = _uid(phantom, f"slice {number}")
    image.file_meta = _file_meta(image.SOPInstanceUID)
    image.InstanceNumber = number
    image.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
    _describe_subject(image, phantom)
    _describe_series(image, phantom)
    _place(image, phantom, k)
    _fill(image, phantom.volume.array[0, :, :, k])
    return image


def _file_meta(instance: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = generate_uid(entropy_srcs=["medseg.phantom"])
    meta.ImplementationVersionName = "MEDSEG_PHANTOM"
    return meta


def _uid(phantom: Phantom, what: str) -> UID:
    """Identifier that depends on the phantom's seed and grid alone."""
    geometry = phantom.volume.geometry
    grid = f"{geometry.shape} {np.round(geometry.affine, 4).tolist()}"
    return generate_uid(entropy_srcs=["medseg.phantom", str(phantom.seed), grid, what])


def _describe_subject(image: Dataset, phantom: Phantom) -> None:
    image.PatientName = "MedSeg^Synthetic"
    image.PatientID = f"SYNTHETIC-{phantom.seed}"
    image.PatientBirthDate = ""
    image.PatientSex = "O"
    image.PatientComments = _LABEL
    image.QualityControlSubject = "YES"  # DICOM's mark of a phantom


def _describe_series(image: Dataset, phantom: Phantom) -> None:
    image.StudyInstanceUID = _uid(phantom, "study")
    image.SeriesInstanceUID = _uid(phantom, "series")
    image.FrameOfReferenceUID = _uid(phantom, "frame of reference")
    image.StudyDate = image.SeriesDate = image.ContentDate = _DATE
    image.StudyTime = image.SeriesTime = image.ContentTime = _TIME
    image.StudyID = "1"
    image.SeriesNumber = 1
    image.AccessionNumber = ""
    image.ReferringPhysicianName = ""
    image.PositionReferenceIndicator = ""
    image.Modality = "CT"
    image.Manufacturer = "MedSeg phantom generator"
    image.StudyDescription = _LABEL
    image.SeriesDescription = _LABEL
    image.ImageComments = _LABEL
    image.BodyPartExamined = "ABDOMEN"
    image.PatientPosition = "HFS"
    image.BurnedInAnnotation = "NO"
    image.AcquisitionNumber = 1
    image.KVP = ""


def _place(image: Dataset, phantom: Phantom, k: int) -> None:
    """Geometry of one slice: RAS becomes DICOM's LPS here."""
    geometry = phantom.volume.geometry
    i_mm, j_mm, k_mm = (_decimal(each) for each in geometry.spacing_mm)
    right, anterior, superior = geometry.to_world(np.array([0, 0, k]))
    across, down = geometry.directions[:, 0], geometry.directions[:, 1]
    image.ImagePositionPatient = [
        _decimal(each) for each in (-right, -anterior, superior)
    ]
    image.ImageOrientationPatient = [
        _decimal(each)
        for each in (-across[0], -across[1], across[2], -down[0], -down[1], down[2])
    ]
    image.PixelSpacing = [j_mm, i_mm]  # between rows, then between columns
    image.SliceThickness = k_mm
    image.SpacingBetweenSlices = k_mm


def _decimal(value: float) -> str:
    """Number as DICOM writes it, at most 16 characters; never minus zero."""
    return f"{round(float(value), 4) + 0.0:.9g}"


def _fill(image: Dataset, hu: np.ndarray) -> None:
    stored = (hu.T.astype(np.int32) - _INTERCEPT_HU).astype("<i2")  # rows are along j
    image.Rows, image.Columns = stored.shape
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit = 15
    image.PixelRepresentation = 1
    image.RescaleSlope = "1"
    image.RescaleIntercept = str(_INTERCEPT_HU)
    image.RescaleType = "HU"
    image.WindowCenter, image.WindowWidth = "40", "350"
    image.PixelData = stored.tobytes()
    image["PixelData"].VR = "OW"
