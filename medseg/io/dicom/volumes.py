"""DICOM series -> volumes."""

import hashlib
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from pathlib import Path

from medseg.core.acceptance import Accepted
from medseg.core.channels import require_channels
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.volume import SourceSlice, Volume
from medseg.io.checks import sha256_of_all
from medseg.io.dicom.geometry import Stack, without_strays
from medseg.io.dicom.headers import read_headers
from medseg.io.dicom.parts import listed, parts_of
from medseg.io.dicom.pixels import read_intensities
from medseg.io.dicom.planes import has_geometry
from medseg.io.dicom.series import DicomFolder, DicomSeries, scan_dicom
from medseg.io.file_kinds import files_below, files_beside
from medseg.io.meanwhile import meanwhile


def read_dicom_series(
    path: Path,
    series: str | None = None,
    accept: AbstractSet[Accepted] = frozenset(),
    model_channels: Sequence[str] = (),
) -> Volume:
    """Read one series as a volume in RAS; CT in HU.

    Args:
        path: A folder, searched with all below it, or one file of a series (the
            other files are looked for beside it).
        series: SeriesInstanceUID, or a beginning or end of it that only one has; with
            #1, #2 ... after it for one of several volumes in a series.
        accept: Problems that are mended and not refused.
        model_channels: Those that a model takes, where it is read for one.

    Raises:
        WrongUse: SEVERAL_SERIES when there is a choice to make, UNKNOWN_SERIES.
        UnusableInput: CHANNEL_MISMATCH for a modality that the model does not take,
            else what keeps the series from being one regular volume.
    """
    found = scan_dicom(_files_of(path))
    if path.is_file() and series is None:
        series = _uid_of(path)
    chosen = choose_series(found, series, path)
    if model_channels:
        given = (chosen.kind_of_image,)
        require_channels(given, model_channels, case_id_of_series(chosen.uid))
    return read_series(chosen, found, accept)


def read_series(
    chosen: DicomSeries,
    found: DicomFolder,
    accept: AbstractSet[Accepted] = frozenset(),
) -> Volume:
    """Read a series that `scan_dicom` found.

    Raises:
        UnusableInput: What keeps the series from being one regular volume.
    """
    folders = {str(header.path.parent) for header in chosen.slices}
    for error in found.damaged:
        if str(Path(error.where).parent) in folders:
            raise error
    stack = chosen.stack(accept)
    files = {header.path for header in chosen.slices}
    with meanwhile(partial(sha256_of_all, files)) as hashed:
        array, notes = read_intensities(stack, chosen.folder)
    if stack.loose is not None:
        array = stack.loose.resampled(array)
    left_out = tuple(f"left out: {reason}" for reason in chosen.left_out)
    return Volume(
        array=array[None],
        geometry=stack.geometry,
        channels=(chosen.kind_of_image,),
        case_id=case_id_of_series(chosen.uid),
        sha256=hashed.result(),
        notes=(*left_out, *stack.notes, *notes),
        source=source_slices(stack),
    )


def source_slices(stack: Stack) -> tuple[SourceSlice, ...]:
    """Where each slice of a volume is; the first of those at one position.

    None for a volume that was resampled, whose slices are in no file.
    """
    if stack.loose is not None:
        return ()
    return tuple(
        SourceSlice(path=group[0].path, frame=group[0].frame)
        for group in stack.positions
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
    uid, _, number = wanted.partition("#")
    exact = [series for series in found.series if series.uid == uid]
    part = [s for s in volumes if s.uid.startswith(uid) or s.uid.endswith(uid)]
    matching = exact or (part if uid else [])
    if len(matching) == 1:
        return _part(matching[0], number) if number else matching[0]
    what = "fits several series" if matching else "is not the UID of a series here"
    raise WrongUse(
        ErrorCode.UNKNOWN_SERIES,
        f"{wanted!r} {what}; there are {_listed(matching or volumes) or 'none'}",
        where=where,
        remedy="Give the whole UID of one of them.",
    )


def _part(series: DicomSeries, number: str) -> DicomSeries:
    """One of the volumes in a series, by its number from 1."""
    kept, _ = without_strays([h for h in series.slices if has_geometry(h)])
    parts = parts_of(kept)
    if number in {str(n) for n in range(1, len(parts) + 1)}:
        chosen = parts[int(number) - 1]
        return replace(series, uid=f"{series.uid}#{number}", slices=chosen.slices)
    raise WrongUse(
        ErrorCode.UNKNOWN_SERIES,
        f"#{number} is not a volume of this series; it holds {listed(parts) or 'none'}",
        where=series.folder,
        remedy="Give the number of one of them after the UID.",
    )


def _listed(series: Iterable[DicomSeries]) -> str:
    return "; ".join(str(each) for each in series)


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
