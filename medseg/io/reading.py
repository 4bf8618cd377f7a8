"""Read a scan or a label map, whatever the format.

Readers of single formats are reached through `medseg.io`, so that a NIfTI file is
read without SimpleITK and pydicom being imported.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from medseg import io
from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.labels import LabelSet
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.io.checks import (
    case_id_of,
    reading_errors,
    require_there,
    sha256_of,
    sha256_of_all,
)
from medseg.io.file_kinds import FileKind, kind_of_name
from medseg.io.image_files import kind_of_image, only_image
from medseg.io.label_maps.named_voxels import named_labels, names_path, read_provenance
from medseg.io.nrrd_mha.headers import read_text_header
from medseg.io.stacking import stack_channels


def read_volume(
    path: Path | str,
    *,
    series: str | None = None,
    channel: int | None = None,
    channels: Mapping[str, Path] | None = None,
    accept: AbstractSet[Accepted] = frozenset(),
    model_channels: Sequence[str] = (),
) -> Volume:
    """Read a scan: a DICOM folder or file, NIfTI, NRRD or MHA.

    Args:
        path: File, or folder that holds one scan.
        series: SeriesInstanceUID (or an unambiguous beginning or end of it) where
            the folder holds several; with #1, #2 ... after it where the series itself
            holds several volumes, as the error on it lists them.
        channel: Number, from 0, of the volume to take out of a NIfTI, NRRD or MHA file
            that holds several: of one channel, or of one time.
        channels: For a scan of several channels, the name of each in order and the
            file it is in: one file each, or the same four-dimensional file for all.
            `path` then only has to exist; the case is named after it.
        accept: Problems that are mended, with a note, and not refused. A scan that
            had to be resampled for it has no `source`: DICOM output cannot refer to
            its slices.
        model_channels: Those that a model takes, where the scan is read for one. A
            DICOM series of another modality is then refused for that, before its
            slices are put together: to mend them would not help.

    Raises:
        WrongUse: SEVERAL_SERIES, UNKNOWN_SERIES; INVALID_OPTION for a `channel` that
            the file does not hold, or beside `channels`.
        UnusableInput: NOT_FOUND, NOT_READABLE, EMPTY_FOLDER, NOT_AN_IMAGE,
            CHANNEL_MISMATCH, or what makes this scan unusable: see
            `medseg.ErrorCode`.
    """
    path = Path(path)
    require_there(path)
    with reading_errors(path):
        if not channels:
            return _read_one(path, series, channel, accept, model_channels)
        if channel is not None:
            raise _needless_channel("one channel is asked for, and several are", path)
        return _read_channels(path, channels, accept)


def read_segmentation(
    path: Path | str,
    labels: LabelSet | None = None,
    *,
    source: Volume | None = None,
    threshold: float | None = None,
) -> Segmentation:
    """Read a label map: NIfTI, NRRD, MHA, DICOM-SEG or RTSTRUCT.

    Args:
        path: The file.
        labels: Names of the labels. Without them those in a DICOM file are taken, or
            of the `.json` that `write_segmentation` puts beside any other, else
            "label 1" ... The provenance in that `.json` is read in any case. One of
            another program is passed over; one that is damaged is refused.
        source: The scan it belongs to, for DICOM only: the grid it is put on. Without
            it, a DICOM-SEG has the grid of its frames, and the scan of an RTSTRUCT is
            looked for beside it.
        threshold: For a DICOM-SEG of probabilities only: from which share on, above 0
            and up to 1, a voxel is part of a structure.

    Raises:
        WrongUse: UNKNOWN_FORMAT for a DICOM object without labels, INVALID_OPTION for
            an option that this file does not take.
        UnusableInput: NOT_FOUND, NOT_READABLE, NOT_A_LABEL_MAP, UNKNOWN_LABEL,
            OVERLAPPING_SEGMENTS (`read_segments` keeps them), GRID_MISMATCH, or as
            for a scan.
    """
    path = Path(path)
    require_there(path)
    with reading_errors(path):
        kind = _label_kind(path, source, threshold)
        if kind is FileKind.DICOM:
            found = io.read_dicom_labels(path, source, threshold).only(path)
            return _named(found, labels, path)
        return _read_labels(path, kind, labels)


def sha256_of_scan(path: Path) -> str:
    """The hash that `read_volume` gives a scan.

    Raises:
        MedSegError: As `read_volume`, where the scan is more than one file.
    """
    kind = kind_of_name(path) if path.is_file() else None
    if kind is FileKind.NIFTI:
        return sha256_of(path)  # its channels need no names for this
    if kind in (FileKind.NRRD, FileKind.META_IMAGE):
        with reading_errors(path):
            return sha256_of_all({path, read_text_header(path).data_path})
    return read_volume(path, accept=frozenset(Accepted)).sha256


def read_segments(
    path: Path | str, *, source: Volume | None = None, threshold: float | None = None
) -> tuple[Segmentation, ...]:
    """Read a label map whose structures may overlap, which DICOM allows.

    Each structure is in one of the label maps; there is only one where nothing
    overlaps, and always for NIfTI, NRRD and MHA.

    Args:
        path: As in `read_segmentation`.
        source: As there.
        threshold: As there.

    Raises:
        MedSegError: As `read_segmentation`, but never OVERLAPPING_SEGMENTS.
    """
    path = Path(path)
    require_there(path)
    with reading_errors(path):
        kind = _label_kind(path, source, threshold)
        if kind is FileKind.DICOM:
            maps = io.read_dicom_labels(path, source, threshold).maps
            return tuple(_named(each, None, path) for each in maps)
        return (_read_labels(path, kind, None),)


def _label_kind(path: Path, source: Volume | None, threshold: float | None) -> FileKind:
    """Format of a label map, refused with options that it does not take.

    Raises:
        WrongUse: INVALID_OPTION.
    """
    kind = FileKind.DICOM if path.is_dir() else kind_of_image(path)
    what = None
    if threshold is not None and not 0 < threshold <= 1:
        what = f"a threshold is above 0 and up to 1, got {threshold:g}"
    elif kind is not FileKind.DICOM and (source is not None or threshold is not None):
        what = f"source and threshold are for DICOM, and this is a {kind} file"
    if what is not None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            what,
            where=path,
            remedy="Leave the option out or mend it.",
        )
    return kind


def _named(
    segmentation: Segmentation, labels: LabelSet | None, path: Path
) -> Segmentation:
    """A label map out of DICOM with other names, and what lies beside it."""
    names = segmentation.labels
    if labels is not None:
        names = named_labels(segmentation.array, labels, path)
    made = read_provenance(names_path(path))
    return replace(segmentation, labels=names, provenance=made)


def _read_labels(path: Path, kind: FileKind, labels: LabelSet | None) -> Segmentation:
    match kind:
        case FileKind.NIFTI:
            return io.read_nifti_labels(path, labels)
        case FileKind.NRRD | FileKind.META_IMAGE:
            return io.read_itk_labels(path, labels)
        case _:
            raise AssertionError(f"{kind} is read elsewhere")


def _read_one(
    path: Path,
    series: str | None,
    channel: int | None,
    accept: AbstractSet[Accepted],
    model_channels: Sequence[str],
) -> Volume:
    is_choice = path.is_dir() and series is None
    file = only_image(path, is_choice=is_choice) if path.is_dir() else path
    kind = FileKind.DICOM if file is None else kind_of_image(file)
    if kind is FileKind.DICOM and channel is not None:
        raise _needless_channel("a DICOM series is one channel", path)
    if file is None:
        return io.read_dicom_series(path, series, accept, model_channels)
    if kind is not FileKind.DICOM and series is not None:
        raise WrongUse(
            ErrorCode.UNKNOWN_SERIES,
            f"a series is asked for, but this is a {kind} file",
            where=file,
            remedy="Leave the series out.",
        )
    if kind is FileKind.DICOM:
        return io.read_dicom_series(file, series, accept, model_channels)
    volume = _read_file(file, kind, channel, accept)
    if channel is None:
        return volume
    return replace(volume, notes=(*volume.notes, f"read channel {channel} of the file"))


def _needless_channel(what: str, path: Path) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION, what, where=path, remedy="Leave the channel out."
    )


def _read_file(
    file: Path,
    kind: FileKind,
    channels: tuple[str, ...] | int | None,
    accept: AbstractSet[Accepted],
) -> Volume:
    match kind:
        case FileKind.DICOM:
            raise AssertionError("a series is more than a file")
        case FileKind.NIFTI:
            return io.read_nifti_volume(file, channels, accept)
        case FileKind.NRRD | FileKind.META_IMAGE:
            return io.read_itk_volume(file, channels, accept)
        case _:
            assert_never(kind)


def _read_channels(
    path: Path, channels: Mapping[str, Path], accept: AbstractSet[Accepted]
) -> Volume:
    """One volume out of one scan per channel, all on one grid."""
    names = tuple(channels)
    files = [Path(file) for file in channels.values()]
    for file in files:
        require_there(file)
    kinds = {kind_of_image(file) for file in files if file.is_file()}
    if len(set(files)) == len(kinds) == 1 and FileKind.DICOM not in kinds:
        return _read_file(files[0], kinds.pop(), names, accept)
    scans = {name: read_volume(f, accept=accept) for name, f in channels.items()}
    first = next(iter(scans.values()))
    for scan, file in zip(scans.values(), files, strict=True):
        require_same_grid(first.geometry, scan.geometry, where=str(file))
    return replace(stack_channels(scans), case_id=case_id_of(path))
