"""The layer of errors: one, replaced when other errors are to be seen."""

from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.events import Event

from napari_medseg.layers.conversion import LayerTuple
from napari_medseg.layers.hiding import HiddenLayers
from napari_medseg.layers.placement import place_at


class ErrorLayer:
    """The one layer of errors of a viewer, never a layer that the user has made.

    What was scored is hidden while errors are shown: colours that lie over each other
    are those of no legend.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None
        self._hidden = HiddenLayers(viewer.layers)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def is_shown(self) -> bool:
        """Whether the viewer holds it; the user may have removed it."""
        return self._layer is not None and self._layer in self._viewer.layers

    def show(self, made: LayerTuple, scored: tuple[Labels, ...]) -> None:
        """Show errors; the layer that the user works on stays the chosen one.

        Args:
            made: The errors.
            scored: The layers they are those of.
        """
        self._hidden.hide(scored)
        array, options, _ = made
        if self._layer is not None and self.is_shown:
            self._layer.data = array
            self._layer.features = options["features"]
            self._layer.metadata = options["metadata"]
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
        self._hidden.show_again()

    def end(self) -> None:
        """Take the layer away, and listen to the viewer no more."""
        self.remove()
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def _on_removed(self, event: Event) -> None:
        """The user may have done it."""
        if event.value is self._layer:
            self._hidden.show_again()
