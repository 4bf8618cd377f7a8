"""A CT and a label map of it, made and written to files in every format measured."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from medseg.core.geometry import LPS_TO_RAS, Geometry, Shape3
from medseg.core.labels import LabelSet
from medseg.core.volume import Segmentation, Volume

PIXELS = 512
SPACING_MM = (0.8, 0.8, 2.5)
_INTERCEPT = -1024
_NOISE_HU = 12
_OTHER_TEXTS = 40  # elements of a scanner's header that nobody here reads
_ORGANS = ((-0.3, 0.0, 0.3), (0.35, -0.1, 0.2), (0.0, 0.45, 0.15), (0.1, -0.5, 0.1))


@dataclass(frozen=True, kw_only=True)
class ScanFiles:
    """What the contenders read and write.

    Attributes:
        scan: The CT, int16, in HU.
        labels: Organs in it.
        series: Folder of its DICOM files, one a slice.
        nifti: The CT as .nii.
        packed: The CT as .nii.gz, alone in its folder: SimpleITK would read a .nii
            beside it instead.
    """

    scan: Volume
    labels: Segmentation
    series: Path
    nifti: Path
    packed: Path


def make_scan_files(folder: Path, slices: int, pixels: int = PIXELS) -> ScanFiles:
    """Make a CT of noise like a scanner's, and write it to a folder."""
    shape = pixels, pixels, slices
    in_lps = np.diag([*SPACING_MM, 1.0])
    geometry = Geometry(shape, LPS_TO_RAS @ in_lps)
    labels = _organs(shape)
    values = _intensities(labels)
    scan = Volume(
        array=values[None],
        geometry=geometry,
        channels=("CT",),
        case_id="ct",
        sha256="",
    )
    segmentation = Segmentation(
        array=labels,
        geometry=geometry,
        labels=LabelSet.from_names(
            (label, f"organ {label}") for label in range(1, len(_ORGANS) + 1)
        ),
    )
    series = folder / "series"
    _write_series(values, series)
    nifti, packed = folder / "plain" / "ct.nii", folder / "packed" / "ct.nii.gz"
    for file in (nifti, packed):
        file.parent.mkdir()
        nib.Nifti1Image(values, geometry.affine).to_filename(file)
    return ScanFiles(
        scan=scan, labels=segmentation, series=series, nifti=nifti, packed=packed
    )


def _organs(shape: Shape3) -> np.ndarray:
    """Balls in a grid from -1 to 1 along each axis."""
    labels = np.zeros(shape, np.uint8, order="F")
    i, j, k = np.meshgrid(
        *(np.linspace(-1, 1, size, dtype=np.float32) for size in shape), sparse=True
    )
    for label, (centre_i, centre_j, radius) in enumerate(_ORGANS, start=1):
        ball = (i - centre_i) ** 2 + (j - centre_j) ** 2 + k**2 < radius**2
        labels[ball.transpose(1, 0, 2)] = label
    return labels


def _intensities(labels: np.ndarray) -> np.ndarray:
    """HU: air round a body of 40 with brighter organs, and noise everywhere."""
    rng = np.random.default_rng(0)
    i, j = (np.linspace(-1, 1, size, dtype=np.float32) for size in labels.shape[:2])
    body = (i[:, None] / 0.9) ** 2 + (j / 0.7) ** 2 < 1
    values = np.empty(labels.shape, np.int16, order="F")
    for k in range(labels.shape[2]):
        noise = rng.standard_normal(body.shape, dtype=np.float32) * _NOISE_HU
        organs = 40 + 30 * labels[:, :, k].astype(np.float32)
        values[:, :, k] = np.where(body, organs, -1000) + noise.round()
    return values


def _write_series(values: np.ndarray, folder: Path) -> None:
    folder.mkdir()
    header = _series_header(values.shape[0])
    for k in range(values.shape[2]):
        header.SOPInstanceUID = generate_uid()
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.InstanceNumber = k + 1
        header.ImagePositionPatient = [0, 0, SPACING_MM[2] * k]
        header.PixelData = (values[:, :, k].T - np.int16(_INTERCEPT)).tobytes()
        header.save_as(folder / f"{k:04d}")


def _series_header(pixels: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    header.SOPClassUID = CTImageStorage
    header.SeriesInstanceUID = generate_uid()
    header.StudyInstanceUID = generate_uid()
    header.FrameOfReferenceUID = generate_uid()
    header.Modality = "CT"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.PatientName, header.PatientID, header.SliceThickness = "", "", SPACING_MM[2]
    header.Rows = header.Columns = pixels
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.PixelRepresentation = 1
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.PixelSpacing = [SPACING_MM[1], SPACING_MM[0]]
    header.RescaleSlope, header.RescaleIntercept = 1, _INTERCEPT
    private = header.private_block(0x0029, "MEDSEG BENCH", create=True)
    for number in range(_OTHER_TEXTS):
        private.add_new(number, "LO", f"parameter {number} of the scanner")
    return header
