"""A session on disk: one JSON file, and a folder of label maps beside it; no Qt.

Label maps are named after their contents. So a save writes only those that changed,
never touches one that the file on disk still refers to, and a program that is stopped
at any moment leaves the session as it was before or as it is after.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import medseg
from napari_medseg.layers.conversion import segmentation_in, segmentation_layer
from napari_medseg.layers.conversion import volume_layers as layers_of_volume
from napari_medseg.session.layers import RestoredLayer, TakenLayer
from napari_medseg.session.scans import found_scan, unopened
from napari_medseg.session.state import (
    SUFFIX,
    ImageLook,
    LabelsEntry,
    LabelsLook,
    LayerEntry,
    PanelEntry,
    Row,
    ScanEntry,
    Session,
    ViewEntry,
    parsed_session,
    session_json,
)

_FOLDER_ENDING = ".medseg-files"
_NAME_LENGTH = 20
_ENDING = ".nii.gz"


@dataclass(frozen=True, eq=False, kw_only=True)
class Taken:
    """All that a session keeps, at one moment.

    Attributes:
        layers: From the bottom.
        left_out: Names of layers that are not kept.
        view: Where the user is.
        panels: Those that are open.
    """

    layers: tuple[TakenLayer, ...]
    left_out: tuple[str, ...]
    view: ViewEntry
    panels: tuple[PanelEntry, ...] = ()

    @property
    def has_labels(self) -> bool:
        """Whether there is work in it that could be lost."""
        return any(isinstance(layer.look, LabelsLook) for layer in self.layers)


@dataclass(frozen=True, eq=False, kw_only=True)
class Opened:
    """A session that was read.

    Attributes:
        session: What it says.
        layers: From the bottom, not yet in a viewer.
        problems: What could not be opened, in words.
    """

    session: Session
    layers: tuple[RestoredLayer, ...]
    problems: tuple[str, ...] = ()


def folder_of(path: Path) -> Path:
    """Where the voxels of a session file are."""
    return path.with_name(path.name.removesuffix(SUFFIX) + _FOLDER_ENDING)


def save_session(taken: Taken, path: Path) -> Path:
    """Write a session; it is on the disk whole, or as it was before.

    Args:
        taken: What to keep.
        path: A session of that very name is replaced. Where the ending is missing it is
            added, and none is.

    Returns:
        The file, whose name ends as those of sessions do.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    if not path.name.endswith(SUFFIX):
        path = path.with_name(path.name.removesuffix(".json") + SUFFIX)
        medseg.require_absent(path, overwrite=False)
    session = Session(
        layers=tuple(_saved(layer, path) for layer in taken.layers),
        view=taken.view,
        panels=taken.panels,
        left_out=taken.left_out,
    )
    with medseg.written_whole(path, overwrite=True) as temporary:
        temporary.write_bytes(session_json(session))
    _remove_others(folder_of(path), {entry.file for entry in session.layers})
    return path


def open_session(path: Path) -> Opened:
    """Read a session with its scans and label maps.

    What cannot be read is left out and told, so that a scan that has moved does not
    keep the labels from their owner.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE.
    """
    session = parsed_session(_text_of(path), path)
    scans: dict[tuple[str, str], medseg.Volume] = {}
    layers, problems = [], []
    for entry in session.layers:
        try:
            made = (
                _opened_labels(entry, path)
                if isinstance(entry, LabelsEntry)
                else _opened_scan(entry, path, scans)
            )
        except medseg.MedSegError as error:
            problems.append(f"{entry.name}: {error.what}")
        else:
            layers.append(made)
    return Opened(session=session, layers=tuple(layers), problems=tuple(problems))


def remove_session(path: Path) -> None:
    """Remove a session and its label maps."""
    path.unlink(missing_ok=True)
    _remove_others(folder_of(path), set())


def _saved(layer: TakenLayer, path: Path) -> LayerEntry:
    if isinstance(layer.look, LabelsLook):
        return _saved_labels(layer, layer.look, path)
    return _saved_scan(layer, layer.look, path)


def _saved_labels(layer: TakenLayer, look: LabelsLook, path: Path) -> LabelsEntry:
    segmentation = segmentation_in(layer.shown, layer.placement, layer.record)
    described = repr((segmentation.labels, segmentation.provenance))
    file = _name(segmentation.array, segmentation.geometry, described)
    if not (folder_of(path) / file).exists():
        medseg.write_segmentation(segmentation, folder_of(path) / file, overwrite=True)
    return LabelsEntry(
        name=layer.name,
        file=file,
        case_id=segmentation.case_id,
        affine=_rows(segmentation.geometry.affine),
        look=look,
    )


def _rows(affine: np.ndarray) -> tuple[Row, ...]:
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in affine)


def _saved_scan(layer: TakenLayer, look: ImageLook, path: Path) -> ScanEntry:
    record = layer.record
    entry = ScanEntry(
        name=layer.name,
        sha256=record.sha256,
        case_id=record.case_id,
        channel=record.channel,
        look=look,
    )
    if record.origin is not None:
        source = record.origin.path.absolute()
        return replace(
            entry,
            path=str(source),
            relative_path=_relative(source, path.absolute().parent),
            series_uid=record.origin.series_uid,
        )
    voxels = np.array(layer.placement.to_source(layer.shown))
    file = _name(voxels, layer.placement.source, record.channel)
    volume = medseg.Volume(
        array=voxels[np.newaxis],
        geometry=layer.placement.source,
        channels=(record.channel,),
        case_id=record.case_id,
    )
    if not (folder_of(path) / file).exists():
        medseg.write_volume(volume, folder_of(path) / file, overwrite=True)
    return replace(entry, file=file)


def _opened_labels(entry: LabelsEntry, path: Path) -> RestoredLayer:
    read = medseg.read_segmentation(folder_of(path) / entry.file)
    geometry = medseg.Geometry(read.geometry.shape, np.array(entry.affine))
    segmentation = replace(read, geometry=geometry, case_id=entry.case_id)
    return RestoredLayer(
        made=segmentation_layer(segmentation, entry.name), look=entry.look
    )


def _opened_scan(
    entry: ScanEntry, path: Path, scans: dict[tuple[str, str], medseg.Volume]
) -> RestoredLayer:
    volume, origin = (
        (_kept_scan(entry, path), None)
        if entry.file
        else found_scan(entry, path, scans)
    )
    layers = layers_of_volume(volume, entry.name, origin)
    made = dict(zip(volume.channels, layers, strict=True))
    if entry.channel not in made and len(made) > 1:
        raise unopened(entry, f"the scan has no channel {entry.channel}")
    array, options, kind = made.get(entry.channel, next(iter(made.values())))
    return RestoredLayer(
        made=(array, options | {"name": entry.name}, kind), look=entry.look
    )


def _kept_scan(entry: ScanEntry, path: Path) -> medseg.Volume:
    """A scan that is kept with the session."""
    volume = medseg.read_volume(folder_of(path) / entry.file)
    return replace(volume, channels=(entry.channel,), case_id=entry.case_id, sha256="")


def _name(array: np.ndarray, geometry: medseg.Geometry, described: str) -> str:
    """A name that no other contents have."""
    digest = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16)
    digest.update(repr((array.dtype.str, array.shape)).encode())
    digest.update(geometry.affine.tobytes())
    digest.update(described.encode())
    return digest.hexdigest()[:_NAME_LENGTH] + _ENDING


def _relative(source: Path, folder: Path) -> str:
    try:
        return os.path.relpath(source, folder)
    except ValueError:  # another drive
        return ""


def _remove_others(folder: Path, kept: Iterable[str]) -> None:
    """Remove voxels that no session refers to any more, and an empty folder."""
    names = {name.removesuffix(_ENDING) for name in kept if name}
    for file in folder.glob("*") if folder.is_dir() else ():
        stem = file.name.partition(".")[0]
        if len(stem) == _NAME_LENGTH and stem not in names:
            file.unlink(missing_ok=True)
    if not names and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _text_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise medseg.UnusableInput(
            medseg.ErrorCode.NOT_READABLE,
            f"the session cannot be read: {error.strerror or error}",
            where=path,
            remedy="Check the path.",
        ) from error
