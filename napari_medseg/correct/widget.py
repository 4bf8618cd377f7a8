"""The Correct panel: a structure, a tool, a look at what would change, and undo."""

from functools import partial

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels, Shapes
from napari.utils.notifications import show_error
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QInputDialog

import medseg
from napari_medseg.controls.background import Background, Report
from napari_medseg.controls.panel import Panel
from napari_medseg.correct.asking import asked
from napari_medseg.correct.choice import TRAITS
from napari_medseg.correct.editing import Editor, Exchanged, Way
from napari_medseg.correct.layers import (
    Preview,
    add_structure,
    editable,
    start_painting,
    structures_of,
)
from napari_medseg.correct.seeds import Seeds
from napari_medseg.correct.tools import range_at, range_within
from napari_medseg.correct.view import CorrectView
from napari_medseg.correct.work import Proposal, propose
from napari_medseg.layers.conversion import intensity_unit
from napari_medseg.layers.edits import EditWatch
from napari_medseg.layers.regions import region_layer

_PAUSE_MS = 250  # between the last change of a setting and the preview of it


class CorrectWidget(Panel):
    """Corrects one structure of a Labels layer."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        view = CorrectView(napari_viewer.layers)
        super().__init__(view)
        self.view = view
        self._viewer = napari_viewer
        self._editor = Editor(napari_viewer)
        self._preview = Preview(napari_viewer)
        self._seeds = Seeds(napari_viewer)
        self._history_work = Background()
        self._edits = EditWatch(napari_viewer.dims)
        self._followed: Labels | None = None
        self._proposal: Proposal | None = None
        self._is_stale = False
        self._applies_next = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._connect()
        self._on_labels_changed()
        self._on_tool_changed()

    def end(self) -> None:
        """Stop the work, take the preview away, and listen to the viewer no more."""
        super().end()
        self._pause.stop()
        self._preview.hide()
        self._seeds.end()
        self._edits.watch(())
        self._follow(None)
        self.view.disconnect_layers()

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is being computed or about to be."""
        works = self.background.is_busy or self._history_work.is_busy
        return not works and not self._pause.isActive()

    def add_structure(self, name: str) -> None:
        """Add a structure to the labels, or labels to the scan where there are none."""
        layer = add_structure(self._viewer, self.view.labels, self.view.scan, name)
        if layer is not None:
            self._go_on_with(layer)
            self.view.show_structures(structures_of(layer), name)
            self._on_changed()

    def _connect(self) -> None:
        view = self.view
        view.labels_box.layer_changed.connect(self._on_labels_changed)
        view.scan_box.layer_changed.connect(self._on_tool_changed)
        view.region_box.layer_changed.connect(self._on_region_changed)
        view.changed.connect(self._on_changed)
        view.tool_changed.connect(self._on_tool_changed)
        view.apply_requested.connect(self._on_apply_requested)
        view.undo_requested.connect(partial(self._on_exchange_requested, Way.UNDO))
        view.redo_requested.connect(partial(self._on_exchange_requested, Way.REDO))
        view.paint_requested.connect(self._on_paint_requested)
        view.box_requested.connect(self._on_box_requested)
        view.area.range_requested.connect(self._on_range_requested)
        view.area.seed_requested.connect(self._seeds.take_middle)
        view.structure_requested.connect(self._on_structure_requested)
        self._seeds.changed.connect(self._on_seeds_changed)
        self._pause.timeout.connect(self._start)
        self._edits.edited.connect(self._on_changed)
        self.background.succeeded.connect(self._on_succeeded)
        self.background.failed.connect(self._on_failed)
        self.background.finished.connect(self._on_finished)
        self._history_work.succeeded.connect(self._on_exchanged)

    def _on_labels_changed(self, _layer: object = None) -> None:
        layer = self.view.labels
        self._edits.watch(() if layer is None else (layer,))
        self._follow(layer)
        labels = medseg.LabelSet(()) if layer is None else structures_of(layer)
        self.view.show_structures(labels)
        self._show_history()
        self._on_changed()

    def _follow(self, layer: Labels | None) -> None:
        """Notice which label of this layer is selected, and of no other."""
        if self._followed is not None:
            self._followed.events.selected_label.disconnect(self._on_label_selected)
        self._followed = layer
        if layer is not None:
            layer.events.selected_label.connect(self._on_label_selected)

    def _on_label_selected(self, _event: object = None) -> None:
        layer = self.view.labels
        labels = medseg.LabelSet(()) if layer is None else structures_of(layer)
        for structure in labels:
            if layer is not None and structure.id == layer.selected_label:
                self.view.show_structures(labels, structure.name)
                self._on_changed()

    def _on_tool_changed(self, _layer: object = None) -> None:
        scan = self.view.scan
        unit = "" if scan is None else intensity_unit(scan)
        low, high = (0.0, 0.0) if scan is None else scan.contrast_limits
        self.view.show_tool(unit, (float(low), float(high)))
        self._seeds.is_active = TRAITS[self.view.tool].needs_seed
        self._on_seeds_changed()

    def _on_region_changed(self, layer: Shapes | None) -> None:
        if layer is not None:
            layer.events.data.connect(self._on_changed)
        self._on_changed()

    def _on_seeds_changed(self) -> None:
        scan = self.view.scan
        if scan is not None and TRAITS[self.view.tool].has_range:
            index = self._seeds.index_in(scan)
            if index is not None:
                self.view.area.set_range(*range_at(np.asarray(scan.data), index))
        self.view.area.show_seed(self._seeds.words)
        self._on_changed()

    def _on_changed(self, _value: object = None) -> None:
        """What was proposed holds no more."""
        self._proposal = None
        self._applies_next = False
        self._is_stale = True
        self.view.allow()
        if self.view.labels is not None and self.view.live.isChecked():
            self._pause.start()
        else:
            self._rest()

    def _rest(self) -> None:
        """Show no preview until something is changed."""
        self._pause.stop()
        self._preview.hide()

    def _start(self) -> None:
        """Compute what would change, once nothing else is computed."""
        if self.background.is_busy:
            self.background.cancel()
            return
        try:
            points = self._seeds.points_sar_mm
            request = asked(self.view, points, self._viewer.layers)
        except medseg.MedSegError as error:
            self._on_failed(error)
            return
        if isinstance(request, str):
            self._applies_next = False
            self._preview.hide()
            self.view.show_message(request)
            return

        def work(report: Report) -> Proposal:
            return propose(request, report)

        self._is_stale = False
        self.view.show_message("computing")
        self.background.start(f"MedSeg: {request.choice.tool.value.lower()}", work)

    def _on_succeeded(self, proposal: Proposal) -> None:
        if self._is_stale:
            return
        self._proposal = proposal
        self.view.show_message(proposal.words)
        if self._applies_next:
            self._apply(proposal)
        elif proposal.edit is None or not self.view.live.isChecked():
            self._preview.hide()
        else:
            self._preview.show(proposal.place, proposal.difference)

    def _on_failed(self, error: Exception) -> None:
        self._applies_next = False
        self._preview.hide()
        self.view.show_message(str(error))
        if not self.view.live.isChecked() and isinstance(error, medseg.MedSegError):
            show_error(str(error))

    def _on_finished(self) -> None:
        is_wanted = self._applies_next or self.view.live.isChecked()
        if self._is_stale and is_wanted and not self._pause.isActive():
            self._start()

    def _on_apply_requested(self) -> None:
        if self._history_work.is_busy:
            return
        if self._proposal is not None:
            self._apply(self._proposal)
            return
        self._pause.stop()
        self._applies_next = True
        if self._is_stale or not self.background.is_busy:
            self._start()

    def _apply(self, proposal: Proposal) -> None:
        self._preview.hide()
        if proposal.edit is not None:
            self._go_on_with(self._editor.apply(proposal))
            self.view.show_message(f"Done. {proposal.words}")

    def _go_on_with(self, layer: Labels) -> None:
        """Work on this layer as it is now, and compute nothing until asked to."""
        self.view.labels_box.choose(layer)
        self._edits.watch((layer,))  # what was written until now is no edit to come
        self.view.show_structures(structures_of(layer))
        self._show_history()
        self._on_changed()
        self._is_stale = False
        self._rest()

    def _on_exchange_requested(self, way: Way) -> None:
        layer = self.view.labels
        exchange = None if layer is None else self._editor.exchange(layer, way)
        if exchange is None or self._history_work.is_busy:
            return
        self._rest()
        self.view.show_history("", "")
        self._history_work.start(f"MedSeg: {exchange.edit.title}", exchange.computed)

    def _on_exchanged(self, done: Exchanged) -> None:
        self._editor.finish(done)
        self._go_on_with(done.asked.layer)
        self.view.show_message(
            f"{done.asked.way.capitalize()}: {done.asked.edit.title}."
        )

    def _show_history(self) -> None:
        history = self._editor.history(self.view.labels)
        undo, redo = history.to_undo, history.to_redo
        self.view.show_history(undo.title if undo else "", redo.title if redo else "")

    def _on_paint_requested(self) -> None:
        layer = self.view.labels
        name = self.view.structure_box.currentText()
        if layer is None or not name:
            return
        own = editable(self._viewer, layer)
        self._go_on_with(own)
        start_painting(self._viewer, own, structures_of(own)[name].id)
        self._rest()
        self.view.show_message("Paint in the picture; Ctrl+Z undoes a stroke.")

    def _on_box_requested(self) -> None:
        scan = self.view.scan
        if scan is not None:
            layer = self._viewer.add_layer(region_layer(scan))
            self.view.region_box.choose(layer)
            self.view.show_message("Draw a rectangle; one in another slice ends it.")

    def _on_range_requested(self) -> None:
        layer, scan = self.view.labels, self.view.scan
        name = self.view.structure_box.currentText()
        if layer is None or scan is None or layer.data.shape != scan.data.shape:
            return
        id_ = structures_of(layer)[name].id
        found = range_within(np.asarray(layer.data), np.asarray(scan.data), id_)
        if found is None:
            self.view.show_message("The structure is empty.")
        else:
            self.view.area.set_range(*found)

    def _on_structure_requested(self) -> None:
        name, is_given = QInputDialog.getText(self, "New structure", "Name")
        if is_given and name.strip():
            self.add_structure(name.strip())
