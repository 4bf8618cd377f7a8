"""The lesions told apart as a Labels layer, a colour each."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from qtpy.QtGui import QColor

from napari_medseg.layers.conversion import (
    LayerTuple,
    record_of,
    segmentation_layer,
)
from napari_medseg.layers.made import checksum_of
from napari_medseg.layers.placement import place_at
from napari_medseg.layers.ranking import LESIONS_KEY
from napari_medseg.lesions.contents import Lesions, as_labels
from napari_medseg.lesions.seen import Seen

_OPACITY = 0.7


@dataclass(frozen=True, eq=False, kw_only=True)
class Made:
    """Lesions told apart.

    Attributes:
        lesions: All of them.
        layer: What shows them.
        labels: The layer they were told apart in.
        seen: That layer then.
    """

    lesions: Lesions
    layer: LayerTuple
    labels: Labels
    seen: Seen


def lesions_layer(lesions: Lesions, name: str) -> LayerTuple:
    """A Labels layer of the lesions; may be made in another thread.

    Args:
        lesions: What to show.
        name: Of the layer of the label map they are in.
    """
    title = f"lesions of {name}"
    array, options, kind = segmentation_layer(as_labels(lesions.panoptic), title)
    options["opacity"] = _OPACITY
    options["metadata"][LESIONS_KEY] = checksum_of(array)
    return array, options, kind


def show_lesions(viewer: ViewerModel, made: LayerTuple, contour: int) -> Labels:
    """Show lesions, in place of those of the same label map told apart otherwise.

    A layer that was edited by hand since is left as it is, and a new one added. The
    layer that the user works on stays the chosen one.

    Args:
        viewer: The viewer.
        made: From `lesions_layer`.
        contour: Width of outlines in voxels, 0 for areas.
    """
    array, options, _ = made
    earlier = _own_layer(viewer.layers, options["name"])
    if earlier is not None:
        earlier.data = array
        earlier.features = options["features"]
        earlier.metadata = options["metadata"]
        earlier.colormap = options["colormap"]
        place_at(earlier, options["scale"], options["translate"])
        return earlier
    active = viewer.layers.selection.active
    layer: Labels = viewer.add_labels(array, **options)
    layer.contour = contour
    viewer.layers.selection.active = active
    return layer


def colours_of(layer: Labels, lesions: Lesions) -> dict[int, QColor]:
    """The colour of each lesion in its layer, by number."""
    return {
        each.number: QColor.fromRgbF(*layer.colormap.map(each.number)[:3].tolist())
        for each in lesions.measures
    }


def _own_layer(layers: Collection[object], name: str) -> Labels | None:
    """The layer of that name that still is as the panel made it."""
    for layer in layers:
        if isinstance(layer, Labels) and layer.name == name and _is_as_made(layer):
            return layer
    return None


def _is_as_made(layer: Labels) -> bool:
    made = layer.metadata.get(LESIONS_KEY)
    return record_of(layer) is not None and made == checksum_of(np.asarray(layer.data))
