"""Opening scans and label maps, and turning the viewer to the patient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import napari
from napari.utils.notifications import show_error, show_info

import medseg
from napari_medseg.controls.waiting import waited_for
from napari_medseg.layers.box_shapes import boxes_layer
from napari_medseg.layers.conversion import (
    LayerTuple,
    Origin,
    segmentation_layer,
    volume_layers,
)
from napari_medseg.layers.placement import Placement
from napari_medseg.opening.chooser import choose_volumes
from napari_medseg.opening.label_files import holds_label_map, is_named_as_label_map
from napari_medseg.opening.label_maps import label_maps_of
from napari_medseg.opening.turn_question import ask_to_turn
from napari_medseg.viewing.orientation import orient_for_scan

NOTHING: list[tuple[None]] = [(None,)]  # napari's word for "read, but no layers"
_BOXES_SUFFIX = ".boxes.json"
_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_DICOM_MAGIC_START = 128
_FILES_LOOKED_AT = 200

ReadFunction = Callable[[str | Sequence[str]], Sequence[LayerTuple | tuple[None]]]


def get_reader(path: str | Sequence[str]) -> ReadFunction | None:
    """The function that reads a path, or None when it is no scan and no boxes.

    Args:
        path: A file, a folder, or several slices of one folder, dropped as a stack.
    """
    scan = _one_path(path)
    if scan is None or not (is_scan(scan) or _holds_boxes(scan)):
        return None
    return read


def is_scan(path: Path) -> bool:
    """Whether a file or folder looks like a scan; quick, a folder is not searched."""
    if path.is_dir():
        files = (file for file in path.rglob("*") if file.is_file())
        return any(_is_scan_file(file) for file in islice(files, _FILES_LOOKED_AT))
    return _is_scan_file(path)


def read(path: str | Sequence[str]) -> Sequence[LayerTuple | tuple[None]]:
    """Read a scan into layers and turn the current viewer to the patient.

    In a window, what is wrong with the files is shown as one line and nothing opens;
    without one it is raised.
    """
    scan = _one_path(path)
    viewer = napari.current_viewer()
    if scan is None:
        return NOTHING
    if viewer is None:
        return layers_of(scan)
    try:
        layers = layers_of(scan)
    except medseg.MedSegError as error:
        show_error(str(error))
        return NOTHING
    if layers:
        orient_for_scan(viewer, ask_to_turn)
    return layers or NOTHING


def layers_of(path: Path) -> list[LayerTuple]:
    """Layers of everything the user wants to see of a file or folder.

    Raises:
        MedSegError: When it cannot be read, or holds several volumes and there is no
            window to ask which.
    """
    reading = f"MedSeg: reading {path.name}"
    if _holds_boxes(path):
        name = path.name.removesuffix(_BOXES_SUFFIX)
        return [boxes_layer(medseg.read_boxes(path), f"boxes of {name}")]
    if path.is_file() and not _is_dicom(path):
        return _opened(waited_for(reading, lambda: [_file_layers(path)]))
    found = waited_for(
        f"MedSeg: looking at {path.name}", lambda: medseg.find_volumes(path)
    )
    if path.is_file():
        return _opened(waited_for(reading, lambda: [_slice_layers(path, found[0])]))
    name = path.name if len(found) == 1 else ""
    chosen = found if len(found) == 1 else _chosen(found, path)
    return _opened(
        waited_for(reading, lambda: [_found_layers(info, name) for info in chosen])
    )


@dataclass(frozen=True)
class _Opened:
    """Layers of one volume.

    Attributes:
        layers: For napari.
        remark: What the user is to know about how they are shown; may be empty.
    """

    layers: list[LayerTuple]
    remark: str = ""


def _opened(volumes: list[_Opened]) -> list[LayerTuple]:
    for volume in volumes:
        if volume.remark:
            show_info(volume.remark)
    return [layer for volume in volumes for layer in volume.layers]


def _file_layers(path: Path) -> _Opened:
    volume = medseg.read_volume(path)
    name = path.name
    for suffix in _SUFFIXES[::-1]:
        name = name.removesuffix(suffix)
    if holds_label_map(volume, named=is_named_as_label_map(path)):
        return _Opened(_label_layers(path, name))
    return _layers_of_volume(volume, name, Origin(path=path))


def _slice_layers(path: Path, info: medseg.VolumeInfo) -> _Opened:
    """Layers of the series that a DICOM file is part of, or of the file by itself."""
    if info.is_label_map:
        return _found_layers(info, path.stem)
    volume = medseg.read_volume(path, series=info.series_uid or None)
    origin = Origin(path=path, series_uid=info.series_uid)
    return _layers_of_volume(volume, info.description or info.path.stem, origin)


def _found_layers(info: medseg.VolumeInfo, name: str) -> _Opened:
    if info.is_label_map:
        return _Opened(_label_layers(info.path, info.path.stem))
    if not info.series_uid:
        return _file_layers(info.path)
    volume = medseg.read_volume(info.path, series=info.series_uid)
    origin = Origin(path=info.path, series_uid=info.series_uid)
    title = info.description or name or info.path.name
    return _layers_of_volume(volume, title, origin)


def _label_layers(path: Path, name: str) -> list[LayerTuple]:
    """One layer, or several where structures overlap, which one cannot hold."""
    viewer = napari.current_viewer()
    maps = label_maps_of(path, () if viewer is None else tuple(viewer.layers))
    origin = Origin(path=path)
    return [
        segmentation_layer(each, f"{name} ({n})" if len(maps) > 1 else name, origin)
        for n, each in enumerate(maps, start=1)
    ]


def _layers_of_volume(volume: medseg.Volume, name: str, origin: Origin) -> _Opened:
    remark = ""
    if Placement.of(volume.geometry).is_oblique:
        remark = (
            f"{name} lies {volume.geometry.obliquity_deg:.1f} degrees off the axes of "
            "the patient and is shown along its own. The status line tells the "
            "patient's mm; results are saved on the exact grid."
        )
    return _Opened(volume_layers(volume, name, origin), remark)


def _chosen(
    found: tuple[medseg.VolumeInfo, ...], path: Path
) -> tuple[medseg.VolumeInfo, ...]:
    if napari.current_viewer() is None:
        raise medseg.WrongUse(
            medseg.ErrorCode.SEVERAL_SERIES,
            f"there are {len(found)} volumes here",
            where=path,
            remedy="Open one of their files or folders.",
        )
    return choose_volumes(found)


def _one_path(path: str | Sequence[str]) -> Path | None:
    """The one file or folder meant; slices of one folder mean the folder."""
    if isinstance(path, str):
        return Path(path)
    if len(path) == 1:
        return Path(path[0])
    folders = {Path(slice_file).parent for slice_file in path}
    return folders.pop() if len(folders) == 1 else None


def _holds_boxes(path: Path) -> bool:
    return path.is_file() and path.name.endswith(_BOXES_SUFFIX)


def _is_scan_file(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(_SUFFIXES) or name.endswith(".dcm") or _is_dicom(path)


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(_DICOM_MAGIC_START + 4)[_DICOM_MAGIC_START:] == b"DICM"
    except OSError:
        return False
