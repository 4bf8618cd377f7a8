"""The slice curve under the view, in step with the viewer's slices."""

from napari import Viewer
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_medseg.scores.columns import Colour
from napari_medseg.scores.details import Details
from napari_medseg.scores.slice_curve import Curve, SliceCurve
from napari_medseg.scores.worst import PLANES

_TITLE = "Dice by slice (MedSeg)"


class CurveDock:
    """Shows the curve of the plane that is looked at, and moves through its slices.

    Attributes:
        curve: The widget; in a window it lies under the view.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.curve = SliceCurve()
        self._viewer = viewer
        self._details: Details | None = None
        self.curve.slice_chosen.connect(self._on_slice_chosen)
        viewer.dims.events.order.connect(self._on_order_changed)
        viewer.dims.events.point.connect(self._on_point_changed)

    @property
    def axis(self) -> int:
        """The one of S, A, R that the slices follow each other along."""
        dims = self._viewer.dims
        axis = dims.order[-3] - (dims.ndim - 3) if dims.ndim >= 3 else 0
        return max(0, axis)

    def show(self, details: Details | None) -> None:
        """Show the curve of a structure, or none."""
        self._details = details
        self._draw()

    def set_visible(self, *, visible: bool) -> None:
        """Put the curve under the view, or take it away, where there is a window."""
        dock = self.curve.parent()
        if isinstance(dock, QDockWidget):
            dock.setVisible(visible)
        elif visible and isinstance(self._viewer, Viewer):
            self._viewer.window.add_dock_widget(
                self.curve, name=_TITLE, area="bottom", add_vertical_stretch=False
            )
            self.curve.show()  # which taking it out of a dock has undone
            _lie_under_the_view(self.curve)

    def end(self) -> None:
        """Take the curve away and listen to the viewer no more."""
        self._viewer.dims.events.order.disconnect(self._on_order_changed)
        self._viewer.dims.events.point.disconnect(self._on_point_changed)
        if isinstance(self.curve.parent(), QDockWidget) and isinstance(
            self._viewer, Viewer
        ):
            self._viewer.window.remove_dock_widget(self.curve)

    def _draw(self) -> None:
        details = self._details
        if details is None:
            self.curve.show_curve(None)
            return
        counts = details.curves[self.axis]
        worst = max(1, int(counts.wrong.max()))
        curve = Curve(
            title=f"{details.name}, {PLANES[self.axis]}",
            dice=counts.dice.tolist(),
            wrong=(counts.wrong / worst).tolist(),
            colour=_colour_of(details),
        )
        self.curve.show_curve(curve)
        self._on_point_changed()

    def _on_order_changed(self, _event: object = None) -> None:
        self._draw()

    def _on_point_changed(self, _event: object = None) -> None:
        if self._details is not None:
            placement = self._details.comparison.pair.placement
            axis, dims = self.axis, self._viewer.dims
            position = dims.point[axis + dims.ndim - 3]
            step = (position - placement.translate[axis]) / placement.scale[axis]
            last = placement.shown.shape[axis] - 1
            self.curve.show_index(max(0, min(round(step), last)))

    def _on_slice_chosen(self, index: int) -> None:
        if self._details is not None:
            placement = self._details.comparison.pair.placement
            axis, dims = self.axis, self._viewer.dims
            position = placement.translate[axis] + index * placement.scale[axis]
            dims.set_point(axis + dims.ndim - 3, position)


def _lie_under_the_view(curve: QWidget) -> None:
    """Leave the sides of the window, where panels need their height, as they are."""
    window = curve.window()
    if isinstance(window, QMainWindow):
        area, corner = Qt.DockWidgetArea, Qt.Corner
        window.setCorner(corner.BottomLeftCorner, area.LeftDockWidgetArea)
        window.setCorner(corner.BottomRightCorner, area.RightDockWidgetArea)


def _colour_of(details: Details) -> Colour | None:
    label = details.request.label
    return None if label is None else details.comparison.colours.get(label)
