"""The DICOM slices that a result goes back to: their headers, read again."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.geometry import LPS_TO_RAS, Geometry
from medseg.core.volume import SourceSlice, Volume, require_same_grid
from medseg.io.checks import require_file
from medseg.io.dicom.damage import dicom_damage
from medseg.io.dicom.headers import SliceHeader, read_headers
from medseg.io.dicom.slice_places import max_off_slice_mm

_KEPT_EMPTY = (  # DICOM's type 2: must be there, may be empty
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber"),
    *("ReferringPhysicianName", "PositionReferenceIndicator"),
)
CARRIED_ON = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate"),
    *("PatientSex", "PatientAge", "PatientSize", "PatientWeight"),
    *("PatientIdentityRemoved", "DeidentificationMethod"),
    *("DeidentificationMethodCodeSequence", "QualityControlSubject"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription"),
    *("AccessionNumber", "ReferringPhysicianName"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator"),
)
"""What says whose scan it is and of which examination: DICOM output is meant to carry
it, and nothing else of what the source says of the patient."""

_USED = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality"),
    *("Rows", "Columns", "NumberOfFrames", "ImageType"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("SliceThickness", "SpacingBetweenSlices"),
    *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"),
)
_NEEDED = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceImages:
    """The series a volume was read from.

    Attributes:
        headers: One a file, in the order of the slices, without pixels. All have the
            attributes that a derived object must copy, empty where they were missing.
        slices: For each slice k the number of its header, and its frame in there.
        geometry: Grid of the volume.
    """

    headers: tuple[Dataset, ...]
    slices: tuple[tuple[int, int], ...]
    geometry: Geometry

    @property
    def first(self) -> Dataset:
        """Header of the first slice."""
        return self.headers[0]

    @property
    def is_multi_frame(self) -> bool:
        """Whether a file holds more than one slice."""
        return "PerFrameFunctionalGroupsSequence" in self.first

    def position_lps_mm(self, k: int) -> np.ndarray:
        """Centre of the first pixel of slice k, as its header has it."""
        number, frame = self.slices[k]
        header = self.headers[number]
        if self.is_multi_frame:
            group = header.PerFrameFunctionalGroupsSequence[frame]
            header = group.PlanePositionSequence[0]
        return np.array(header.ImagePositionPatient, dtype=float)

    def reference(self, k: int) -> Dataset:
        """What refers to slice k in DICOM."""
        number, frame = self.slices[k]
        item = instance_reference(self.headers[number])
        if self.is_multi_frame:
            item.ReferencedFrameNumber = frame + 1
        return item


def read_source(scan: Volume | None, geometry: Geometry, where: Path) -> SourceImages:
    """The series of a scan, if a result on some grid lies on its slices.

    Args:
        scan: What the result was made of.
        geometry: Grid of the result.
        where: File to be written, for messages.

    Raises:
        WrongUse: NO_DICOM_SOURCE.
        UnusableInput: GRID_MISMATCH; NOT_FOUND, TRUNCATED_FILE or INVALID_HEADER when
            the series has gone, is damaged, or lacks an identifier.
    """
    if scan is None or not scan.source:
        raise WrongUse(
            ErrorCode.NO_DICOM_SOURCE,
            "DICOM output refers to the DICOM series that was segmented, "
            + (
                "and none is given"
                if scan is None
                else "and this scan was none, or was resampled when it was read"
            ),
            where=where,
            remedy="Segment a regular DICOM series, or write .nii.gz, .nrrd or .mha.",
        )
    require_same_grid(scan.geometry, geometry, where=str(where))
    paths = list(dict.fromkeys(each.path for each in scan.source))
    placed = {path: read_headers(_there(path)) for path in paths}
    for k, each in enumerate(scan.source):
        _require_on_grid(_header_of(placed[each.path], each), geometry, k)
    frame_of_reference = generate_uid()
    headers = tuple(
        _completed(_read(path), frame_of_reference, geometry, path) for path in paths
    )
    _share_directions(headers)
    return SourceImages(
        headers=headers,
        slices=tuple((paths.index(each.path), each.frame) for each in scan.source),
        geometry=geometry,
    )


def instance_reference(header: Dataset) -> Dataset:
    """What refers to a whole DICOM object."""
    item = Dataset()
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
    return item


def _there(path: Path) -> Path:
    require_file(path)
    return path


def _read(path: Path) -> Dataset:
    with dicom_damage(path):
        return pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=[*CARRIED_ON, *_USED]
        )


def _header_of(headers: tuple[SliceHeader, ...], wanted: SourceSlice) -> SliceHeader:
    if wanted.frame >= len(headers):
        raise _moved(wanted.path, "it has lost frames")
    return headers[wanted.frame]


def _require_on_grid(header: SliceHeader, geometry: Geometry, k: int) -> None:
    """Refuse a slice that is not where the grid has its slice k."""
    if header.position_lps_mm is None or header.directions is None:
        raise _moved(header.path, "it has no position")
    columns, rows = header.columns, header.rows
    if (columns, rows) != geometry.shape[:2]:
        raise _moved(header.path, f"it has {columns} x {rows} pixels")
    row, column = np.reshape(header.directions, (2, 3))
    corners = np.array([[i, j] for i in (0, columns - 1) for j in (0, rows - 1)])
    in_lps_mm = (
        np.array(header.position_lps_mm)
        + np.outer(corners[:, 0], row * header.column_spacing_mm)
        + np.outer(corners[:, 1], column * header.row_spacing_mm)
    )
    wanted = geometry.to_world(np.column_stack([corners, np.full(len(corners), k)]))
    off = np.linalg.norm(in_lps_mm @ LPS_TO_RAS[:3, :3] - wanted, axis=1)
    if off.max() > max_off_slice_mm(geometry.spacing_mm[2]):
        raise _moved(header.path, f"it lies {off.max():.2f} mm from it")


def _completed(
    header: Dataset, frame_of_reference: UID, geometry: Geometry, path: Path
) -> Dataset:
    """A header with everything that an object derived from it must copy."""
    with dicom_damage(path):
        for keyword in _NEEDED:
            if not header.get(keyword):
                raise UnusableInput(
                    ErrorCode.INVALID_HEADER,
                    f"a slice has no {keyword}, which DICOM output must refer to",
                    where=path,
                    remedy="Export the series again, with complete headers.",
                )
        for keyword in _KEPT_EMPTY:
            if keyword not in header:
                setattr(header, keyword, "")
        if not header.get("FrameOfReferenceUID"):
            header.FrameOfReferenceUID = frame_of_reference
        if "PerFrameFunctionalGroupsSequence" in header:
            _share_geometry(header)
        header.SpacingBetweenSlices = spacing = f"{geometry.spacing_mm[2]:.8g}"
        if not header.get("SliceThickness"):
            header.SliceThickness = spacing
    return header


def _share_directions(headers: tuple[Dataset, ...]) -> None:
    """Take away the rounding by which the directions of slices may differ."""
    for header in headers:
        if "ImageOrientationPatient" in header:
            header.ImageOrientationPatient = headers[0].ImageOrientationPatient


def _share_geometry(header: Dataset) -> None:
    """Orientation and pixel size to where all frames share them, which they do."""
    shared = list(header.get("SharedFunctionalGroupsSequence") or [Dataset()])
    own = header.PerFrameFunctionalGroupsSequence[0]
    for keyword in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
        if keyword not in shared[0] and keyword in own:
            setattr(shared[0], keyword, own[keyword].value)
    header.SharedFunctionalGroupsSequence = shared


def _moved(path: Path, how: str) -> UnusableInput:
    return UnusableInput(
        ErrorCode.GRID_MISMATCH,
        f"a source slice is not where the result has it: {how}",
        where=path,
        remedy="Write the result as .nii.gz; it fits no slices of its source.",
    )
