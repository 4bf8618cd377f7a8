"""The layer of errors: one, replaced when other errors are to be seen."""

from napari.components import ViewerModel
from napari.layers import Labels

from napari_medseg.layers.conversion import METADATA_KEY, LayerTuple, place_at


class ErrorLayer:
    """The one layer of errors of a viewer, never a layer that the user has made."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the viewer holds it; the user may have removed it."""
        return self._layer is not None and self._layer in self._viewer.layers

    def show(self, made: LayerTuple) -> None:
        """Show errors; the layer that the user works on stays the chosen one."""
        array, options, _ = made
        if self._layer is not None and self.is_shown:
            self._layer.data = array
            self._layer.features = options["features"]
            self._layer.metadata = {METADATA_KEY: options["metadata"][METADATA_KEY]}
            place_at(self._layer, options["scale"], options["translate"])
            return
        selection = self._viewer.layers.selection
        active = selection.active
        self._layer = self._viewer.add_labels(array, **options)
        selection.active = active

    def remove(self) -> None:
        """Take the layer away."""
        if self._layer is not None and self.is_shown:
            self._viewer.layers.remove(self._layer)
        self._layer = None
