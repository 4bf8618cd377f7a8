"""The Scores panel: layers in, a table out, and from a row to its place."""

from pathlib import Path

from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import show_error
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog

import medseg
from napari_medseg._background import Report
from napari_medseg._layers import segmentation_of, volume_of
from napari_medseg._orientation import go_to
from napari_medseg._panel import Panel
from napari_medseg._scores_view import ScoresView
from napari_medseg._scoring import Comparison, as_tsv, compare


class ScoresWidget(Panel):
    """Compares two Labels layers and leads to each structure."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        view = ScoresView(napari_viewer.layers)
        super().__init__(view)
        self.view = view
        self._viewer = napari_viewer
        self._scored: tuple[Layer, ...] = ()
        view.compute_requested.connect(self._on_compute_requested)
        view.structure_chosen.connect(self._on_structure_chosen)
        view.copy_requested.connect(self._on_copy_requested)
        view.save_requested.connect(self._on_save_requested)
        self.background.succeeded.connect(self._on_succeeded)
        self.background.failed.connect(self._on_failed)
        self.background.finished.connect(self._on_finished)

    def end(self) -> None:
        """Stop the work and listen to the viewer no more."""
        super().end()
        self._watch(())
        boxes = self.view.prediction_box, self.view.reference_box, self.view.scan_box
        for box in boxes:
            box.disconnect_layers()

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
        layers = self._viewer.layers
        try:
            judged = segmentation_of(prediction, layers)
            truth = segmentation_of(reference, layers)
            volume = None if scan is None else volume_of(scan, layers)
        except medseg.MedSegError as error:
            self._on_failed(error)
            return

        def work(_report: Report) -> Comparison:
            return compare(judged, truth, volume)

        self._watch((prediction, reference))
        self.view.set_busy(busy=True)
        self.view.show_message("computing")
        self.background.start("MedSeg: computing scores", work)

    def _on_succeeded(self, comparison: Comparison) -> None:
        self.view.show_scores(comparison)
        hint = "Click a row to go to the structure."
        self.view.show_message(f"{hint} {comparison.warning}".strip())

    def _on_failed(self, error: Exception) -> None:
        self.view.show_scores(None)
        self._tell(error)

    def _on_finished(self) -> None:
        self.view.set_busy(busy=False)

    def _on_layer_edited(self, _event: object = None) -> None:
        self.view.show_message("A layer was edited since: Compute again.")

    def _on_structure_chosen(self, label: int) -> None:
        comparison = self.view.model.comparison
        if comparison is not None and label in comparison.places:
            go_to(self._viewer, comparison.places[label])

    def _on_copy_requested(self) -> None:
        comparison = self.view.model.comparison
        if comparison is not None:
            QGuiApplication.clipboard().setText(as_tsv(comparison.evaluation))
            self.view.show_message("Copied.")

    def _on_save_requested(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the scores", "scores.csv", "Comma-separated values (*.csv)"
        )
        comparison = self.view.model.comparison
        if name and comparison is not None:
            self._save(comparison.evaluation, Path(name).with_suffix(".csv"))

    def _save(self, evaluation: medseg.Evaluation, path: Path) -> None:
        try:
            medseg.write_scores(evaluation, path, overwrite=True)
        except medseg.MedSegError as error:
            self._tell(error)
        else:
            self.view.show_message(f"Saved {path.name}.")

    def _tell(self, error: Exception) -> None:
        self.view.show_message(str(error))
        if isinstance(error, medseg.MedSegError):  # napari shows the others itself
            show_error(str(error))

    def _watch(self, layers: tuple[Layer, ...]) -> None:
        """Notice edits of these layers and of no others."""
        for layer in self._scored:
            for event in (layer.events.data, layer.events.paint):
                event.disconnect(self._on_layer_edited)
        self._scored = layers
        for layer in layers:
            for event in (layer.events.data, layer.events.paint):
                event.connect(self._on_layer_edited)
