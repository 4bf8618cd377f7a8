"""Boxes to choose label maps and the scan they lie on."""

import numpy as np
from napari.components import LayerList
from napari.layers import Labels, Layer

from napari_medseg.controls.labels_box import LabelsBox
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.layers.ranking import is_derived


class ChosenLabelsBox(LabelsBox):
    """Label maps, but not lesions told apart from one, nor errors."""

    def _is_offered(self, layer: Layer) -> bool:
        return super()._is_offered(layer) and not is_derived(layer)


class LabelMapBox(LayerBox):
    """The same, chosen by the user alone."""

    def __init__(self, layers: LayerList, none_text: str) -> None:
        super().__init__(layers, Labels, none_text=none_text)

    def _is_offered(self, layer: Layer) -> bool:
        return super()._is_offered(layer) and not is_derived(layer)


def on_same_voxels(layer: Layer, other: Layer) -> bool:
    """Whether two layers are shown with the same voxels at the same place."""
    return layer.data.shape == other.data.shape and bool(
        np.allclose(layer.scale, other.scale, rtol=0, atol=1e-4)
        and np.allclose(layer.translate, other.translate, rtol=0, atol=1e-3)
    )
