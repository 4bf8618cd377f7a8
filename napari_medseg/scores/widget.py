"""The Scores panel: layers in, a table out, and from a row to its place."""

from collections.abc import Callable
from functools import partial

from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from qtpy.QtGui import QGuiApplication

import medseg
from napari_medseg.controls.background import Background, Report
from napari_medseg.controls.errands import tell_failure
from napari_medseg.controls.panel import Panel
from napari_medseg.layers.bare import bare
from napari_medseg.layers.conversion import segmentation_of, volume_of
from napari_medseg.layers.edits import EditWatch
from napari_medseg.scores.curve_dock import CurveDock
from napari_medseg.scores.details import Details, DetailsRequest, ErrorScope, details_of
from napari_medseg.scores.error_layer import ErrorLayer
from napari_medseg.scores.saving import save_plot, save_scores
from napari_medseg.scores.script import script_of, scripted_scores
from napari_medseg.scores.view import ScoresView
from napari_medseg.scores.work import Comparison, Update, as_tsv, compare, update
from napari_medseg.viewing.orientation import go_to


class ScoresWidget(Panel):
    """Compares two Labels layers and leads to where they differ."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        viewer = bare(napari_viewer)
        view = ScoresView(viewer.layers)
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._scored: tuple[Labels, ...] = ()
        self._is_stale = False
        self._visits = -1
        self._is_visit_due = False
        self._looked_at: tuple[Comparison | None, DetailsRequest] | None = None
        self._request = DetailsRequest()
        self._details: Details | None = None
        self.details = Background()
        self.updates = Background()
        self.curve = CurveDock(viewer)
        self._errors = ErrorLayer(viewer)
        self._edits = EditWatch(viewer.dims)
        self._connect()

    def end(self) -> None:
        """Stop the work and listen to the viewer no more."""
        super().end()
        for work in (self.details, self.updates):
            work.cancel()
        self._edits.watch(())
        self._errors.end()
        self.curve.end()
        boxes = self.view.prediction_box, self.view.reference_box, self.view.scan_box
        for box in boxes:
            box.disconnect_layers()

    def _connect(self) -> None:
        view = self.view
        view.compute_requested.connect(self._on_compute_requested)
        for box in (view.prediction_box, view.reference_box):
            box.layer_changed.connect(self._on_layer_changed)
        view.structure_chosen.connect(self._on_structure_chosen)
        view.copy_requested.connect(self._on_copy_requested)
        view.save_requested.connect(self._on_save_requested)
        view.script_requested.connect(self._on_script_requested)
        view.plot.save_requested.connect(self._on_save_plot_requested)
        view.errors.scope_changed.connect(self._on_scope_changed)
        view.errors.curve_wanted.connect(self._on_curve_wanted)
        self.background.succeeded.connect(self._on_succeeded)
        self.background.failed.connect(self._on_failed)
        self.background.finished.connect(self._on_finished)
        self.details.succeeded.connect(self._on_details_made)
        self.details.failed.connect(self._tell)
        self.details.finished.connect(self._look_closer)
        self._edits.edited.connect(self._on_edited)
        self.updates.succeeded.connect(self._on_updated)
        self.updates.failed.connect(self._tell)
        self.updates.finished.connect(self._on_update_finished)

    # Computing.

    def _on_compute_requested(self) -> None:
        prediction, reference, scan = self.view.layers()
        if not (isinstance(prediction, Labels) and isinstance(reference, Labels)):
            self.view.show_message("Two Labels layers are needed.")
        elif prediction is reference:
            self.view.show_message("Choose two different layers.")
        else:
            image = scan if isinstance(scan, Image) else None
            self._compute(prediction, reference, image)

    def _compute(
        self, prediction: Labels, reference: Labels, scan: Image | None
    ) -> None:
        neighbours = tuple(self._viewer.layers)
        tolerance_mm = self.view.tolerance_mm()

        def work(_report: Report) -> Comparison:
            return compare(
                segmentation_of(prediction, neighbours),
                segmentation_of(reference, neighbours),
                None if scan is None else volume_of(scan, neighbours),
                tolerance_mm,
            )

        self._scored = prediction, reference
        self._edits.watch(self._scored)
        self.view.set_busy(busy=True)
        self.view.show_message("computing")
        self.background.start("MedSeg: computing scores", work)

    def _on_succeeded(self, comparison: Comparison) -> None:
        self._show(comparison)
        hint = "Click a row to go to the structure, again for where it is worst."
        self.view.show_message(f"{hint} {comparison.warning}".strip())
        if self.view.errors.is_curve_wanted():
            self.curve.set_visible(visible=True)

    def _on_failed(self, error: Exception) -> None:
        self._edits.watch(())
        self.view.show_scores(None)
        self._details = None
        self.curve.show(None)
        self._errors.remove()
        self._tell(error)

    def _on_finished(self) -> None:
        self.view.set_busy(busy=False)
        if self._is_stale:  # edited while it was computed
            self._on_edited()

    def _show(self, comparison: Comparison) -> None:
        self.view.show_scores(comparison)
        labels = [row.label for row in comparison.scores.rows]
        if self._request.label in labels:
            self.view.mark(self._request.label)
        else:
            self._request = DetailsRequest(scope=self._request.scope)
        self._look_closer()

    def _on_layer_changed(self, _layer: Layer | None) -> None:
        """Say whose scores are shown, when they are not those of the layers chosen."""
        chosen = self.view.layers()[:2]
        if self.view.model.comparison is not None and chosen != self._scored:
            names = " and ".join(layer.name for layer in self._scored)
            self.view.show_message(f"These are the scores of {names}: compute again.")

    # One structure.

    def _on_structure_chosen(self, label: int) -> None:
        comparison = self.view.model.comparison
        if comparison is None:
            return
        self._visits = self._visits + 1 if label == self._request.label else 0
        self._is_visit_due = False
        self._request = DetailsRequest(label=label, scope=self._request.scope)
        self.view.mark(label)
        if self._visits == 0 and label in comparison.places:
            go_to(self._viewer, comparison.places[label])
        elif self._visits > 0:
            self._visit()
        self._look_closer()

    def _visit(self) -> None:
        """Go on to the next place of the structure chosen, once it is known."""
        details = self._details
        now = self.view.model.comparison, self._request.label
        self._is_visit_due = (
            details is None or (details.comparison, details.request.label) != now
        )
        if details is None or self._is_visit_due:
            return
        stops = details.stops[self.curve.axis]
        if stops:
            stop = stops[self._visits % len(stops)]
            go_to(self._viewer, stop.position)
            self.view.show_message(f"{details.name}: {stop.words}.")

    def _on_scope_changed(self, scope: ErrorScope) -> None:
        self._request = DetailsRequest(label=self._request.label, scope=scope)
        if scope is ErrorScope.NONE:
            self._errors.remove()
        self._look_closer()

    def _on_curve_wanted(self, is_wanted: bool) -> None:
        self.curve.set_visible(visible=is_wanted)

    def _look_closer(self) -> None:
        """Work out the details of what is chosen now, unless that is done."""
        comparison, request = self.view.model.comparison, self._request
        now = comparison, request
        if comparison is None or self._looked_at == now or self.details.is_busy:
            return
        self._looked_at = now

        def work(_report: Report) -> Details:
            return details_of(comparison, request)

        self.details.start("MedSeg: looking closer", work)

    def _on_details_made(self, details: Details) -> None:
        if details.comparison is self.view.model.comparison:
            self._details = details
            self.curve.show(details)
            if details.request == self._request and details.overlay is not None:
                self._errors.show(details.overlay, self._scored)
            if self._is_visit_due:
                self._visit()

    # Edits.

    def _on_edited(self) -> None:
        """Score again what was edited, after what is being worked on now."""
        comparison = self.view.model.comparison
        self._is_stale = self.updates.is_busy or self.background.is_busy
        if comparison is None or self._is_stale or not self._are_still_there():
            return
        work = partial(_updated, comparison, self._scored, tuple(self._viewer.layers))
        self.updates.start("MedSeg: updating scores", work)

    def _are_still_there(self) -> bool:
        return all(layer in self._viewer.layers for layer in self._scored)

    def _on_updated(self, result: tuple[Comparison, Update]) -> None:
        before, made = result
        if before is not self.view.model.comparison or not made.words:
            return
        if made.comparison is not None:
            self._show(made.comparison)
        self.view.show_message(made.words)

    def _on_update_finished(self) -> None:
        if self._is_stale:
            self._on_edited()

    # Copy and save.

    def _on_copy_requested(self) -> None:
        comparison = self.view.model.comparison
        if comparison is not None:
            QGuiApplication.clipboard().setText(as_tsv(comparison.evaluation))
            self.view.show_message("Copied.")

    def _on_script_requested(self) -> None:
        prediction, reference, scan = self.view.layers()
        if prediction is None or reference is None:
            self.view.show_message("Two Labels layers are needed.")
            return
        layers, tolerance_mm = tuple(self._viewer.layers), self.view.tolerance_mm()
        try:
            wanted = scripted_scores(
                (prediction, reference, scan), layers, tolerance_mm
            )
        except medseg.MedSegError as error:
            self._tell(error)
            return
        QGuiApplication.clipboard().setText(script_of(wanted))
        self.view.show_message("Copied: the same work as a Python script.")

    def _on_save_requested(self) -> None:
        comparison = self.view.model.comparison
        if comparison is not None:
            self._save(partial(save_scores, self, comparison.evaluation))

    def _on_save_plot_requested(self) -> None:
        chart = self.view.plot.view.chart
        if chart is not None:
            self._save(partial(save_plot, self, chart))

    def _save(self, save: Callable[[], str]) -> None:
        try:
            told = save()
        except medseg.MedSegError as error:
            self._tell(error)
        else:
            self.view.show_message(told)

    def _tell(self, error: Exception) -> None:
        self.view.show_message(str(error))
        tell_failure(error)


def _updated(
    before: Comparison,
    scored: tuple[Labels, ...],
    neighbours: tuple[Layer, ...],
    _report: Report,
) -> tuple[Comparison, Update]:
    """Runs in the other thread."""
    prediction, reference = (segmentation_of(layer, neighbours) for layer in scored)
    return before, update(before, prediction, reference)
