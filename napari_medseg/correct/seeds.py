"""Where the user has clicked to let a tool start."""

from collections.abc import Iterator

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.events import Event
from qtpy.QtCore import QObject, Signal

from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.clicks import Point, as_point, still_click


class Seeds(QObject):
    """Points that were clicked; a click with Shift adds to those there are.

    Attributes:
        changed: There are other points than before.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._points: tuple[Point, ...] = ()
        self.is_active = False
        viewer.mouse_drag_callbacks.append(self._on_press)

    @property
    def points_sar_mm(self) -> tuple[Point, ...]:
        """The points, (S, A, R) as shown."""
        return self._points

    @property
    def words(self) -> str:
        """The points, in a line."""
        if not self._points:
            return "Click in the picture; Shift+click for more points."
        s, a, r = self._points[-1]
        more = f", one of {len(self._points)}" if len(self._points) > 1 else ""
        return f"From R {r:.1f}, A {a:.1f}, S {s:.1f} mm{more}"

    def end(self) -> None:
        """Listen to the viewer no more."""
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def take_middle(self) -> None:
        """Start from the middle of what is shown."""
        dims = self._viewer.dims
        point = list(dims.point)
        centre = camera_of(self._viewer).center
        for axis, place in zip(dims.displayed, centre[-dims.ndisplay :], strict=True):
            point[axis] = place
        self._set((as_point(point),))

    def index_in(self, scan: Image) -> tuple[int, int, int] | None:
        """The voxel of a scan that the last point is in; None beside it."""
        if not self._points:
            return None
        place = np.array(self._points[-1]) - scan.translate
        index = np.round(place / scan.scale).astype(int)
        if (index < 0).any() or (index >= scan.data.shape).any():
            return None
        i, j, k = index.tolist()
        return i, j, k

    def _on_press(self, viewer: ViewerModel, event: Event) -> Iterator[None]:
        if self.is_active:
            yield from still_click(viewer, event, self._take)

    def _take(self, point: Point, adds: bool) -> None:
        self._set((*self._points, point) if adds else (point,))

    def _set(self, points: tuple[Point, ...]) -> None:
        self._points = points
        self.changed.emit()
