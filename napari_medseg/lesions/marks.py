"""The layer that shows diameters and box of the lesion chosen."""

import numpy as np
from napari.components import ViewerModel
from napari.layers import Shapes

import medseg
from napari_medseg.layers.box_shapes import rectangles_of
from napari_medseg.layers.conversion import AXIS_LABELS, HELPER_KEY, UNITS
from napari_medseg.layers.placement import Placement, place_at
from napari_medseg.lesions.drawing import diameters_of

MARKS_NAME = "diameters and box"
# Okabe and Ito's yellow and sky blue, and white, which every reader tells apart
_LONGEST, _PERPENDICULAR, _BOX = "#f0e442", "#56b4e9", "#ffffff"
_LEAST_WIDTH = 0.6  # in voxels
_WIDTH = 0.03  # of the longest diameter
_BOX_WIDTH = 0.7  # of the width of the lines


class Marks:
    """One layer, hidden while there is nothing to show, taken away at the end."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: Shapes | None = None
        self._chosen: tuple[medseg.InstanceMeasure, Placement] | None = None
        self._is_wanted = True

    def choose(self, measure: medseg.InstanceMeasure, placement: Placement) -> None:
        """Show the diameters and the box of a lesion in place of another's.

        Args:
            measure: Of the lesion.
            placement: How its label map is shown.
        """
        self._chosen = measure, placement
        self.want(self._is_wanted)

    def want(self, is_wanted: bool) -> None:
        """Show those of the lesion that was chosen, or hide them."""
        self._is_wanted = is_wanted
        if self._chosen is not None and is_wanted:
            self._show(*self._chosen)
        else:
            self._hide()

    def forget(self) -> None:
        """Show nothing until another lesion is chosen."""
        self._chosen = None
        self._hide()

    def _show(self, measure: medseg.InstanceMeasure, placement: Placement) -> None:
        layer = self._layer
        if layer is None or layer not in self._viewer.layers:
            self._layer = layer = self._added(placement)
        layer.selected_data = set(range(layer.nshapes))
        layer.remove_selected()
        place_at(layer, placement.scale, placement.translate)
        lines = diameters_of(measure, placement)
        box = rectangles_of(measure, placement)
        across_mm = min(placement.scale)
        width = max(_LEAST_WIDTH, _WIDTH * measure.longest_axial_mm / across_mm)
        layer.add(
            [*box, *lines],
            shape_type=["rectangle"] * len(box) + ["line", "line"],
            edge_color=[_BOX] * len(box) + [_LONGEST, _PERPENDICULAR],
            edge_width=[_BOX_WIDTH * width] * len(box) + [width, width],
            face_color="transparent",
        )
        layer.visible = True

    def _hide(self) -> None:
        if self._layer is not None:
            self._layer.visible = False

    def end(self) -> None:
        """Take the layer away."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _added(self, placement: Placement) -> Shapes:
        selection = self._viewer.layers.selection
        active = selection.active
        layer: Shapes = self._viewer.add_layer(
            Shapes(
                ndim=3,
                name=MARKS_NAME,
                scale=np.array(placement.scale),
                translate=np.array(placement.translate),
                units=UNITS,
                axis_labels=AXIS_LABELS,
                opacity=1.0,
                metadata={HELPER_KEY: True},
            )
        )
        selection.active = active
        return layer
