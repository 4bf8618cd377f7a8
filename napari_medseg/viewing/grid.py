"""The grid of a viewer, which moved in napari 0.9."""

from napari.components import ViewerModel
from napari.components.grid import GridCanvas


def grid_of(viewer: ViewerModel) -> GridCanvas:
    """The grid; napari before 0.9 has it on the viewer itself."""
    grid: GridCanvas = getattr(viewer, "canvas", viewer).grid
    return grid
