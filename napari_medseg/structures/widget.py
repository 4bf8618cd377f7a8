"""The Structures panel: what a Labels layer holds, and how it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from napari.components import ViewerModel
from napari.layers import Labels, Layer
from qtpy.QtGui import QColor, QGuiApplication

import medseg
from napari_medseg.controls.background import Background, Report
from napari_medseg.controls.errands import tell_failure
from napari_medseg.controls.panel import Panel
from napari_medseg.controls.saving import ask_where
from napari_medseg.layers.bare import bare
from napari_medseg.layers.conversion import segmentation_of
from napari_medseg.layers.edits import EditWatch
from napari_medseg.layers.scripts import origin_of
from napari_medseg.structures.contents import (
    Structures,
    as_tab_separated,
    measured,
    surfaces_of,
    volumes_csv,
)
from napari_medseg.structures.display import (
    LayerTuple,
    colours_of,
    hidden_in,
    show_only,
    surface_layer,
)
from napari_medseg.structures.script import script_of
from napari_medseg.structures.surface_scene import SurfaceScene
from napari_medseg.structures.view import StructuresView
from napari_medseg.viewing.orientation import go_to


class StructuresWidget(Panel):
    """Lists the structures of a Labels layer; hides them, leads to them, shows 3D."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        viewer = bare(napari_viewer)
        view = StructuresView(viewer.layers)
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._layer: Labels | None = None
        self._structures: Structures | None = None
        self._is_stale = False
        self.surfaces = Background()
        self._scene = SurfaceScene(viewer)
        self._edits = EditWatch(viewer.dims)
        self._connect()
        self._on_layer_changed(view.labels_box.layer())

    def end(self) -> None:
        """Stop the work and listen to the viewer no more."""
        super().end()
        self.surfaces.cancel()
        self._edits.watch(())
        self._scene.end()
        self._listen_to(None)
        self.view.labels_box.disconnect_layers()

    def _connect(self) -> None:
        view = self.view
        view.labels_box.layer_changed.connect(self._on_layer_changed)
        view.shown_changed.connect(self._on_shown_changed)
        view.all_shown_requested.connect(self._on_all_shown_requested)
        view.only_requested.connect(self._on_only_requested)
        view.structure_chosen.connect(self._on_structure_chosen)
        view.surfaces_requested.connect(self._on_surfaces_requested)
        view.opacity_changed.connect(self._on_opacity_wanted)
        view.outline_changed.connect(self._on_outline_wanted)
        view.copy_requested.connect(self._on_copy_requested)
        view.save_requested.connect(self._on_save_requested)
        view.script_requested.connect(self._on_script_requested)
        self._edits.edited.connect(self._measure)
        self.background.succeeded.connect(self._on_measured)
        self.background.failed.connect(self._on_not_measured)
        self.background.finished.connect(self._on_finished)
        self.surfaces.succeeded.connect(self._on_surfaces_made)
        self.surfaces.failed.connect(self._on_failed)

    def _on_layer_changed(self, layer: Layer | None) -> None:
        self._structures = None
        self.view.show_structures(None, {})
        self.view.show_message("" if layer else "Open or make a Labels layer first.")
        self._listen_to(layer if isinstance(layer, Labels) else None)
        self._measure()

    def _listen_to(self, layer: Labels | None) -> None:
        """Follow one layer's edits, colours and style, and no other's."""
        if self._layer is not None:
            events = self._layer.events
            events.colormap.disconnect(self._on_colours_changed)
            events.opacity.disconnect(self._on_style_changed)
            events.contour.disconnect(self._on_style_changed)
        self._layer = layer
        self._edits.watch(() if layer is None else (layer,))
        if layer is not None:
            layer.events.colormap.connect(self._on_colours_changed)
            layer.events.opacity.connect(self._on_style_changed)
            layer.events.contour.connect(self._on_style_changed)
            self._on_style_changed()

    def _measure(self) -> None:
        """Measure the layer chosen, after what is being measured now."""
        self._is_stale = self.background.is_busy
        layer = self._layer
        if layer is None or self._is_stale:
            return
        neighbours = tuple(self._viewer.layers)

        def work(_report: Report) -> tuple[Labels, Structures]:
            return layer, measured(segmentation_of(layer, neighbours))

        self.background.start(f"MedSeg: measuring {layer.name}", work)

    def _on_measured(self, result: tuple[Labels, Structures]) -> None:
        layer, structures = result
        if layer is self._layer:
            self._structures = structures
            self._show()
            self.view.show_message("")

    def _on_finished(self) -> None:
        if self._is_stale:
            self._measure()

    def _on_not_measured(self, error: Exception) -> None:
        """What was listed holds no more."""
        self._structures = None
        self.view.show_structures(None, {})
        self._on_failed(error)

    def _on_failed(self, error: Exception) -> None:
        self.view.show_message(str(error))

    def _labels(self) -> tuple[int, ...]:
        structures = self._structures
        measures = () if structures is None else structures.measures
        return tuple(each.structure.id for each in measures)

    def _show(self) -> None:
        if self._layer is not None and self._structures is not None:
            colours = colours_of(self._layer, self._labels())
            opaque = {
                label: QColor.fromRgbF(*colour[:3]) for label, colour in colours.items()
            }
            self.view.show_structures(self._structures, opaque)
            self._on_colours_changed()

    def _on_colours_changed(self, _event: object = None) -> None:
        if self._layer is not None and self._structures is not None:
            self.view.model.hide_labels(hidden_in(self._layer, self._labels()))

    def _on_style_changed(self, _event: object = None) -> None:
        layer = self._layer
        if layer is not None:
            is_outline = layer.contour > 0
            self.view.show_style(opacity=layer.opacity, is_outline=is_outline)

    def _on_opacity_wanted(self, opacity: float) -> None:
        if self._layer is not None:
            self._layer.opacity = opacity

    def _on_outline_wanted(self, is_wanted: bool) -> None:
        if self._layer is not None:
            self._layer.contour = int(is_wanted)

    def _on_shown_changed(self, label: int, is_shown: bool) -> None:
        self._on_all_shown_requested((label,), is_shown)

    def _on_all_shown_requested(self, labels: tuple[int, ...], is_shown: bool) -> None:
        if self._layer is not None:
            hidden = hidden_in(self._layer, self._labels())
            chosen = frozenset(labels)
            self._hide(hidden - chosen if is_shown else hidden | chosen)

    def _on_only_requested(self, labels: tuple[int, ...]) -> None:
        self._hide(frozenset(self._labels()) - frozenset(labels))

    def _hide(self, hidden: frozenset[int]) -> None:
        if self._layer is not None:
            show_only(self._layer, self._labels(), hidden)

    def _on_structure_chosen(self, label: int) -> None:
        place = None if self._structures is None else self._structures.place_of(label)
        if place is None:
            self.view.show_message("It has no voxel.")
        else:
            go_to(self._viewer, place)

    def _on_surfaces_requested(self, labels: tuple[int, ...]) -> None:
        structures, layer = self._structures, self._layer
        if structures is None or layer is None or self.surfaces.is_busy:
            return
        colours = {
            each: colour[:3] for each, colour in colours_of(layer, labels).items()
        }
        wanted = WantedSurfaces(structures=structures, colours=colours, name=layer.name)
        work = partial(_surface_layers, wanted)
        self.view.show_message("making surfaces")
        self.surfaces.start("MedSeg: making surfaces", work)

    def _on_surfaces_made(self, made: list[LayerTuple]) -> None:
        if made:
            self._scene.show(made)
        counted = "1 surface" if len(made) == 1 else f"{len(made)} surfaces"
        self.view.show_message(
            f"{counted}; other layers are back in 2D." if made else "Nothing is there."
        )

    def _on_copy_requested(self) -> None:
        if self._structures is not None:
            table = as_tab_separated(volumes_csv(self._structures))
            QGuiApplication.clipboard().setText(table)
            self.view.show_message("Copied.")

    def _on_script_requested(self) -> None:
        layer = self._layer
        script = script_of(None if layer is None else origin_of(layer))
        QGuiApplication.clipboard().setText(script)
        self.view.show_message("Copied: the same work as a Python script.")

    def _on_save_requested(self) -> None:
        structures = self._structures
        if structures is None:
            return
        kinds = "Comma-separated values (*.csv)"
        try:
            path = ask_where(self, "Save the volumes", "volumes.csv", kinds, (".csv",))
            if path is not None:
                with medseg.written_whole(path, overwrite=True) as part:
                    part.write_text(volumes_csv(structures), encoding="utf-8")
                self.view.show_message(f"Saved {path.name}.")
        except medseg.MedSegError as error:
            self.view.show_message(str(error))
            tell_failure(error)


@dataclass(frozen=True, eq=False, kw_only=True)
class WantedSurfaces:
    """Surfaces to make.

    Attributes:
        structures: Of the label map.
        colours: Of each label wanted, as it is shown: red, green, blue, 0 to 1.
        name: Of the layer.
    """

    structures: Structures
    colours: Mapping[int, tuple[float, float, float]]
    name: str


def _surface_layers(wanted: WantedSurfaces, report: Report) -> list[LayerTuple]:
    """Runs in the other thread; can be stopped between two structures."""
    made = []
    total = len(wanted.colours)
    for shown in surfaces_of(wanted.structures, wanted.colours):
        title = f"{shown.structure.name} of {wanted.name}"
        made.append(surface_layer(shown, title, wanted.colours[shown.structure.id]))
        report(medseg.Progress(stage="surfaces", done=len(made), total=total))
    return made
