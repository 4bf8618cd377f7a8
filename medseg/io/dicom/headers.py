"""DICOM headers: what is known of each slice before its pixels are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.uid import UID

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.dicom.damage import UNREADABLE_DICOM, damaged, dicom_damage
from medseg.io.dicom.encoding import (
    LAYOUT_KEYWORDS,
    PixelLayout,
    layout_of,
    require_believable_inflation,
    syntax_of,
)
from medseg.io.dicom.modalities import known_modality
from medseg.io.dicom.plain_pixels import PixelElement, find_pixels
from medseg.io.dicom.values import factor, first, is_there, many, numbers, whole

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_DIRECTORY = "1.2.840.10008.1.3.10"
_TOMOGRAPHIC = {"CT", "MR", "PT"}
MOMENT_KEYWORDS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "AcquisitionNumber",
    "EchoTime",
    "EffectiveEchoTime",
    "DiffusionBValue",
    "TriggerTime",
)
"""What may tell repeated stacks of a series apart."""

_KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription"),
    *("Modality", "ImageType", "PhotometricInterpretation"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"),
    *MOMENT_KEYWORDS,
    *LAYOUT_KEYWORDS,
)

_Header = tuple[Dataset, PixelElement | None]


@dataclass(frozen=True, kw_only=True)
class SliceHeader:
    """One slice: a file, or a frame of an enhanced multi-frame file.

    Attributes:
        path: File it is in.
        frame: Number within the file, from 0.
        series_uid: SeriesInstanceUID.
        modality: "CT", "MR" ...; empty for what is no code of DICOM's.
        description: SeriesDescription; may be shown to the user, never stored.
        image_type: Words of ImageType.
        sop_class: SOPClassUID.
        layout: How the pixels of the file are stored.
        is_colour: Whether a pixel is more than one number.
        is_inverted: MONOCHROME1: the smallest value is meant to be shown white.
        position_lps_mm: Centre of the first pixel, where given.
        directions: Direction cosines of a row and of a column in LPS, where given.
        row_spacing_mm: Distance between rows; 0 where not given.
        column_spacing_mm: Distance between columns; 0 where not given.
        slope: Factor from stored to true values; NaN where it is no number.
        intercept: What is added after it; NaN where it is no number.
        has_rescale: Whether slope and intercept were in the header.
        has_table: Whether a table (Modality LUT) gives the true values.
        moment: What tells repeated stacks apart: time, echo, b-value ...
        frame_count: Frames in the file without positions of their own, else 1.
    """

    path: Path
    frame: int
    series_uid: str
    modality: str
    description: str
    image_type: tuple[str, ...]
    sop_class: str
    layout: PixelLayout
    is_colour: bool
    is_inverted: bool
    position_lps_mm: tuple[float, ...] | None
    directions: tuple[float, ...] | None
    row_spacing_mm: float
    column_spacing_mm: float
    slope: float
    intercept: float
    has_rescale: bool
    has_table: bool
    moment: tuple[str, ...]
    frame_count: int

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return (
            f"{self.path.name} frame {self.frame + 1}"
            if self.frame
            else (self.path.name)
        )

    @property
    def rows(self) -> int:
        """Pixels along j."""
        return self.layout.rows

    @property
    def columns(self) -> int:
        """Pixels along i."""
        return self.layout.columns

    @property
    def is_secondary_capture(self) -> bool:
        """Whether it was made by a workstation (or ITK's writer), not a scanner."""
        return self.sop_class.startswith(_SECONDARY_CAPTURE)

    @property
    def why_not_a_slice(self) -> str | None:
        """Why it cannot be part of a volume; None when it can."""
        has_geometry = self.position_lps_mm is not None and self.directions is not None
        reasons = {
            "not an image": self.rows < 1 or self.columns < 1,
            "segmentation": self.modality == "SEG",
            "colour picture": self.is_colour,
            "localizer": "LOCALIZER" in self.image_type,
            "Siemens mosaic": "MOSAIC" in self.image_type,
            "film of frames without positions": self.frame_count > 1,
            "secondary capture": self.is_secondary_capture and not has_geometry,
            "projection or picture without position": not has_geometry
            and self.modality not in _TOMOGRAPHIC,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)


def read_headers(path: Path, start: bytes = b"") -> tuple[SliceHeader, ...]:
    """Headers of every slice in a DICOM file, its pixels left unread.

    None for a DICOMDIR.

    Args:
        path: The file.
        start: Its first bytes, where they were read before; most headers are in them.

    Raises:
        UnusableInput: TRUNCATED_FILE when the header is cut off or damaged,
            INVALID_HEADER when it has another number of frames than it describes,
            NOT_READABLE when the system does not give it, TOO_LARGE when it is
            deflated and inflates to more than is believed.
    """
    with dicom_damage(path):
        data, pixels = _from_start(start) or _from_file(path)
        if _DIRECTORY in (_media_class(data), str(data.get("SOPClassUID", ""))):
            return ()
        if not data.get("SeriesInstanceUID"):
            raise damaged("it has no SeriesInstanceUID", path)
        layout = layout_of(data, pixels)
        if _is_image(data):
            if pixels is None and not layout.is_deflated:
                raise damaged("it ends before its pixels", path)
            if layout.rows < 1 or layout.columns < 1:
                raise damaged("it has no usable Rows and Columns", path)
        return _slices(data, path, layout)


def _from_start(start: bytes) -> _Header | None:
    """A header that ends within the first bytes of a file; None for any other."""
    try:
        data, pixels = _read(BytesIO(start))
    except UNREADABLE_DICOM:
        return None
    return None if pixels is None else (data, pixels)


def _from_file(path: Path) -> _Header:
    with path.open("rb") as stream:
        require_believable_inflation(stream, path)
        return _read(stream)


def _read(stream: BinaryIO) -> _Header:
    data = pydicom.dcmread(
        stream, stop_before_pixels=True, specific_tags=list(_KEYWORDS)
    )
    return data, find_pixels(stream, syntax_of(data))


def _media_class(data: Dataset) -> str:
    return str(data.file_meta.get("MediaStorageSOPClassUID", ""))


def _is_image(data: Dataset) -> bool:
    """Whether it is of one of DICOM's classes of images, which have pixels."""
    sop_class = str(data.get("SOPClassUID", "")) or _media_class(data)
    return "Image Storage" in UID(sop_class, validation_mode=IGNORE).name


def _slices(data: Dataset, path: Path, layout: PixelLayout) -> tuple[SliceHeader, ...]:
    frames = data.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        return (_slice(data, [data], path, layout, frame=0),)
    if len(frames) != layout.frames and data.get("Modality") != "SEG":
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            f"it has {layout.frames} frames and describes {len(frames)}",
            where=path,
            remedy="Export the series again.",
        )
    shared = list(data.get("SharedFunctionalGroupsSequence") or [])
    return tuple(
        _slice(data, [*_macros(own, shared), data], path, layout, frame=number)
        for number, own in enumerate(frames)
    )


def _macros(own: Dataset, shared: Sequence[Dataset]) -> list[Dataset]:
    """Functional groups of a frame, its own before those it shares with others."""
    keywords = (
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
        "FrameContentSequence",
        "MREchoSequence",
        "MRDiffusionSequence",
    )
    return [
        item
        for group in (own, *shared)
        for keyword in keywords
        for item in group.get(keyword) or []
    ]


def _slice(
    data: Dataset,
    sources: list[Dataset],
    path: Path,
    layout: PixelLayout,
    *,
    frame: int,
) -> SliceHeader:
    spacing_mm = numbers(sources, "PixelSpacing", 2) or (0.0, 0.0)
    row_spacing_mm, column_spacing_mm = spacing_mm
    photometric = str(data.get("PhotometricInterpretation") or "MONOCHROME2")
    return SliceHeader(
        path=path,
        frame=frame,
        series_uid=str(data.SeriesInstanceUID),
        modality=known_modality(str(data.get("Modality", ""))),
        description=str(data.get("SeriesDescription", "")),
        image_type=tuple(str(word).upper() for word in many(data.get("ImageType"))),
        sop_class=str(data.get("SOPClassUID", "")),
        layout=layout,
        is_colour=whole(data, "SamplesPerPixel", 1) > 1
        or not photometric.startswith("MONOCHROME"),
        is_inverted=photometric == "MONOCHROME1",
        position_lps_mm=numbers(sources, "ImagePositionPatient", 3),
        directions=numbers(sources, "ImageOrientationPatient", 6),
        row_spacing_mm=row_spacing_mm,
        column_spacing_mm=column_spacing_mm,
        slope=factor(sources, "RescaleSlope", 1.0),
        intercept=factor(sources, "RescaleIntercept", 0.0),
        has_rescale=is_there(sources, "RescaleSlope")
        and is_there(sources, "RescaleIntercept"),
        has_table=is_there([data], "ModalityLUTSequence"),
        moment=tuple(first(sources, keyword) for keyword in MOMENT_KEYWORDS),
        frame_count=1 if "PerFrameFunctionalGroupsSequence" in data else layout.frames,
    )
