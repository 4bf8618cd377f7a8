"""Window and level by a drag with the right mouse button."""

from collections.abc import Iterator

from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.events import Event

from napari_medseg.layers.conversion import HELPER_KEY, is_placed, record_of
from napari_medseg.layers.windowing import Window
from napari_medseg.viewing.camera import camera_of

_RIGHT_BUTTON = 2


def drag_window(viewer: ViewerModel, event: Event) -> Iterator[None]:
    """Change the window of the scan while the right button is held.

    Right makes it wider, left narrower; down makes the picture brighter, up darker.
    Napari would zoom meanwhile, which the wheel does too.
    """
    layer = scan_to_window(viewer)
    if event.button != _RIGHT_BUTTON or event.modifiers or layer is None:
        return
    camera = camera_of(viewer)
    was_panning, camera.mouse_pan = camera.mouse_pan, False
    first = Window.of_limits(tuple(layer.contrast_limits))
    start, span = event.pos, _span(layer)
    yield
    while event.type == "mouse_move":
        right, down = event.pos[0] - start[0], event.pos[1] - start[1]
        set_window(layer, first.dragged(right, down, span))
        yield
    camera.mouse_pan = was_panning


def scan_to_window(viewer: ViewerModel) -> Image | None:
    """The scan a drag changes: the selected one, else the topmost one seen.

    An image that a panel laid over the scan is changed only where it is selected.
    None while a layer is selected that is being edited: its tools have the mouse.
    """
    active = viewer.layers.selection.active
    if active is not None and active.mode not in ("pan_zoom", "transform"):
        return None
    if isinstance(active, Image) and is_placed(active):
        return active
    scans = [la for la in reversed(viewer.layers) if HELPER_KEY not in la.metadata]
    seen = (layer for layer in scans if layer.visible)
    return next((la for la in seen if isinstance(la, Image) and is_placed(la)), None)


def set_window(layer: Image, window: Window) -> None:
    """Show a window, and let napari's slider reach its ends."""
    low, high = window.limits
    least, most = layer.contrast_limits_range
    layer.contrast_limits_range = min(low, least), max(high, most)
    layer.contrast_limits = low, high


def _span(layer: Image) -> float:
    record = record_of(layer)
    limits = tuple(layer.contrast_limits_range)
    low, high = (record and record.intensity_range) or limits
    return float(high - low) or 1.0
