"""The Correct panel: a structure, a tool, a look at what would change, and undo."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels, Shapes
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QInputDialog

import medseg
from napari_medseg.controls.background import Background
from napari_medseg.controls.panel import Panel
from napari_medseg.correct.asking import asked, scripted
from napari_medseg.correct.choice import TRAITS
from napari_medseg.correct.editing import Change, Way
from napari_medseg.correct.history import History
from napari_medseg.correct.layers import (
    add_labels_on,
    add_structure,
    is_own,
    start_painting,
)
from napari_medseg.correct.place import require_same_voxels
from napari_medseg.correct.preview import Preview
from napari_medseg.correct.proposing import Proposer
from napari_medseg.correct.seeds import Seeds
from napari_medseg.correct.tools import range_at
from napari_medseg.correct.view import CorrectView
from napari_medseg.correct.work import Proposal, Request, range_of_structure
from napari_medseg.correct.writing import Writer
from napari_medseg.layers.bare import bare
from napari_medseg.layers.conversion import intensity_unit
from napari_medseg.layers.edits import EditWatch
from napari_medseg.layers.regions import draw_region
from napari_medseg.layers.structures import structures_of


class CorrectWidget(Panel):
    """Corrects one structure of a Labels layer."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        viewer = bare(napari_viewer)
        view = CorrectView(viewer.layers)
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._seeds = Seeds(viewer)
        preview = Preview(viewer)
        self._proposer = Proposer(view, preview, self.background, self._request)
        self._writer = Writer(viewer)
        self._ranges = Background()
        self._edits = EditWatch(viewer.dims)
        self._followed: Labels | None = None
        self._selected_label = 0
        self._region: Shapes | None = None
        self._connect()
        self._on_labels_changed()
        self._on_tool_changed()

    def end(self) -> None:
        """Stop the work, take the preview away, and listen to the viewer no more."""
        super().end()
        self._ranges.cancel()
        self._writer.end()
        self._proposer.end()
        self._seeds.end()
        self._edits.watch(())
        self._follow(None)
        self._follow_region(None)
        self.view.disconnect_layers()

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is being computed or about to be."""
        works = self._proposer, self._writer, self._ranges
        return not any(work.is_busy for work in works)

    def add_structure(self, name: str) -> None:
        """Add a structure to the labels, or labels to the scan where there are none."""
        scan = self.view.scan

        def add(layer: Labels) -> None:
            add_structure(layer, name, self._viewer.layers)
            self._writer.history(layer).give_numbers_away()
            self._go_on_with(layer)
            self.view.show_structures(structures_of(layer), name)
            self._on_changed()

        if self.view.labels is not None:
            self._with_own(add)
        elif scan is not None:
            add(add_labels_on(self._viewer, scan, name))

    def _connect(self) -> None:
        view = self.view
        view.labels_box.layer_changed.connect(self._on_labels_changed)
        view.scan_box.layer_changed.connect(self._on_tool_changed)
        view.region_box.layer_changed.connect(self._on_region_changed)
        view.changed.connect(self._on_chosen)
        view.tool_changed.connect(self._on_tool_changed)
        view.apply_requested.connect(self._on_apply_requested)
        view.undo_requested.connect(partial(self._on_exchange_requested, Way.UNDO))
        view.redo_requested.connect(partial(self._on_exchange_requested, Way.REDO))
        view.paint_requested.connect(self._on_paint_requested)
        view.box_requested.connect(self._on_box_requested)
        view.area.range_requested.connect(self._on_range_requested)
        view.area.seed_requested.connect(self._seeds.take_middle)
        view.structure_requested.connect(self._on_structure_requested)
        view.script_requested.connect(self._on_script_requested)
        self._seeds.changed.connect(self._on_seeds_changed)
        self._proposer.apply_requested.connect(self._apply)
        self._edits.touched.connect(self._proposer.forget)
        self._edits.edited.connect(self._on_changed)
        self._writer.written.connect(self._on_written)
        self._writer.finished.connect(self._allow)
        self._ranges.succeeded.connect(self._on_range_found)
        self.background.finished.connect(self._allow)  # after the proposer heard of it

    def _on_labels_changed(self, _layer: object = None) -> None:
        layer = self.view.labels
        self._edits.watch(() if layer is None else (layer,))
        self._follow(layer)
        labels = medseg.LabelSet(()) if layer is None else structures_of(layer)
        self.view.show_structures(labels)
        self._on_changed()

    def _follow(self, layer: Labels | None) -> None:
        """Notice which label of this layer is selected, and of no other."""
        if self._followed is not None:
            self._followed.events.selected_label.disconnect(self._on_label_selected)
        self._followed = layer
        if layer is not None:
            self._selected_label = layer.selected_label
            layer.events.selected_label.connect(self._on_label_selected)

    def _on_label_selected(self, _event: object = None) -> None:
        layer = self.view.labels  # of which napari tells when its colours change, too
        if layer is None or layer.selected_label == self._selected_label:
            return
        self._selected_label = layer.selected_label
        labels = structures_of(layer)
        for structure in labels:
            if structure.id == layer.selected_label:
                self.view.show_structures(labels, structure.name)
                self._on_chosen()

    def _on_tool_changed(self, _layer: object = None) -> None:
        scan = self.view.scan
        unit = "" if scan is None else intensity_unit(scan)
        low, high = (0.0, 0.0) if scan is None else scan.contrast_limits
        self.view.show_tool(unit, (float(low), float(high)))
        self._seeds.is_active = TRAITS[self.view.tool].needs_seed
        self._on_seeds_changed()

    def _on_region_changed(self, layer: Shapes | None) -> None:
        self._follow_region(layer)
        self._on_chosen()

    def _follow_region(self, layer: Shapes | None) -> None:
        """Notice when the box of this layer is drawn or moved, and of no other."""
        if self._region is not None:
            self._region.events.data.disconnect(self._on_chosen)
        self._region = layer
        if layer is not None:
            layer.events.data.connect(self._on_chosen)

    def _on_seeds_changed(self) -> None:
        scan = self.view.scan
        if scan is not None and TRAITS[self.view.tool].has_range:
            index = self._seeds.index_in(scan)
            if index is not None:
                self.view.area.set_range(*range_at(np.asarray(scan.data), index))
        self.view.area.show_seed(self._seeds.words)
        self._on_chosen()

    def _on_chosen(self, _value: object = None) -> None:
        self._allow()
        self._proposer.ask()

    def _on_changed(self) -> None:
        self._allow()
        self._proposer.look_again()

    def _request(self) -> Request | str:
        """What to compute, or what is missing."""
        return asked(self.view, self._seeds.points_sar_mm, self._viewer.layers)

    def _on_apply_requested(self) -> None:
        self._proposer.apply()
        self._allow()

    def _apply(self, proposal: Proposal) -> None:
        layer, words = proposal.place.layer, f"Done. {proposal.words}"
        change = Change(layer=layer, edit=proposal.edit)
        self._write(replace(change, then=partial(self._tell_done, words)))

    def _tell_done(self, words: str, _layer: Labels) -> None:
        self.view.show_message(words)

    def _with_own(self, act: Callable[[Labels], object]) -> None:
        """Do something to the labels chosen, or to a copy of what is not to edit."""
        layer = self.view.labels
        if layer is None:
            return
        if is_own(layer):
            act(layer)
        else:
            self._write(Change(layer=layer, edit=None, then=act))

    def _write(self, change: Change) -> None:
        if not self._writer.is_busy:
            self.view.show_message("writing")
            self._writer.start(change)
            self._allow()

    def _on_written(self, change: Change, layer: Labels) -> None:
        if self.view.labels in (change.layer, layer):
            self._go_on_with(layer)
        else:  # another was chosen meanwhile
            self._on_changed()
        if change.then is not None:
            change.then(layer)

    def _go_on_with(self, layer: Labels) -> None:
        """Work on this layer as it is now, and compute nothing until asked to."""
        self.view.labels_box.choose(layer)
        self._edits.watch((layer,))  # what was written until now is no edit to come
        self.view.show_structures(structures_of(layer))
        self._allow()
        self._proposer.settle()

    def _on_exchange_requested(self, way: Way) -> None:
        layer = self.view.labels
        change = None if layer is None else self._writer.exchange(layer, way)
        if change is not None:
            self._proposer.rest()
            words = f"{way.value}: {change.title}."
            self._write(replace(change, then=partial(self._tell_done, words)))

    def _allow(self) -> None:
        """Allow what can be done now: while a change is written, no other."""
        is_busy = self._writer.is_busy or self._proposer.is_applying
        history = History() if is_busy else self._writer.history(self.view.labels)
        undo, redo = history.to_undo, history.to_redo
        self.view.allow(is_writing=is_busy)
        self.view.show_history(undo.title if undo else "", redo.title if redo else "")

    def _on_paint_requested(self) -> None:
        name = self.view.structure_box.currentText()
        if name:
            self._proposer.rest()
            self._with_own(partial(self._paint, name))

    def _paint(self, name: str, layer: Labels) -> None:
        self._go_on_with(layer)
        start_painting(self._viewer, layer, structures_of(layer)[name].id)
        self._proposer.rest()
        self.view.show_message("Paint in the picture; Ctrl+Z undoes a stroke.")

    def _on_box_requested(self) -> None:
        scan = self.view.scan
        if scan is not None:
            self.view.region_box.choose(draw_region(self._viewer, scan))
            self.view.show_message("Draw a rectangle; one in another slice ends it.")

    def _on_range_requested(self) -> None:
        layer, scan = self.view.labels, self.view.scan
        name = self.view.structure_box.currentText()
        if layer is None or scan is None or not name or self._ranges.is_busy:
            return
        try:
            require_same_voxels(scan, layer)
        except medseg.MedSegError as error:
            self._proposer.tell(error)
            return
        work = partial(range_of_structure, layer, scan, structures_of(layer)[name].id)
        self._ranges.start(f"MedSeg: looking at {name}", work)

    def _on_range_found(self, found: tuple[float, float] | None) -> None:
        if found is None:
            self.view.show_message("The structure is empty.")
        else:
            self.view.area.set_range(*found)

    def _on_script_requested(self) -> None:
        points = self._seeds.points_sar_mm
        try:
            script = scripted(self.view, points, self._viewer.layers)
        except medseg.MedSegError as error:
            self._proposer.tell(error)
            return
        if script is not None:
            QGuiApplication.clipboard().setText(script)
            self.view.show_message("Copied: the same work as a Python script.")

    def _on_structure_requested(self) -> None:
        name, is_given = QInputDialog.getText(self, "New structure", "Name")
        if is_given and name.strip():
            self.add_structure(name.strip())
