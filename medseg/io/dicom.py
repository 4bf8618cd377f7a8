"""DICOM series -> volumes."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.volume import SourceSlice, Volume
from medseg.io.checks import not_readable, sha256_of_all
from medseg.io.dicom_geometry import MIN_SLICES, Stack, regular_stack
from medseg.io.dicom_headers import SliceHeader, read_headers
from medseg.io.dicom_pixels import read_intensities
from medseg.io.file_kinds import (
    DICOM_SUFFIXES,
    files_below,
    files_beside,
    is_dicom,
)


@dataclass(frozen=True, kw_only=True)
class DicomSeries:
    """The files of one SeriesInstanceUID under a folder.

    Attributes:
        uid: SeriesInstanceUID.
        folder: Folder they lie in, the innermost that holds all of them.
        modality: "CT", "MR" ...
        description: SeriesDescription; may be shown to the user, never stored.
        slices: What can be part of a volume.
        left_out: What cannot, with the reason and how many.
    """

    uid: str
    folder: Path
    modality: str
    description: str
    slices: tuple[SliceHeader, ...]
    left_out: tuple[str, ...]

    @property
    def is_volume(self) -> bool:
        """Whether there are slices enough; whether they are regular is not said."""
        return len(self.slices) >= MIN_SLICES

    def stack(self) -> Stack:
        """Its slices as one regular volume.

        Raises:
            UnusableInput: NOT_A_VOLUME, or what `regular_stack` finds.
        """
        if not self.slices:
            raise UnusableInput(
                ErrorCode.NOT_A_VOLUME,
                f"the series holds no slices of a volume ({', '.join(self.left_out)})",
                where=self.folder,
                remedy="Give a CT, MR or PET series with positions.",
            )
        return regular_stack(self.slices, self.folder)

    def __str__(self) -> str:
        named = f" {self.description!r}" if self.description else ""
        return f"{self.uid} ({self.modality}{named}, {len(self.slices)} slices)"


@dataclass(frozen=True, kw_only=True)
class DicomFolder:
    """What was found under a folder.

    Attributes:
        series: By ascending uid.
        damaged: Why each file whose header cannot be read cannot be read.
    """

    series: tuple[DicomSeries, ...]
    damaged: tuple[UnusableInput, ...]


def read_dicom_series(path: Path, series: str | None = None) -> Volume:
    """Read one series as a volume in RAS; CT in HU.

    Args:
        path: A folder, searched with all below it, or one file of a series (the
            other files are looked for beside it).
        series: SeriesInstanceUID, or a beginning or end of it that only one has.

    Raises:
        WrongUse: SEVERAL_SERIES when there is a choice to make, UNKNOWN_SERIES.
        UnusableInput: What keeps the series from being one regular volume.
    """
    found = scan_dicom(_files_of(path))
    if path.is_file() and series is None:
        series = _uid_of(path)
    return read_series(choose_series(found, series, path), found)


def read_series(chosen: DicomSeries, found: DicomFolder) -> Volume:
    """Read a series that `scan_dicom` found.

    Raises:
        UnusableInput: What keeps the series from being one regular volume.
    """
    folders = {str(header.path.parent) for header in chosen.slices}
    for error in found.damaged:
        if str(Path(error.where).parent) in folders:
            raise error
    stack = chosen.stack()
    array, notes = read_intensities(stack, chosen.folder)
    left_out = tuple(f"left out: {reason}" for reason in chosen.left_out)
    return Volume(
        array=array[None],
        geometry=stack.geometry,
        channels=(chosen.modality or "image",),
        case_id=case_id_of_series(chosen.uid),
        sha256=sha256_of_all({header.path for header in chosen.slices}),
        notes=(*left_out, *stack.notes, *notes),
        source=source_slices(stack),
    )


def source_slices(stack: Stack) -> tuple[SourceSlice, ...]:
    """Where each slice of a stack is; the first of those at one position."""
    return tuple(
        SourceSlice(path=group[0].path, frame=group[0].frame)
        for group in stack.positions
    )


def scan_dicom(
    files: Sequence[Path], on_progress: ProgressCallback = ignore_progress
) -> DicomFolder:
    """Read the headers of the DICOM files among some files and sort them by series."""
    headers: list[SliceHeader] = []
    damaged: list[UnusableInput] = []
    for number, file in enumerate(files):
        on_progress(Progress(stage="looking", done=number, total=len(files)))
        try:
            if is_dicom(file):
                headers += read_headers(file)
            elif file.suffix.lower() in DICOM_SUFFIXES:
                damaged.append(_not_dicom(file))
        except UnusableInput as error:
            damaged.append(error)
        except OSError as error:
            damaged.append(not_readable(error, file))
    uids = sorted({header.series_uid for header in headers})
    return DicomFolder(
        series=tuple(
            _series(uid, [h for h in headers if h.series_uid == uid]) for uid in uids
        ),
        damaged=tuple(damaged),
    )


def choose_series(found: DicomFolder, wanted: str | None, where: Path) -> DicomSeries:
    """The series wanted, or the only one that may be a volume.

    Raises:
        WrongUse: SEVERAL_SERIES or UNKNOWN_SERIES.
        UnusableInput: NOT_A_VOLUME when none may be a volume.
    """
    volumes = [series for series in found.series if series.is_volume]
    if wanted is not None:
        return _matching(found, volumes, wanted, where)
    if len(volumes) == 1:
        return volumes[0]
    if volumes:
        raise WrongUse(
            ErrorCode.SEVERAL_SERIES,
            f"the folder holds {len(volumes)} series: {_listed(volumes)}",
            where=where,
            remedy="Choose one with --series and its UID (an unambiguous end will do).",
        )
    if found.damaged:
        raise found.damaged[0]
    reasons = [reason for series in found.series for reason in series.left_out]
    reasons += [f"{len(each.slices)} slice(s)" for each in found.series if each.slices]
    raise UnusableInput(
        ErrorCode.NOT_A_VOLUME,
        f"no series here is a volume ({', '.join(reasons)})",
        where=where,
        remedy="Give a CT, MR or PET series with the positions of its slices.",
    )


def case_id_of_series(uid: str) -> str:
    """Name of the case a series is; says nothing of the patient."""
    return "series-" + hashlib.sha256(uid.encode()).hexdigest()[:12]


def _matching(
    found: DicomFolder, volumes: list[DicomSeries], wanted: str, where: Path
) -> DicomSeries:
    exact = [series for series in found.series if series.uid == wanted]
    part = [s for s in volumes if s.uid.startswith(wanted) or s.uid.endswith(wanted)]
    matching = exact or (part if wanted else [])
    if len(matching) == 1:
        return matching[0]
    what = "fits several series" if matching else "is not the UID of a series here"
    raise WrongUse(
        ErrorCode.UNKNOWN_SERIES,
        f"{wanted!r} {what}; there are {_listed(matching or volumes) or 'none'}",
        where=where,
        remedy="Give the whole UID of one of them.",
    )


def _listed(series: Iterable[DicomSeries]) -> str:
    return "; ".join(str(each) for each in series)


def _series(uid: str, headers: Sequence[SliceHeader]) -> DicomSeries:
    usual_class, _ = Counter(header.sop_class for header in headers).most_common(1)[0]
    reasons = {
        (header.path, header.frame): header.why_not_a_slice
        or (None if header.sop_class == usual_class else "image of another kind")
        for header in headers
    }
    counted = Counter(reason for reason in reasons.values() if reason)
    parents = [header.path.parent for header in headers]
    shared = next(
        folder
        for folder in (parents[0], *parents[0].parents)
        if all(parent.is_relative_to(folder) for parent in parents)
    )
    return DicomSeries(
        uid=uid,
        folder=shared,
        modality=headers[0].modality,
        description=headers[0].description,
        slices=tuple(h for h in headers if reasons[h.path, h.frame] is None),
        left_out=tuple(f"{count} x {reason}" for reason, count in counted.items()),
    )


def _files_of(path: Path) -> list[Path]:
    """Files to look through: those below a folder, or those beside a file.

    An enhanced multi-frame file is a series by itself.
    """
    if path.is_dir():
        return files_below(path)
    if len(read_headers(path)) > 1:
        return [path]
    return files_beside(path)


def _uid_of(path: Path) -> str | None:
    headers = read_headers(path)
    return headers[0].series_uid if headers else None


def _not_dicom(path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.TRUNCATED_FILE,
        "it is named as a DICOM file but is not one, or is cut off",
        where=path,
        remedy="Copy or export the series again.",
    )
