"""The sample scan in napari's File > Open Sample menu."""

import napari

import medseg
from napari_medseg.layers.conversion import (
    LayerTuple,
    segmentation_layer,
    volume_layers,
)
from napari_medseg.viewing.orientation import orient_for_scan


def ct_phantom() -> list[LayerTuple]:
    """A computed abdominal CT, no patient's, with its reference labels."""
    phantom = medseg.make_phantom(medseg.SAMPLE_SEED)
    viewer = napari.current_viewer()
    if viewer is not None:
        orient_for_scan(viewer)
    return [
        *volume_layers(phantom.volume, "CT phantom (synthetic)"),
        segmentation_layer(phantom.reference, "CT phantom reference"),
    ]
