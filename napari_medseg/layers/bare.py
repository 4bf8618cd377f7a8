"""The viewer itself, where napari hands over one in a wrapping."""

from typing import TypeVar

from napari.components import ViewerModel

Viewer = TypeVar("Viewer", bound=ViewerModel)


def bare(viewer: Viewer) -> Viewer:
    """The viewer that napari has wrapped for a panel or a command, or the same.

    Through the wrapping a layer is a new object each time it is asked for. That is
    neither the layer that a box offers nor one to remember anything by.
    """
    unwrapped: Viewer = getattr(viewer, "__wrapped__", viewer)
    return unwrapped
