"""The layers of the Correct panel: the copy that is edited, the box, the preview."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Shapes
from napari.utils.colormaps import DirectLabelColormap

import medseg
from napari_medseg.layers.conversion import (
    AXIS_LABELS,
    HELPER_KEY,
    METADATA_KEY,
    UNITS,
    Record,
    colormap_of,
    placement_of,
    record_of,
)
from napari_medseg.layers.placement import Placement
from napari_medseg.layers.regions import box_of

ADDED, REMOVED = 1, 2
_EDITS_KEY = "medseg-edits"
_PREVIEW_NAME = "preview of the correction"
# Colours that no structure has, told apart by colour-blind readers: by lightness, too
_PREVIEW_COLOURS: dict[int | None, Any] = {
    None: (0.0, 0.0, 0.0, 0.0),
    ADDED: (0.0, 0.9, 1.0, 1.0),
    REMOVED: (1.0, 0.15, 0.35, 1.0),
}
Slices = tuple[slice, slice, slice]
Point = tuple[float, float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Place:
    """The part of a label map that is worked on, in the axes it is shown with.

    Attributes:
        layer: The Labels layer.
        shown: The grid of the whole layer.
        slices: The box, as an index into the layer's array.
    """

    layer: Labels
    shown: medseg.Geometry
    slices: Slices

    @property
    def start(self) -> tuple[int, int, int]:
        """First voxel of the box."""
        i, j, k = (s.start for s in self.slices)
        return i, j, k

    @property
    def geometry(self) -> medseg.Geometry:
        """The grid of the box."""
        i, j, k = (s.stop - s.start for s in self.slices)
        return self.shown.cropped(self.start, (i, j, k))

    def scan(self, layer: Image) -> medseg.Volume:
        """The box of a scan of the same grid.

        Raises:
            UnusableInput: GRID_MISMATCH.
        """
        if layer.data.shape != self.layer.data.shape:
            raise medseg.UnusableInput(
                medseg.ErrorCode.GRID_MISMATCH,
                "scan and labels have different voxels",
                where=layer.name,
                remedy="Choose the scan that the labels were made for.",
            )
        array = np.asarray(layer.data[self.slices])[np.newaxis]
        return medseg.Volume(array=array, geometry=self.geometry)

    def labels(self, names: medseg.LabelSet) -> medseg.Segmentation:
        """The box of the label map as it is now, a copy.

        Args:
            names: Of the structures; labels that it lacks get their number for a name.
        """
        array = np.array(self.layer.data[self.slices])
        known = set(names.ids)
        more = medseg.LabelSet.from_names(
            (int(id_), f"label {id_}")
            for id_ in np.flatnonzero(np.bincount(array.ravel()))
            if id_ not in known
        )
        labels = medseg.LabelSet((*names.structures, *more.structures))
        return medseg.Segmentation(array=array, geometry=self.geometry, labels=labels)

    def to_patient(self, points_sar_mm: Iterable[Point]) -> tuple[Point, ...]:
        """Points as shown -> points in the patient (R, A, S), for oblique scans too."""
        points = np.reshape([*points_sar_mm], (-1, 3))
        indices = (points - self.layer.translate) / self.layer.scale
        return tuple((r, a, s) for r, a, s in self.shown.to_world(indices).tolist())


def place_of(layer: Labels, box: Shapes | None, neighbours: Iterable[Layer]) -> Place:
    """Where to work: in a box, or everywhere.

    Raises:
        UnusableInput: MISSING_GEOMETRY, for a layer with no place in the patient.
        WrongUse: INVALID_OPTION, for a box that is empty or beside the labels.
    """
    placement = placement_of(layer, neighbours)
    shown = placement.shown
    if box is None:
        i, j, k = (slice(0, size) for size in layer.data.shape)
        return Place(layer=layer, shown=shown, slices=(i, j, k))
    # A grid that is shown as it is stored needs no turning.
    upright = Placement.of(shown)
    return Place(layer=layer, shown=shown, slices=box_of(box, upright).slices)


def structures_of(layer: Labels) -> medseg.LabelSet:
    """The structures a layer has names for; label 1 where it has none."""
    record = record_of(layer)
    if record is not None and record.labels is not None and len(record.labels):
        return record.labels
    ids = [int(id_) for id_ in layer.features.get("index", ()) if 0 < id_ <= 65535]
    chosen = {*ids, max(1, int(layer.selected_label))}
    return medseg.LabelSet.from_names((id_, f"label {id_}") for id_ in sorted(chosen))


def editable(viewer: ViewerModel, layer: Labels) -> Labels:
    """The layer to edit: a copy, where it is not the user's own.

    What a model made, or what was read from a file, stays as it is, hidden.
    """
    record = record_of(layer)
    if record is None or _EDITS_KEY in layer.metadata:
        return layer
    copy = viewer.add_labels(
        np.array(layer.data),
        name=f"{layer.name} edited",
        scale=layer.scale,
        translate=layer.translate,
        units=layer.units,
        axis_labels=layer.axis_labels,
        opacity=layer.opacity,
        features=layer.features.copy(),
        colormap=layer.colormap,
        metadata={**layer.metadata, _EDITS_KEY: layer.name},
    )
    layer.visible = False
    return copy


def add_structure(
    viewer: ViewerModel, layer: Labels | None, scan: Image | None, name: str
) -> Labels | None:
    """The layer with one more structure, or a new one on the scan.

    None where there is neither layer nor scan, or the structure is there already.
    """
    if layer is None:
        return None if scan is None else _new_labels(viewer, scan, name)
    old = structures_of(layer)
    if name in old:
        return None
    own = editable(viewer, layer)
    more = medseg.LabelSet.from_names([(max(old.ids) + 1, name)])
    labels = medseg.LabelSet((*old.structures, *more.structures))
    name_structures(own, labels, viewer.layers)
    return own


def write_box(layer: Labels, slices: Slices, array: np.ndarray) -> None:
    """Put labels into a box of a layer, and show them."""
    data = np.asarray(layer.data)
    largest = int(array.max(initial=0))
    if largest > np.iinfo(data.dtype).max:
        data = data.astype(np.uint16)
    data[slices] = array
    if data is layer.data:
        layer.refresh()
    else:
        layer.data = data


def name_structures(
    layer: Labels, labels: medseg.LabelSet, neighbours: Iterable[Layer]
) -> None:
    """Let a layer know more structures; the colours it shows stay as they are."""
    record = record_of(layer)
    if record is None:  # the user's own
        placement = placement_of(layer, neighbours)
        record = Record(placement=placement, case_id=layer.name)
        layer.metadata[_EDITS_KEY] = ""
    was = layer.colormap
    colours = dict(colormap_of(labels).color_dict)
    if isinstance(was, DirectLabelColormap):
        colours |= {i: c for i, c in was.color_dict.items() if i in colours}
    layer.colormap = DirectLabelColormap(color_dict=colours)
    layer.metadata[METADATA_KEY] = replace(record, labels=labels)


def start_painting(viewer: ViewerModel, layer: Labels, id_: int) -> None:
    """Take napari's brush in the hand, with a structure's label."""
    viewer.layers.selection.active = layer
    layer.selected_label = id_
    layer.mode = "paint"


def note_edit(layer: Labels, note: str) -> None:
    """Write down in a result's provenance that it was edited."""
    record = record_of(layer)
    if record is None or record.provenance is None:
        return
    made = record.provenance
    noted = replace(made, notes=(*made.notes, f"edited: {note}"))
    layer.metadata[METADATA_KEY] = replace(record, provenance=noted)


def update_volumes(layer: Labels, volumes_ml: dict[int, float]) -> None:
    """Correct the volumes in napari's table of labels."""
    features = layer.features
    if "volume_ml" not in features or "index" not in features:
        return
    table = features.set_index("index", drop=False)
    for label, gain_ml in volumes_ml.items():
        if label in table.index:
            table.loc[label, "volume_ml"] = round(
                float(table.loc[label, "volume_ml"]) + gain_ml, 2
            )
    layer.features = table.reset_index(drop=True)


def _new_labels(viewer: ViewerModel, scan: Image, name: str) -> Labels:
    """An empty Labels layer on a scan, with one structure."""
    placement = placement_of(scan, viewer.layers)
    labels = medseg.LabelSet.from_names([(1, name)])
    record = record_of(scan)
    case_id = scan.name if record is None else record.case_id
    kept = Record(placement=placement, case_id=case_id, labels=labels)
    return viewer.add_labels(
        np.zeros(scan.data.shape, np.uint8),
        name=f"labels of {scan.name}",
        scale=scan.scale,
        translate=scan.translate,
        units=UNITS,
        axis_labels=AXIS_LABELS,
        opacity=0.5,
        colormap=colormap_of(labels),
        metadata={METADATA_KEY: kept, _EDITS_KEY: ""},
    )


class Preview:
    """The layer that shows what a correction would add and take away."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None

    def show(self, place: Place, difference: np.ndarray) -> None:
        """Show a box of `ADDED`, `REMOVED` and 0."""
        offset = np.array(place.start) * place.layer.scale
        translate = place.layer.translate + offset
        layer = self._layer
        if layer is None or layer not in self._viewer.layers:
            self._layer = self._added(place, difference, translate)
            return
        layer.data = difference
        layer.scale, layer.translate = place.layer.scale, translate
        layer.visible = True

    def hide(self) -> None:
        """Take the layer away."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _added(
        self, place: Place, difference: np.ndarray, translate: np.ndarray
    ) -> Labels:
        layers = self._viewer.layers
        active = layers.selection.active
        layer = self._viewer.add_labels(
            difference,
            name=_PREVIEW_NAME,
            scale=place.layer.scale,
            translate=translate,
            units=UNITS,
            axis_labels=AXIS_LABELS,
            opacity=0.8,
            colormap=DirectLabelColormap(color_dict=_PREVIEW_COLOURS),
            metadata={HELPER_KEY: True},
        )
        layer.mode = "pan_zoom"
        layers.selection.active = active
        return layer
