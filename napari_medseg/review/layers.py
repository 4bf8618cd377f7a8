"""A case of a cohort in the viewer: the one place where the review touches layers."""

from collections.abc import Iterable, Sequence
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

from napari_medseg.layers.conversion import HELPER_KEY, LayerTuple
from napari_medseg.review.loading import LoadedCase
from napari_medseg.viewing.grid import grid_of
from napari_medseg.viewing.orientation import orient_for_scan

_REFERENCE_OUTLINE = 1  # voxels: the reference is drawn round the filled prediction
_REFERENCE_COLOUR = (1.0, 1.0, 1.0, 1.0)  # of no structure: seen on its own prediction
_Window = tuple[float, float]


class CaseLayers:
    """The layers of the case on view; another case takes their place.

    Labels that the user edited are never removed: they stay, hidden, under a name that
    says what they are.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._loaded: LoadedCase | None = None
        self._scan: list[Layer] = []
        self._models: list[Layer] = []
        self._reference: list[Layer] = []
        self._copies: list[Layer] = []
        self._edited: set[Layer] = set()
        self._windows: dict[_Window, _Window] = {}
        self._grid_before: tuple[bool, int, tuple[int, int]] | None = None

    @property
    def loaded(self) -> LoadedCase | None:
        """The case on view."""
        return self._loaded

    def show(self, loaded: LoadedCase, *, side_by_side: bool) -> None:
        """Show a case where its first model did worst, in place of the one before.

        Args:
            loaded: What was read.
            side_by_side: Whether its two models have a picture each.
        """
        self.remove()
        self._loaded = loaded
        for made in loaded.scan:
            self._scan.append(self._add(made))
        for made in loaded.predictions.values():
            layer = self._add(made)
            layer.visible = not self._models
            self._models.append(layer)
        if loaded.reference is not None:
            layer = self._add(loaded.reference)
            if self._models and isinstance(layer, Labels):
                _outline(layer)
            self._reference = [layer]
        self.lay_out(side_by_side=side_by_side)
        orient_for_scan(self._viewer)
        self._viewer.reset_view()
        for axis, position in enumerate(loaded.place or ()):
            self._viewer.dims.set_point(axis, position)  # the picture stays whole

    def lay_out(self, *, side_by_side: bool) -> None:
        """Show the same case with one picture, or with one for each model."""
        if side_by_side == bool(self._copies) or len(self._models) < 2:
            return
        if side_by_side:
            self._split()
        else:
            self._join()
        self._viewer.reset_view()  # the pictures are of another size now

    def remove(self) -> LoadedCase | None:
        """Take the case out of the viewer.

        Returns:
            It, if its labels are still those of its files.
        """
        self._join()
        was, is_untouched = self._loaded, not self._edited
        for layer in (*self._scan, *self._models, *self._reference):
            self._forget(layer)
            if layer not in self._viewer.layers:
                continue
            if layer in self._edited:
                name = "" if was is None else was.case.case_id
                layer.name = f"{name} {layer.name} (edited)"
                layer.visible = False
            else:
                self._viewer.layers.remove(layer)
        self._scan, self._models, self._reference = [], [], []
        self._edited, self._loaded = set(), None
        return was if is_untouched else None

    def let_go(self) -> None:
        """Leave the layers to the user: one picture, and nothing is followed."""
        self._join()
        for layer in (*self._scan, *self._models, *self._reference):
            for event in _edits_of(layer):
                event.disconnect(self._on_edited)
        self._scan, self._models, self._reference = [], [], []
        self._edited, self._loaded = set(), None

    def _split(self) -> None:
        """A picture for each of two models: scan, model and reference in both."""
        scans = [self._copy(layer) for layer in self._scan]
        references = [self._copy(layer) for layer in self._reference]
        first, second = self._models[:2]
        pictures = (
            (*self._scan, first, *self._reference),
            (*scans, second, *references),
        )
        self._order(layer for picture in pictures for layer in picture)
        first.visible, second.visible = True, True
        for layer in (*self._scan, *scans):
            layer.events.contrast_limits.connect(self._on_window_changed)
        grid = grid_of(self._viewer)
        self._grid_before = grid.enabled, grid.stride, grid.shape
        grid.stride = len(pictures[0])  # layers a picture
        grid.shape = (1, len(pictures))
        grid.enabled = True

    def _join(self) -> None:
        """One picture again."""
        if self._grid_before is None:
            return
        grid = grid_of(self._viewer)
        grid.enabled, grid.stride, grid.shape = self._grid_before
        self._grid_before = None
        for layer in self._scan:
            layer.events.contrast_limits.disconnect(self._on_window_changed)
        for layer in self._copies:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._copies = []
        self._models[1].visible = False
        self._order((*self._scan, *self._models, *self._reference))

    def _add(self, made: LayerTuple) -> Layer:
        array, options, kind = made
        layer = Layer.create(array, self._with_window(options), kind)
        place = len((*self._scan, *self._models, *self._reference))
        self._viewer.layers.insert(place, layer)
        for event in _edits_of(layer):
            event.connect(self._on_edited)
        return layer

    def _copy(self, layer: Layer) -> Layer:
        """The same data once more, for the second picture."""
        copy = Layer.create(*layer.as_layer_data_tuple())
        copy.metadata = {**layer.metadata, HELPER_KEY: True}
        if isinstance(layer, Labels):
            copy.contour = layer.contour  # not among what a layer says of itself
        self._viewer.layers.append(copy)
        self._copies.append(copy)
        for event in _edits_of(copy):
            event.connect(self._on_copy_edited)
        return copy

    def _order(self, layers: Iterable[Layer]) -> None:
        """Put these first, in this order: napari deals pictures out by position."""
        here = [layer for layer in layers if layer in self._viewer.layers]
        for place, layer in enumerate(here):
            self._viewer.layers.move(self._viewer.layers.index(layer), place)

    def _forget(self, layer: Layer) -> None:
        for event in _edits_of(layer):
            event.disconnect(self._on_edited)
        if isinstance(layer, Image) and self._loaded is not None:
            _, options, _ = self._loaded.scan[self._scan.index(layer)]
            low, high = layer.contrast_limits
            self._windows[_window_of(options)] = (low, high)

    def _with_window(self, options: dict[str, Any]) -> dict[str, Any]:
        """The window the user last gave a scan that begins with the same one."""
        if "contrast_limits" not in options:
            return dict(options)
        window = self._windows.get(_window_of(options), options["contrast_limits"])
        return options | {"contrast_limits": window}

    def _on_edited(self, event: Any) -> None:
        self._edited.add(event.source)

    def _on_copy_edited(self, event: Any) -> None:
        """The copy of the reference: both show the same array."""
        for layer in self._reference:
            layer.data = event.source.data

    def _on_window_changed(self, event: Any) -> None:
        changed: Image = event.source
        for layer in (*self._scan, *self._copies):
            is_same_scan = isinstance(layer, Image) and layer.data is changed.data
            if is_same_scan and layer.contrast_limits != changed.contrast_limits:
                layer.contrast_limits = changed.contrast_limits


def _outline(reference: Labels) -> None:
    """Have its structures as lines in the colour of references."""
    labels = reference.colormap.color_dict
    reference.contour = _REFERENCE_OUTLINE
    reference.opacity = 1.0
    reference.colormap = DirectLabelColormap(
        color_dict={
            label: colour if label == 0 else _REFERENCE_COLOUR
            for label, colour in labels.items()
        }
    )


def _window_of(options: dict[str, Any]) -> _Window:
    low, high = options["contrast_limits"]
    return float(low), float(high)


def _edits_of(layer: Layer) -> Sequence[Any]:
    if not isinstance(layer, Labels):
        return ()
    return layer.events.data, layer.events.paint, layer.events.labels_update
