"""Labels layers of the Correct panel: the copy that is edited, names, volumes."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

import medseg
from napari_medseg.layers.conversion import (
    AXIS_LABELS,
    METADATA_KEY,
    UNITS,
    Record,
    colormap_of,
    placement_of,
    record_of,
)
from napari_medseg.layers.structures import structures_of

_EDITS_KEY = "medseg-edits"


def is_own(layer: Labels) -> bool:
    """Whether a layer is the user's to edit.

    What a model made, or what was read from a file, is not.
    """
    return record_of(layer) is None or _EDITS_KEY in layer.metadata


def write(viewer: ViewerModel, layer: Labels, array: np.ndarray) -> Labels:
    """Give a layer other labels, or a copy of it, where it is not the user's own.

    What a model made, or what was read from a file, stays as it is, hidden.

    Returns:
        The layer that has the labels.
    """
    record = record_of(layer)
    if record is None or is_own(layer):
        layer.data = array
        return layer
    kept = replace(record, origin=None)  # it is no longer what was read
    copy = viewer.add_labels(
        array,
        name=f"{layer.name} edited",
        scale=layer.scale,
        translate=layer.translate,
        units=layer.units,
        axis_labels=layer.axis_labels,
        opacity=layer.opacity,
        features=layer.features.copy(),
        colormap=layer.colormap,
        metadata={**layer.metadata, METADATA_KEY: kept, _EDITS_KEY: layer.name},
    )
    copy.contour = layer.contour
    layer.visible = False
    return copy


def add_structure(layer: Labels, name: str, neighbours: Iterable[Layer]) -> None:
    """Let the user's own layer have one more structure, by a number it has not used."""
    old = structures_of(layer)
    if name not in old:
        largest = int(np.asarray(layer.data).max(initial=0))
        more = medseg.LabelSet.from_names([(max(*old.ids, largest) + 1, name)])
        labels = medseg.LabelSet((*old.structures, *more.structures))
        name_structures(layer, labels, neighbours)


def name_structures(
    layer: Labels, labels: medseg.LabelSet, neighbours: Iterable[Layer]
) -> None:
    """Let a layer know other structures; the colours it shows stay as they are."""
    record, before = record_of(layer), structures_of(layer)
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
    _list_structures(layer, before, labels)


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
    notes = (*made.notes, f"edited: {note}")
    noted = replace(made, notes=notes, is_interactive=True)
    layer.metadata[METADATA_KEY] = replace(record, provenance=noted)


def _list_structures(
    layer: Labels, before: medseg.LabelSet, labels: medseg.LabelSet
) -> None:
    """Put the structures into napari's table of labels, which its status line reads."""
    features = layer.features
    if list(features.columns) != ["index", "structure", "volume_ml"]:
        return
    gone = set(before.ids) - set(labels.ids)
    table = features[~features["index"].isin(gone)].reset_index(drop=True)
    listed = set(table["index"])
    for structure in labels:
        if structure.id not in listed:
            table.loc[len(table)] = [structure.id, structure.name, 0.0]
    layer.features = table


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


def add_labels_on(viewer: ViewerModel, scan: Image, name: str) -> Labels:
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
