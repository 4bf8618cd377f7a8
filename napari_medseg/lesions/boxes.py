"""Boxes to choose label maps and the scan they lie on."""

from collections.abc import Callable

import numpy as np
from napari.components import LayerList
from napari.layers import Image, Labels, Layer

from napari_medseg.controls.labels_box import LabelsBox
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.layers.conversion import record_of
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


class BaselineScanBox(LayerBox):
    """Scans of a baseline; one is chosen for the user where no other may be meant."""

    def __init__(
        self,
        layers: LayerList,
        baseline: Callable[[], Layer | None],
        later_scan: Callable[[], Layer | None],
    ) -> None:
        """A box over `layers`.

        Args:
            layers: The viewer's.
            baseline: Gives the earlier label map.
            later_scan: Gives the scan of the later one.
        """
        self._baseline = baseline
        self._later_scan = later_scan
        super().__init__(layers, Image, rank=self._suits, none_text="none")

    def _suits(self, layer: Layer) -> int:
        """2 for a scan of the baseline's case, 1 for one that may be its, else 0."""
        baseline = self._baseline()
        if baseline is None or not on_same_voxels(layer, baseline):
            return 0
        ours, theirs = record_of(layer), record_of(baseline)
        if ours is not None and theirs is not None and ours.case_id == theirs.case_id:
            return 2
        return int(layer is not self._later_scan())

    def _best_of(self, offered: list[Layer]) -> Layer | None:
        ranks = [self._suits(layer) for layer in offered]
        most = max(ranks, default=0)
        if most == 0 or ranks.count(most) > 1:
            return None
        return offered[ranks.index(most)]


def on_same_voxels(layer: Layer, other: Layer) -> bool:
    """Whether two layers are shown with the same voxels at the same place."""
    return layer.data.shape == other.data.shape and bool(
        np.allclose(layer.scale, other.scale, rtol=0, atol=1e-4)
        and np.allclose(layer.translate, other.translate, rtol=0, atol=1e-3)
    )
