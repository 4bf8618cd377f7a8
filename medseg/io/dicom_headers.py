"""DICOM headers: what is known of each slice before its pixels are read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from medseg.io.dicom_damage import damaged, dicom_damage
from medseg.io.dicom_encoding import (
    PixelLayout,
    require_believable_inflation,
    syntax_of,
)
from medseg.io.dicom_values import factor, first, is_there, many, numbers, whole
from medseg.io.plain_pixels import PIXEL_KEYWORDS, PlainPixels, find_plain_pixels

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
    *("Modality", "ImageType", "Rows", "Columns", "NumberOfFrames"),
    *("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("RescaleSlope", "RescaleIntercept"),
    *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"),
    *MOMENT_KEYWORDS,
    *PIXEL_KEYWORDS,
)


@dataclass(frozen=True, kw_only=True)
class SliceHeader:
    """One slice: a file, or a frame of an enhanced multi-frame file.

    Attributes:
        path: File it is in.
        frame: Number within the file, from 0.
        series_uid: SeriesInstanceUID.
        modality: "CT", "MR" ...
        description: SeriesDescription; may be shown to the user, never stored.
        image_type: Words of ImageType.
        sop_class: SOPClassUID.
        rows: Pixels along j.
        columns: Pixels along i.
        bits: Bits that a stored pixel takes.
        syntax: UID of the encoding; empty where not given.
        is_colour: Whether a pixel is more than one number.
        is_inverted: MONOCHROME1: the smallest value is meant to be shown white.
        position_lps_mm: Centre of the first pixel, where given.
        directions: Direction cosines of a row and of a column in LPS, where given.
        row_spacing_mm: Distance between rows; 0 where not given.
        column_spacing_mm: Distance between columns; 0 where not given.
        slope: Factor from stored to true values; NaN where it is no number.
        intercept: What is added after it; NaN where it is no number.
        has_rescale: Whether slope and intercept were in the header.
        moment: What tells repeated stacks apart: time, echo, b-value ...
        frame_count: Frames in the file without positions of their own, else 1.
        plain: Where its pixels are, if they can be read as they lie in the file.
    """

    path: Path
    frame: int
    series_uid: str
    modality: str
    description: str
    image_type: tuple[str, ...]
    sop_class: str
    rows: int
    columns: int
    bits: int
    syntax: str
    is_colour: bool
    is_inverted: bool
    position_lps_mm: tuple[float, ...] | None
    directions: tuple[float, ...] | None
    row_spacing_mm: float
    column_spacing_mm: float
    slope: float
    intercept: float
    has_rescale: bool
    moment: tuple[str, ...]
    frame_count: int
    plain: PlainPixels | None = None

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return (
            f"{self.path.name} frame {self.frame + 1}"
            if self.frame
            else (self.path.name)
        )

    @property
    def layout(self) -> PixelLayout:
        """How its pixels are stored."""
        return PixelLayout(
            syntax=self.syntax,
            rows=self.rows,
            columns=self.columns,
            bits=self.bits,
            plain=self.plain,
        )

    @property
    def is_secondary_capture(self) -> bool:
        """Whether it was made by a workstation (or ITK's writer), not a scanner."""
        return self.sop_class.startswith(_SECONDARY_CAPTURE)

    @property
    def why_not_a_slice(self) -> str | None:
        """Why it cannot be part of a volume; None when it can."""
        has_geometry = self.position_lps_mm is not None and self.directions is not None
        reasons = {
            "not an image": not (self.rows and self.columns),
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


def read_headers(path: Path) -> tuple[SliceHeader, ...]:
    """Headers of every slice in a DICOM file, its pixels left unread.

    None for a DICOMDIR.

    Raises:
        UnusableInput: TRUNCATED_FILE when the header is cut off or damaged,
            NOT_READABLE when the system does not give it, TOO_LARGE when it is
            deflated and inflates to more than is believed.
    """
    with dicom_damage(path):
        with path.open("rb") as stream:
            require_believable_inflation(stream, path)
            data = pydicom.dcmread(
                stream, stop_before_pixels=True, specific_tags=list(_KEYWORDS)
            )
            plain = find_plain_pixels(stream, data)
        media_class = str(data.file_meta.get("MediaStorageSOPClassUID", ""))
        if _DIRECTORY in (media_class, str(data.get("SOPClassUID", ""))):
            return ()
        if not data.get("SeriesInstanceUID"):
            raise damaged("it has no SeriesInstanceUID", path)
        return _slices(data, path, plain)


def _slices(
    data: Dataset, path: Path, plain: PlainPixels | None
) -> tuple[SliceHeader, ...]:
    frames = data.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        count = whole(data, "NumberOfFrames", 1)
        only = _slice(data, [data], path, frame=0, frame_count=count)
        return (replace(only, plain=plain),)
    shared = list(data.get("SharedFunctionalGroupsSequence") or [])
    return tuple(
        _slice(data, [*_macros(own, shared), data], path, frame=number, frame_count=1)
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
    data: Dataset, sources: list[Dataset], path: Path, *, frame: int, frame_count: int
) -> SliceHeader:
    spacing_mm = numbers(sources, "PixelSpacing", 2) or (0.0, 0.0)
    row_spacing_mm, column_spacing_mm = spacing_mm
    photometric = str(data.get("PhotometricInterpretation", ""))
    return SliceHeader(
        path=path,
        frame=frame,
        series_uid=str(data.SeriesInstanceUID),
        modality=str(data.get("Modality", "")),
        description=str(data.get("SeriesDescription", "")),
        image_type=tuple(str(word).upper() for word in many(data.get("ImageType"))),
        sop_class=str(data.get("SOPClassUID", "")),
        rows=whole(data, "Rows", 0),
        columns=whole(data, "Columns", 0),
        bits=whole(data, "BitsAllocated", 0),
        syntax=syntax_of(data),
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
        moment=tuple(first(sources, keyword) for keyword in MOMENT_KEYWORDS),
        frame_count=frame_count,
    )
