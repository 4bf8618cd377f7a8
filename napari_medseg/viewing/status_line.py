"""Where the mouse is in the patient, in napari's status line."""

from collections.abc import Sequence

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer
from napari.utils.events import Event

from napari_medseg.layers.conversion import (
    HELPER_KEY,
    intensity_unit,
    is_placed,
    record_of,
)

_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))


def say_where(viewer: ViewerModel) -> None:
    """Put patient coordinates and intensities into the status line from now on."""
    viewer.events.status.connect(_on_status)  # once, however often it is said


def patient_words(point_ras_mm: Sequence[float] | np.ndarray) -> str:
    """A point of the patient as radiologists write it: R 12.0  P 3.5  S 40.0 mm."""
    words = (
        f"{letters[int(value >= 0)]} {abs(value):.1f}"
        for letters, value in zip(_LETTERS, point_ras_mm, strict=True)
    )
    return "  ".join(words) + " mm"


def patient_point_ras_mm(layer: Layer, position: Sequence[float]) -> np.ndarray:
    """The point of the patient at a position of napari's world.

    Exact for an oblique scan too, which is shown along its own axes.
    """
    record = record_of(layer)
    position_sar_mm = np.asarray(position)[-3:]
    where = layer.data.shape, layer.scale, layer.translate
    if record is None or not record.placement.is_shown_at(*where):
        flipped: np.ndarray = position_sar_mm[::-1]
        return flipped
    index = (position_sar_mm - layer.translate) / layer.scale
    return record.placement.shown.to_world(index)


def describe_point(viewer: ViewerModel, position: Sequence[float]) -> str:
    """Place in the patient and what the scan holds there.

    Empty where no scan is, and in 3D, where the mouse is at no one place.
    """
    layer = _scan_to_tell_of(viewer)
    if layer is None or viewer.dims.ndisplay == 3:
        return ""
    place = patient_words(patient_point_ras_mm(layer, position))
    value = layer.get_value(position, world=True) if isinstance(layer, Image) else None
    if value is None:
        return place
    return f"{place}  {value:.6g} {intensity_unit(layer)}".strip()


def _on_status(event: Event) -> None:
    viewer: ViewerModel = event.source
    status = viewer.status
    if not isinstance(status, dict) or not status.get("coords"):
        return
    words = describe_point(viewer, viewer.cursor.position)
    if not words:
        return
    active = viewer.layers.selection.active
    own = "" if isinstance(active, Image) else status["value"]
    told = {
        "coordinates": f"{words}  {own}".strip(),
        "coords": "",  # told: this is not ours to change again
    }
    viewer.status = status | told


def _scan_to_tell_of(viewer: ViewerModel) -> Layer | None:
    """The selected image, else the topmost one seen, else any layer in a patient.

    Of images that a panel laid over the scan only the selected one is told of.
    """
    active = viewer.layers.selection.active
    if isinstance(active, Image) and is_placed(active):
        return active
    placed = [layer for layer in reversed(viewer.layers) if is_placed(layer)]
    scans = [layer for layer in placed if HELPER_KEY not in layer.metadata]
    seen = [layer for layer in scans if isinstance(layer, Image) and layer.visible]
    return next(iter((*seen, *placed)), None)
