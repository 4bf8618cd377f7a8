"""The camera of a viewer, which moved in napari 0.9."""

from napari.components import Camera, ViewerModel


def camera_of(viewer: ViewerModel) -> Camera:
    """The camera; napari before 0.9 has it on the viewer itself."""
    camera: Camera = getattr(viewer, "scene", viewer).camera
    return camera
