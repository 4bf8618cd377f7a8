"""The scan that the contours of an RTSTRUCT were drawn on."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.volume import SourceSlice, Volume
from medseg.io.dicom.damage import dicom_damage
from medseg.io.dicom.series import DicomSeries, scan_dicom
from medseg.io.file_kinds import files_beside, is_hidden

_UNMATCHED = (
    "the images it refers to are not those of the scan: slices were found by position"
)
_UNKNOWN = (
    "the scan given names no DICOM images to compare with those it refers to: slices "
    "were found by position"
)


@dataclass(frozen=True, eq=False, kw_only=True)
class ContouredScan:
    """Where contours belong.

    Attributes:
        geometry: Grid of the scan.
        notes: How it was found, where not by what the RTSTRUCT refers to.
    """

    geometry: Geometry
    notes: tuple[str, ...]


def scan_of_contours(data: Dataset, path: Path, scan: Volume | None) -> ContouredScan:
    """The scan given, else the one beside the file that it refers to.

    Without a match the only series beside it is taken, and this is noted: whether its
    slices are where the contours are is checked by whoever places the contours.

    Args:
        data: The RTSTRUCT.
        path: Where it is. Its folder is searched, then those in it, then those beside
            it.
        scan: The scan, if the caller has it.

    Raises:
        UnusableInput: NOT_FOUND when there is no such scan, or what is wrong with it.
    """
    wanted = _referenced(data)
    if scan is not None:
        return ContouredScan(geometry=scan.geometry, notes=_doubts(wanted, scan))
    others: list[DicomSeries] = []
    for files in _near(path.resolve()):
        found = [series for series in scan_dicom(files).series if series.is_volume]
        for series in found:
            if series.uid in wanted or wanted & _uids(_slices(series)):
                return ContouredScan(geometry=series.stack().geometry, notes=())
        others = others or [each for each in found if _is_of(each, data)]
    if len(others) == 1:
        return ContouredScan(geometry=others[0].stack().geometry, notes=(_UNMATCHED,))
    raise UnusableInput(
        ErrorCode.NOT_FOUND,
        "the scan it was drawn on is not beside it"
        + (f"; {len(others)} other series are" if others else ""),
        where=path,
        remedy="Put the series into its folder or one beside it, or give the scan too "
        "(evaluate: --images; Python: source=).",
    )


def _doubts(wanted: set[str], scan: Volume) -> tuple[str, ...]:
    """Whether a scan that is given is the one that contours refer to."""
    if not scan.source:
        return (_UNKNOWN,)
    return () if wanted & _uids(scan.source) else (_UNMATCHED,)


def _near(path: Path) -> Iterator[list[Path]]:
    """Files where a scan is looked for, from near to far; never a whole disk."""
    yield files_beside(path)
    yield _files_in(path.parent)
    yield _files_in(path.parent.parent)


def _files_in(parent: Path) -> list[Path]:
    """Files in the folders of a folder, but not deeper."""
    found: list[Path] = []
    for folder in sorted(parent.iterdir()):
        if folder.is_dir() and not is_hidden(folder.name):
            with suppress(PermissionError):
                found += [file for file in sorted(folder.iterdir()) if file.is_file()]
    return found


def _referenced(data: Dataset) -> set[str]:
    """UIDs of the series and images that an RTSTRUCT refers to."""
    as_a_whole = {str(uid) for uid in _series_and_images(data)} - {""}
    return as_a_whole or {str(uid) for uid in _images_of_contours(data)} - {""}


def _series_and_images(data: Dataset) -> Iterator[str]:
    for frame in data.get("ReferencedFrameOfReferenceSequence") or []:
        for study in frame.get("RTReferencedStudySequence") or []:
            for series in study.get("RTReferencedSeriesSequence") or []:
                yield series.get("SeriesInstanceUID", "")
                yield from _images(series)


def _images_of_contours(data: Dataset) -> Iterator[str]:
    for roi in data.get("ROIContourSequence") or []:
        for contour in roi.get("ContourSequence") or []:
            yield from _images(contour)


def _images(item: Dataset) -> Iterator[str]:
    for image in item.get("ContourImageSequence") or []:
        yield image.get("ReferencedSOPInstanceUID", "")


def _is_of(series: DicomSeries, data: Dataset) -> bool:
    """Whether a series is, as far as is known, of the patient of an RTSTRUCT."""
    path = series.slices[0].path
    with dicom_damage(path):
        header = pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=["PatientID"]
        )
    ids = {str(each.get("PatientID") or "") for each in (header, data)} - {""}
    return len(ids) < 2


def _slices(series: DicomSeries) -> Sequence[SourceSlice]:
    return [
        SourceSlice(path=header.path, frame=header.frame) for header in series.slices
    ]


def _uids(slices: Sequence[SourceSlice]) -> set[str]:
    """UIDs of the images, and of their series."""
    found = set()
    for path in {each.path for each in slices}:
        with dicom_damage(path):
            header = pydicom.dcmread(
                path,
                stop_before_pixels=True,
                specific_tags=["SOPInstanceUID", "SeriesInstanceUID"],
            )
        found |= {str(header.SOPInstanceUID), str(header.SeriesInstanceUID)}
    return found
