"""Every volume under a folder, told from the headers alone."""

from dataclasses import dataclass, replace
from pathlib import Path

from medseg.core.errors import ErrorCode, MedSegError, UnusableInput
from medseg.core.geometry import Geometry, Spacing
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.io.checks import not_readable, reading_errors, require_there
from medseg.io.dicom import DicomSeries, scan_dicom
from medseg.io.file_kinds import FileKind, files_below, kind_of_file
from medseg.io.itk import read_itk_header
from medseg.io.nifti import read_nifti_geometry


@dataclass(frozen=True, kw_only=True)
class VolumeInfo:
    """What the headers say of one volume.

    Attributes:
        path: Its file, or the folder of its series.
        kind: Format; DICOM for a file or folder that cannot be opened at all.
        series_uid: SeriesInstanceUID; empty unless DICOM.
        modality: As DICOM gives it; empty unless DICOM.
        description: SeriesDescription; for the user's screen only.
        shape: Voxels along i, j, k (and channels); empty where unknown.
        spacing_mm: Along i, j, k; None where unknown.
        orientation: As "LPS"; empty where unknown.
        slices: Number of slices found.
        problems: What keeps it from being read, as "CODE: what"; empty if nothing.
    """

    path: Path
    kind: FileKind
    series_uid: str = ""
    modality: str = ""
    description: str = ""
    shape: tuple[int, ...] = ()
    spacing_mm: Spacing | None = None
    orientation: str = ""
    slices: int = 0
    problems: tuple[str, ...] = ()


def find_volumes(
    path: Path | str, on_progress: ProgressCallback = ignore_progress
) -> tuple[VolumeInfo, ...]:
    """Describe every volume under a folder (or in a file), reading headers only.

    What is wrong with a volume is told in `problems`, never raised.

    Raises:
        UnusableInput: NOT_FOUND, EMPTY_FOLDER when there is no image at all, or
            NOT_AN_IMAGE for a file of no known format.
    """
    path = Path(path)
    require_there(path)
    refused: list[OSError] = []
    files = files_below(path, refused.append)
    kinds = {file: _kind(file) for file in files}
    dicom = [f for f, kind in kinds.items() if kind in (FileKind.DICOM, None)]
    found = scan_dicom(dicom, on_progress)
    closed = [not_readable(error, path) for error in refused]
    infos = [_from_series(series) for series in found.series]
    infos += [_from_damaged(error) for error in (*found.damaged, *closed)]
    infos += [
        _from_file(file, kind)
        for file, kind in kinds.items()
        if kind is not None and kind is not FileKind.DICOM
    ]
    on_progress(Progress(stage="looking", done=len(files), total=len(files)))
    if not infos:
        raise UnusableInput(
            ErrorCode.EMPTY_FOLDER if path.is_dir() else ErrorCode.NOT_AN_IMAGE,
            "there is no image here",
            where=path,
            remedy="Give a DICOM folder, or a NIfTI, NRRD or MHA file.",
        )
    return tuple(sorted(infos, key=lambda info: (str(info.path), info.series_uid)))


def _kind(file: Path) -> FileKind | None:
    """Format of a file; None where the file cannot be opened, which is told later."""
    try:
        return kind_of_file(file)
    except OSError:
        return None


def _from_damaged(error: UnusableInput) -> VolumeInfo:
    return VolumeInfo(
        path=Path(error.where), kind=FileKind.DICOM, problems=(_problem(error),)
    )


def _from_series(series: DicomSeries) -> VolumeInfo:
    info = VolumeInfo(
        path=series.folder,
        kind=FileKind.DICOM,
        series_uid=series.uid,
        modality=series.modality,
        description=series.description,
        slices=len(series.slices),
    )
    try:
        geometry = series.stack().geometry
    except MedSegError as error:
        return replace(info, problems=(_problem(error),))
    return _placed(info, geometry.shape, geometry)


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


def _problem(error: MedSegError) -> str:
    return f"{error.code}: {error.what}"
