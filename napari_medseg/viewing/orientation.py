"""The viewer turned so that a patient is seen as radiologists see one.

With the world axes (S, A, R) and the camera's orientation away, up, left, the patient's
right is on the left of the picture in axial and coronal views, anterior is up in axial
ones, superior up in the other two, and the 3D view is not mirrored. The orientation
belongs to the viewer, not to a layer, so it is set when a scan is opened.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

from napari.components import ViewerModel
from napari.layers import Image, Layer
from napari.utils.camera_orientations import (
    DepthAxisOrientation,
    HorizontalAxisOrientation,
    VerticalAxisOrientation,
)
from napari.utils.events import Event
from napari.utils.notifications import show_info

from napari_medseg.layers.conversion import is_placed, record_of
from napari_medseg.viewing.camera import camera_of
from napari_medseg.viewing.status_line import say_where
from napari_medseg.viewing.window_drag import drag_window

ORIENTATION = (
    DepthAxisOrientation.AWAY,
    VerticalAxisOrientation.UP,
    HorizontalAxisOrientation.LEFT,
)


class Plane(StrEnum):
    """The three planes a radiologist looks at."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


_ORDERS = {
    Plane.AXIAL: (0, 1, 2),
    Plane.CORONAL: (1, 0, 2),
    Plane.SAGITTAL: (2, 0, 1),
}
_KEYS = {
    Plane.AXIAL: "Control-1",
    Plane.CORONAL: "Control-2",
    Plane.SAGITTAL: "Control-3",
}


def orient(viewer: ViewerModel) -> None:
    """Turn the viewer to the patient; from now on it has what scans need.

    Ctrl+1, 2, 3 show the three planes, a drag with the right button changes window and
    level, and the status line tells patient coordinates.
    """
    camera_of(viewer).orientation = ORIENTATION
    for plane, show in _SHOWN_BY.items():
        viewer.bind_key(_KEYS[plane], show, overwrite=True)
    viewer.layers.events.inserted.connect(_widen_contrast_slider)
    if drag_window not in viewer.mouse_drag_callbacks:
        viewer.mouse_drag_callbacks.append(drag_window)
    say_where(viewer)


def orient_for_scan(
    viewer: ViewerModel, ask: Callable[[str], bool] | None = None
) -> None:
    """Turn the viewer; where it holds layers which that would turn too, ask first.

    Args:
        viewer: The viewer.
        ask: Given the name of such a layer, says whether to turn it; without it
            nothing is turned, and a message says how to.
    """
    foreign = [layer.name for layer in viewer.layers if not is_placed(layer)]
    if (
        not foreign
        or camera_of(viewer).orientation == ORIENTATION
        or (ask is not None and ask(foreign[0]))
    ):
        orient(viewer)
    else:
        show_info(
            f"This window also shows {foreign[0]!r}, so it was not turned to the "
            "patient. Layers > Visualize > Axial view (MedSeg) does that."
        )


def show_plane(viewer: ViewerModel, plane: Plane) -> None:
    """Show one plane, radiologically, through the present point."""
    orient(viewer)
    viewer.dims.ndisplay = 2
    slide_along(viewer, plane)


def slide_along(viewer: ViewerModel, plane: Plane) -> None:
    """Let the slices of a viewer be those of a plane."""
    extra = max(0, viewer.dims.ndim - 3)
    if viewer.dims.ndim >= 3:
        turned = (axis + extra for axis in _ORDERS[plane])
        viewer.dims.order = (*range(extra), *turned)


def show_axial(viewer: ViewerModel) -> None:
    """Slices across the body, seen from the feet."""
    show_plane(viewer, Plane.AXIAL)


def show_coronal(viewer: ViewerModel) -> None:
    """Slices from front to back, seen from the front."""
    show_plane(viewer, Plane.CORONAL)


def show_sagittal(viewer: ViewerModel) -> None:
    """Slices from side to side, seen from the patient's left, anterior to the left."""
    show_plane(viewer, Plane.SAGITTAL)


def go_to(viewer: ViewerModel, position_sar_mm: Sequence[float]) -> None:
    """Move the slices and the middle of the picture to a point of the patient."""
    dims = viewer.dims
    extra = max(0, dims.ndim - 3)
    axes = range(extra, extra + len(position_sar_mm))
    dims.set_point(axes, position_sar_mm)  # all at once: one step, drawn once
    first, second, third = (dims.point[axis] for axis in dims.order[-3:])
    depth = first if dims.ndisplay == 3 else 0.0
    camera_of(viewer).center = (depth, second, third)


_SHOWN_BY = {
    Plane.AXIAL: show_axial,
    Plane.CORONAL: show_coronal,
    Plane.SAGITTAL: show_sagittal,
}


def _widen_contrast_slider(event: Event) -> None:
    """Let the slider reach every value: napari ends it at the first window's ends."""
    layer: Layer = event.value
    record = record_of(layer)
    if isinstance(layer, Image) and record is not None and record.intensity_range:
        low, high = record.intensity_range
        window = layer.contrast_limits
        layer.contrast_limits_range = min(low, window[0]), max(high, window[1])
