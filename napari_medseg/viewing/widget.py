"""The Views panel: window and level, planes, and two more planes beside the first."""

from napari.components import ViewerModel
from napari.layers import Image
from napari.qt import QtViewer
from qtpy.QtCore import QTimer

from napari_medseg.controls.panel import Panel
from napari_medseg.layers.bare import bare
from napari_medseg.layers.conversion import presets_for
from napari_medseg.layers.windowing import Window
from napari_medseg.viewing.linked_view import LinkedView, go_to_click
from napari_medseg.viewing.orientation import Plane, show_axial, show_plane
from napari_medseg.viewing.slice_numbers import fit_slice_numbers
from napari_medseg.viewing.view import ViewsView
from napari_medseg.viewing.window_drag import set_window

_LAID_OUT_MS = 50


class ViewsWidget(Panel):
    """Sets how scans are seen."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        viewer = bare(napari_viewer)
        view = ViewsView(viewer.layers)
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._linked: tuple[LinkedView, ...] = ()
        self._sides: tuple[QtViewer, ...] = ()
        self._layer: Image | None = None
        view.image_box.layer_changed.connect(self._on_image_changed)
        view.window_requested.connect(self._on_window_requested)
        view.plane_requested.connect(self._on_plane_requested)
        view.volume_requested.connect(self._on_volume_requested)
        view.sides_requested.connect(self._on_sides_requested)
        self._on_image_changed(view.image_box.layer())

    def end(self) -> None:
        """Take the other planes away and listen to the viewer no more."""
        super().end()
        self._watch(None)
        self._on_sides_requested(shown=False)
        self.view.image_box.disconnect_layers()

    def _watch(self, layer: Image | None) -> None:
        """Follow the window of this layer and of no other."""
        if self._layer is not None:
            self._layer.events.contrast_limits.disconnect(self._on_limits_changed)
        self._layer = layer
        if layer is not None:
            layer.events.contrast_limits.connect(self._on_limits_changed)

    def _on_image_changed(self, layer: Image | None) -> None:
        self._watch(layer)
        if layer is not None:
            self.view.offer_presets(presets_for(layer))
            self._on_limits_changed()

    def _on_limits_changed(self, _event: object = None) -> None:
        if self._layer is not None:
            limits = tuple(self._layer.contrast_limits)
            self.view.show_window(Window.of_limits((limits[0], limits[1])))

    def _on_window_requested(self, window: Window) -> None:
        if self._layer is not None:
            set_window(self._layer, window)

    def _on_plane_requested(self, plane: Plane) -> None:
        show_plane(self._viewer, plane)

    def _on_volume_requested(self) -> None:
        self._viewer.dims.ndisplay = 3
        self._viewer.reset_view()

    def _on_sides_requested(self, shown: bool) -> None:
        for side, linked in zip(self._sides, self._linked, strict=True):
            linked.unlink()
            side.close()
        self._linked, self._sides = (), ()
        clicks = self._viewer.mouse_drag_callbacks
        if go_to_click in clicks:
            clicks.remove(go_to_click)
        if shown:
            show_axial(self._viewer)
            clicks.append(go_to_click)
            planes = Plane.CORONAL, Plane.SAGITTAL
            self._sides = tuple(QtViewer(ViewerModel()) for _ in planes)
            self._linked = tuple(
                LinkedView(self._viewer, side.viewer, plane)
                for side, plane in zip(self._sides, planes, strict=True)
            )
        self.view.show_sides(self._sides)
        QTimer.singleShot(_LAID_OUT_MS, self._fit_sides)

    def _fit_sides(self) -> None:
        """Show all of the scan, now that the size of the views is known."""
        for side, linked in zip(self._sides, self._linked, strict=True):
            fit_slice_numbers(side)
            linked.model.reset_view()
