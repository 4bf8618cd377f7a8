"""Every volume under a folder, told from the headers alone."""

from dataclasses import dataclass, replace
from pathlib import Path

from medseg.core.errors import ErrorCode, MedSegError, UnusableInput
from medseg.core.geometry import Geometry, Spacing
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.io.checks import not_readable, reading_errors, require_there
from medseg.io.dicom.damage import UNREADABLE_DICOM
from medseg.io.dicom.headers import read_headers
from medseg.io.dicom.series import DicomFolder, DicomSeries, scan_dicom
from medseg.io.file_kinds import (
    FileKind,
    SegmentationFormat,
    files_below,
    files_beside,
    format_of_sop_class,
    kind_of_name,
)
from medseg.io.nifti.files import read_nifti_geometry
from medseg.io.nrrd_mha.files import read_itk_header


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What keeps a volume from being read.

    Attributes:
        code: Its stable name.
        what: What is wrong, in words.
        remedy: What can be done about it.
    """

    code: ErrorCode
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.code}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class VolumeInfo:
    """What the headers say of one volume, or of a label map.

    Attributes:
        path: Its file, or the folder of its series.
        kind: Format; of a label map in DICOM its own one, which `read_segmentation`
            takes. DICOM for a file or folder that cannot be opened at all.
        series_uid: SeriesInstanceUID; empty unless DICOM.
        modality: DICOM's code of it; empty unless DICOM, and where it is none.
        description: SeriesDescription; for the user's screen only.
        shape: Voxels along i, j, k (and channels); empty where unknown.
        spacing_mm: Along i, j, k; None where unknown.
        orientation: As "LPS"; empty where unknown.
        slices: Number of slices found.
        time_points: Volumes of the same place in it (times, echoes, b-values).
        problems: What keeps it from being read; empty if nothing.
    """

    path: Path
    kind: FileKind | SegmentationFormat
    series_uid: str = ""
    modality: str = ""
    description: str = ""
    shape: tuple[int, ...] = ()
    spacing_mm: Spacing | None = None
    orientation: str = ""
    slices: int = 0
    time_points: int = 1
    problems: tuple[Problem, ...] = ()

    @property
    def is_label_map(self) -> bool:
        """Whether it is a label map in DICOM; other formats do not say so."""
        return isinstance(self.kind, SegmentationFormat)

    @property
    def is_usable(self) -> bool:
        """Whether nothing in its header keeps it from being read."""
        return not self.problems


def find_volumes(
    path: Path | str, on_progress: ProgressCallback = ignore_progress
) -> tuple[VolumeInfo, ...]:
    """Describe every volume under a folder (or in a file), reading headers only.

    What is wrong with a volume is told in `problems`, never raised. Of one slice of a
    DICOM series the whole series is described.

    Raises:
        UnusableInput: NOT_FOUND, EMPTY_FOLDER when there is no image at all, or
            NOT_AN_IMAGE for a file of no known format.
    """
    path = Path(path)
    require_there(path)
    refused: list[OSError] = []
    files = files_below(path, refused.append)
    named = {file: kind for file in files if (kind := kind_of_name(file))}
    unnamed = [file for file in files if file not in named]
    found = (
        _scan_around(path, on_progress)
        if unnamed == [path]
        else scan_dicom(unnamed, on_progress)
    )
    closed = [not_readable(error, path) for error in refused]
    infos = [info for series in found.series for info in _from_series(series)]
    infos += [_from_damaged(error) for error in (*found.damaged, *closed)]
    infos += [_from_file(*each) for each in (*named.items(), *found.others.items())]
    on_progress(Progress(stage="looking", done=len(files), total=len(files)))
    if not infos:
        raise UnusableInput(
            ErrorCode.EMPTY_FOLDER if path.is_dir() else ErrorCode.NOT_AN_IMAGE,
            "there is no image here",
            where=path,
            remedy="Give a DICOM folder, or a NIfTI, NRRD or MHA file.",
        )
    return tuple(sorted(infos, key=lambda info: (str(info.path), info.series_uid)))


def _scan_around(path: Path, on_progress: ProgressCallback) -> DicomFolder:
    """The series of one DICOM file; a damaged file beside it is not its problem."""
    alone = scan_dicom([path])
    uids = {series.uid for series in alone.series}
    if not uids or len(read_headers(path)) > 1:
        return alone
    found = scan_dicom(files_beside(path), on_progress)
    return DicomFolder(
        series=tuple(series for series in found.series if series.uid in uids),
        damaged=(),
    )


def _from_damaged(error: UnusableInput) -> VolumeInfo:
    return VolumeInfo(
        path=Path(error.where), kind=FileKind.DICOM, problems=(_problem(error),)
    )


def _from_series(series: DicomSeries) -> list[VolumeInfo]:
    """A series is one volume, but each label map is a file of its own."""
    label_format = format_of_sop_class(series.sop_class)
    if label_format is not None:
        return [
            VolumeInfo(
                path=file,
                kind=label_format,
                series_uid=series.uid,
                modality=series.modality,
                description=series.description,
            )
            for file in series.files
        ]
    info = VolumeInfo(
        path=series.folder,
        kind=FileKind.DICOM,
        series_uid=series.uid,
        modality=series.modality,
        description=series.description,
        slices=len(series.slices),
    )
    try:
        info = replace(info, time_points=series.time_points)
        geometry = series.stack().geometry
    except MedSegError as error:
        return [replace(info, problems=(_problem(error),))]
    except UNREADABLE_DICOM as error:  # one such series does not hide the others
        return [replace(info, problems=(_unexpected(error),))]
    return [_placed(info, geometry.shape, geometry)]


def _from_file(file: Path, kind: FileKind) -> VolumeInfo:
    info = VolumeInfo(path=file, kind=kind)
    try:
        with reading_errors(file):
            header = (
                read_nifti_geometry(file)
                if kind is FileKind.NIFTI
                else read_itk_header(file)
            )
    except MedSegError as error:
        return replace(info, problems=(_problem(error),))
    return _placed(info, header.shape, header.geometry)


def _placed(info: VolumeInfo, shape: tuple[int, ...], geometry: Geometry) -> VolumeInfo:
    return replace(
        info,
        shape=shape,
        spacing_mm=geometry.spacing_mm,
        orientation=geometry.orientation,
        slices=shape[2],
    )


def _unexpected(error: Exception) -> Problem:
    return Problem(
        code=ErrorCode.INVALID_HEADER,
        what=f"its headers hold what no scan has ({type(error).__name__})",
        remedy="Export the series again.",
    )


def _problem(error: MedSegError) -> Problem:
    return Problem(code=error.code, what=error.what, remedy=error.remedy)
