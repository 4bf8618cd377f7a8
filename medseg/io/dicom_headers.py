"""DICOM headers: what is known of each slice before its pixels are read."""

import logging
import math
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.checks import not_readable
from medseg.io.dicom_encoding import (
    PixelLayout,
    require_believable_inflation,
    syntax_of,
)
from medseg.io.plain_pixels import PIXEL_KEYWORDS, PlainPixels, find_plain_pixels

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_DIRECTORY = "1.2.840.10008.1.3.10"
_TOMOGRAPHIC = {"CT", "MR", "PT"}
UNREADABLE_DICOM = (
    *(InvalidDicomError, BytesLengthException, EOFError, OSError, struct.error),
    *(ValueError, KeyError, AttributeError, NotImplementedError, OverflowError),
    *(TypeError, IndexError, RecursionError, zlib.error),
)
"""What pydicom raises on damaged files; it has no common type for them."""

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
        slope: Factor from stored to true values.
        intercept: What is added after it.
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
    with quiet_pydicom():
        try:
            require_believable_inflation(path)
            with path.open("rb") as stream:
                data = pydicom.dcmread(
                    stream, stop_before_pixels=True, specific_tags=list(_KEYWORDS)
                )
                plain = find_plain_pixels(stream, data)
            media_class = str(data.file_meta.get("MediaStorageSOPClassUID", ""))
            if _DIRECTORY in (media_class, str(data.get("SOPClassUID", ""))):
                return ()
            if not data.get("SeriesInstanceUID"):
                raise _damaged("it has no SeriesInstanceUID", path)
            return _slices(data, path, plain)
        except UnusableInput:
            raise
        except UNREADABLE_DICOM as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise not_readable(error, path) from error
            # pydicom's own words may quote what the header says of the patient.
            raise _damaged(f"pydicom: {type(error).__name__}", path) from error


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom's remarks on values that break the standard to itself.

    What matters is checked here and raised as an error. Its log quotes the patient.
    """
    others_only = logging.Filter("medseg")
    log = logging.getLogger("pydicom")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.addFilter(others_only)
        try:
            yield
        finally:
            log.removeFilter(others_only)


def _slices(
    data: Dataset, path: Path, plain: PlainPixels | None
) -> tuple[SliceHeader, ...]:
    frames = data.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        count = _whole(data, "NumberOfFrames", 1)
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
    row_spacing_mm, column_spacing_mm = _numbers(sources, "PixelSpacing", 2) or (
        0.0,
        0.0,
    )
    slope = _numbers(sources, "RescaleSlope", 1)
    intercept = _numbers(sources, "RescaleIntercept", 1)
    photometric = str(data.get("PhotometricInterpretation", ""))
    return SliceHeader(
        path=path,
        frame=frame,
        series_uid=str(data.SeriesInstanceUID),
        modality=str(data.get("Modality", "")),
        description=str(data.get("SeriesDescription", "")),
        image_type=tuple(str(word).upper() for word in _many(data.get("ImageType"))),
        sop_class=str(data.get("SOPClassUID", "")),
        rows=_whole(data, "Rows", 0),
        columns=_whole(data, "Columns", 0),
        bits=_whole(data, "BitsAllocated", 0),
        syntax=syntax_of(data),
        is_colour=_whole(data, "SamplesPerPixel", 1) > 1
        or not photometric.startswith("MONOCHROME"),
        is_inverted=photometric == "MONOCHROME1",
        position_lps_mm=_numbers(sources, "ImagePositionPatient", 3),
        directions=_numbers(sources, "ImageOrientationPatient", 6),
        row_spacing_mm=row_spacing_mm,
        column_spacing_mm=column_spacing_mm,
        slope=slope[0] if slope else 1.0,
        intercept=intercept[0] if intercept else 0.0,
        has_rescale=slope is not None and intercept is not None,
        moment=tuple(_first(sources, keyword) for keyword in MOMENT_KEYWORDS),
        frame_count=frame_count,
    )


def _numbers(
    sources: list[Dataset], keyword: str, count: int
) -> tuple[float, ...] | None:
    """Values of the first source that has them; None unless all are finite."""
    for source in sources:
        try:
            values = [float(value) for value in _many(source.get(keyword))]
        except (ValueError, TypeError):
            return None
        if values:
            is_usable = len(values) == count and all(map(math.isfinite, values))
            return tuple(values) if is_usable else None
    return None


def _whole(data: Dataset, keyword: str, default: int) -> int:
    """A whole number; the default where there is none or something else."""
    values = _numbers([data], keyword, 1)
    return int(values[0]) if values else default


def _first(sources: list[Dataset], keyword: str) -> str:
    return next((str(s.get(keyword)) for s in sources if keyword in s), "")


def _many(value: Any) -> Sequence[Any]:
    if value is None or value == "":
        return ()
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return value if is_list else (value,)


def _damaged(what: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.TRUNCATED_FILE,
        f"the DICOM header is cut off or damaged: {what}",
        where=path,
        remedy="Copy or export the series again.",
    )
