"""MedSeg's nouns as napari layers and back: the one place that knows the conventions.

Every layer has scale and translate only, millimetres as units and the axis labels S, A
and R (see `_placement`). What a layer's transform cannot say (the grid the scan was
read on, names of labels, provenance) is kept in `layer.metadata["medseg"]`. napari does
not hand that on to the layers a user makes (napari issue 4125), so the place of those
is found from the transform, and from the layer they lie on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

import medseg
from napari_medseg.layers.made import checksum_of, provenance_now
from napari_medseg.layers.naming import with_every_label
from napari_medseg.layers.placement import Placement
from napari_medseg.layers.windowing import Preset, is_ct, presets_of

AXIS_LABELS = ("S", "A", "R")
UNNAMED_AXES = ("-3", "-2", "-1")  # of labels added in napari before 0.9
UNITS = ("mm", "mm", "mm")
METADATA_KEY = "medseg"
HELPER_KEY = "medseg-helper"  # marks a panel's own layer, offered in no list
HIDDEN_KEY = "medseg-hidden"  # marks one that a panel hides for a while
LayerTuple = tuple[np.ndarray, dict[str, Any], str]

UNNAMED_COLOUR = (0.75, 0.75, 0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a scan was read from.

    Attributes:
        path: File or folder.
        series_uid: SeriesInstanceUID in it; empty unless DICOM.
    """

    path: Path
    series_uid: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Record:
    """What MedSeg keeps with a layer it made.

    Attributes:
        placement: The grid it was read or computed on.
        case_id: Name of the case.
        channel: Name of an image's channel.
        sha256: Hash of the files an image was read from.
        notes: What reading had to decide or accept.
        intensity_range: Smallest and largest value of an image.
        origin: Where it was read from, if it was; for the user's screen and scripts.
        source: The DICOM slices an image was read from, which DICOM output refers to.
        labels: Names of the labels.
        provenance: How the labels were made, None if they were read.
        checksum: Of the labels when they were made, where that is told.
    """

    placement: Placement
    case_id: str
    channel: str = "image"
    sha256: str = ""
    notes: tuple[str, ...] = ()
    intensity_range: tuple[float, float] | None = None
    origin: Origin | None = None
    source: tuple[medseg.SourceSlice, ...] = ()
    labels: medseg.LabelSet | None = None
    provenance: medseg.Provenance | None = None
    checksum: int | None = None


def volume_layers(
    volume: medseg.Volume, name: str, origin: Origin | None = None
) -> list[LayerTuple]:
    """Image layers, one a channel."""
    return [
        _image_layer(volume, channel, name, origin)
        for channel in range(len(volume.channels))
    ]


def segmentation_layer(
    segmentation: medseg.Segmentation, name: str, origin: Origin | None = None
) -> LayerTuple:
    """A Labels layer with the names, colours and volumes of its structures."""
    placement = Placement.of(segmentation.geometry)
    array = np.array(placement.to_shown(segmentation.array), order="C")
    record = Record(
        placement=placement,
        case_id=segmentation.case_id,
        origin=origin,
        labels=segmentation.labels,
        provenance=segmentation.provenance,
        checksum=checksum_of(array) if segmentation.provenance else None,
    )
    options = _placed(placement, name, record) | {
        "features": features_of(segmentation),
        "colormap": colormap_of(segmentation.labels),
        "opacity": 0.5,
    }
    return array, options, "labels"


def record_of(layer: Layer) -> Record | None:
    """What MedSeg kept with a layer, if it made it."""
    record = layer.metadata.get(METADATA_KEY)
    return record if isinstance(record, Record) else None


def presets_for(layer: Image) -> tuple[Preset, ...]:
    """Windows that suit an image layer, the usual one first."""
    record = record_of(layer)
    least, most = layer.contrast_limits_range
    values = (record.intensity_range if record else None) or (least, most)
    return presets_of(
        np.asarray(layer.data), record.channel if record else "image", values
    )


def intensity_unit(layer: Layer) -> str:
    """HU for a CT; other intensities have none."""
    record = record_of(layer)
    if record is None or record.intensity_range is None:
        return ""
    return "HU" if is_ct(record.channel, record.intensity_range[0]) else ""


def is_placed(layer: Layer, neighbours: Iterable[Layer] = ()) -> bool:
    """Whether a layer lies in the patient the way MedSeg lays it.

    One whose axes have no names does where a grid of the neighbours is shown.
    """
    axes = tuple(layer.axis_labels)
    has_grid = axes == UNNAMED_AXES and _grid_under(layer, neighbours) is not None
    return (
        (axes == AXIS_LABELS or has_grid)
        and all(str(unit) == "millimeter" for unit in layer.units)
        and not np.any(layer.rotate - np.eye(3))
        and not np.any(layer.shear)
        and np.allclose(layer.affine.affine_matrix, np.eye(4))
        and min(layer.scale) > 0
        and not getattr(layer, "rgb", False)
    )


def placement_of(layer: Layer, neighbours: Iterable[Layer] = ()) -> Placement:
    """The grid of a layer: its own record's, a neighbour's, or the shown one.

    Args:
        layer: Image or Labels layer.
        neighbours: Layers of the same viewer. One that is shown at the very same place
            gives its grid, so that labels drawn on an oblique scan lie on that scan.

    Raises:
        UnusableInput: MISSING_GEOMETRY, when the layer has no place in a patient.
    """
    known = tuple(neighbours)
    if not is_placed(layer, known):
        raise medseg.UnusableInput(
            medseg.ErrorCode.MISSING_GEOMETRY,
            "the layer has no place in the patient",
            where=layer.name,
            remedy="Open the scan with MedSeg, and make labels on such a layer.",
        )
    return _grid_under(layer, known) or Placement.of_transform(
        layer.data.shape, layer.scale, layer.translate
    )


def volume_of(layer: Image, neighbours: Iterable[Layer] = ()) -> medseg.Volume:
    """The scan an image layer shows, on the grid it was read on."""
    placement = placement_of(layer, neighbours)
    record = record_of(layer) or Record(placement=placement, case_id=layer.name)
    return medseg.Volume(
        array=placement.to_source(np.asarray(layer.data))[np.newaxis],
        geometry=placement.source,
        channels=(record.channel,),
        case_id=record.case_id,
        sha256=record.sha256,
        notes=record.notes,
        source=record.source,
    )


def segmentation_of(
    layer: Labels, neighbours: Iterable[Layer] = ()
) -> medseg.Segmentation:
    """The label map a layer shows, on the grid of the scan it was made for.

    Args:
        layer: Labels layer, one of MedSeg's or one a user drew.
        neighbours: As for `placement_of`.
    """
    placement = placement_of(layer, neighbours)
    record = record_of(layer) or Record(placement=placement, case_id=layer.name)
    return segmentation_in(np.asarray(layer.data), placement, record)


def segmentation_in(
    shown: np.ndarray, placement: Placement, record: Record
) -> medseg.Segmentation:
    """The label map in the (S, A, R) array of a layer; touches no layer.

    Args:
        shown: The layer's labels.
        placement: The grid they are on.
        record: What MedSeg kept with the layer.
    """
    array = np.array(placement.to_source(shown))
    return medseg.Segmentation(
        array=array,
        geometry=placement.source,
        labels=with_every_label(record.labels, array, record.case_id),
        case_id=record.case_id,
        provenance=provenance_now(record.provenance, record.checksum, shown),
    )


def features_of(segmentation: medseg.Segmentation) -> dict[str, list[Any]]:
    """Napari's table of labels, for its status line; `index` is the label."""
    labels = segmentation.labels
    counts = medseg.voxels_of_labels(segmentation.array)
    volume = segmentation.geometry.voxel_volume_ml
    return {
        "index": [0, *labels.ids],
        "structure": ["background", *labels.names],
        "volume_ml": [
            np.nan,  # which napari does not show
            *(round(counts.get(id_, 0) * volume, 2) for id_ in labels.ids),
        ],
    }


def colormap_of(labels: medseg.LabelSet) -> DirectLabelColormap:
    """The structures' own colours; grey for a label without a name."""
    colours: dict[int | None, Any] = {
        structure.id: (*(value / 255 for value in structure.colour), 1.0)
        for structure in labels
    }
    return DirectLabelColormap(
        color_dict={None: UNNAMED_COLOUR, 0: (0.0, 0.0, 0.0, 0.0), **colours}
    )


def _image_layer(
    volume: medseg.Volume, channel: int, name: str, origin: Origin | None
) -> LayerTuple:
    placement = Placement.of(volume.geometry)
    array = np.ascontiguousarray(placement.to_shown(volume.array[channel]))
    channel_name = volume.channels[channel]
    low, high = float(array.min()), float(array.max())
    record = Record(
        placement=placement,
        case_id=volume.case_id,
        channel=channel_name,
        sha256=volume.sha256,
        notes=volume.notes,
        intensity_range=(low, high),
        origin=origin,
        source=volume.source,
    )
    title = f"{name} {channel_name}" if len(volume.channels) > 1 else name
    options = _placed(placement, title, record) | {
        "contrast_limits": presets_of(array, channel_name, (low, high))[
            0
        ].window.limits,
        "colormap": "gray",
        "blending": "translucent" if channel == 0 else "additive",
    }
    return array, options, "image"


def _grid_under(layer: Layer, neighbours: Iterable[Layer]) -> Placement | None:
    """The grid that its own record or a neighbour's has at the place of a layer."""
    where = layer.data.shape, layer.scale, layer.translate
    records = (record_of(candidate) for candidate in (layer, *neighbours))
    grids = (record.placement for record in records if record is not None)
    return next((grid for grid in grids if grid.is_shown_at(*where)), None)


def _placed(placement: Placement, name: str, record: Record) -> dict[str, Any]:
    metadata: Mapping[str, Record] = {METADATA_KEY: record}
    return {
        "name": name,
        "scale": placement.scale,
        "translate": placement.translate,
        "units": UNITS,
        "axis_labels": AXIS_LABELS,
        "metadata": dict(metadata),
    }
