"""Clicks in the picture, told from drags."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from napari.components import ViewerModel
from napari.utils.events import Event

Point = tuple[float, float, float]
_LEFT_BUTTON = 1
_STILL_PX = 4.0  # a hand is not steadier than this between press and release


def still_click(
    viewer: ViewerModel, event: Event, act: Callable[[Point, bool], object]
) -> Iterator[None]:
    """Wait for what a press becomes; act on a click.

    A press that turns into a drag moves the picture as ever, and so does a click with a
    brush in the hand paint. In 3D a click has no depth, so it is no point.

    Args:
        viewer: The viewer.
        event: The press, which napari lets tell of the moves and the release, too.
        act: Called with the point (S, A, R) as shown, and whether Shift was held.
    """
    active = viewer.layers.selection.active
    is_moving = active is None or str(active.mode) == "pan_zoom"
    is_flat = viewer.dims.ndisplay == 2
    if event.button != _LEFT_BUTTON or not is_moving or not is_flat:
        return
    start = np.array(event.pos, float)
    point = as_point(event.position)
    adds = "Shift" in event.modifiers
    yield
    while event.type == "mouse_move":
        yield
    if np.abs(np.array(event.pos, float) - start).max() <= _STILL_PX:
        act(point, adds)


def as_point(position: Sequence[float]) -> Point:
    """The last three coordinates of a position."""
    s, a, r = (float(value) for value in position[-3:])
    return s, a, r
