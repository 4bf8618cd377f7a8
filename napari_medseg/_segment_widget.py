"""The Segment panel: the one place where a result becomes a layer."""

import time
from pathlib import Path

from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFileDialog

import medseg
from napari_medseg._background import Background, Report
from napari_medseg._layers import segmentation_layer, volume_of
from napari_medseg._orientation import orient_for_scan
from napari_medseg._panel import Panel
from napari_medseg._segment_view import SegmentView
from napari_medseg._segmenting import (
    Countdown,
    SegmentChoice,
    Segmented,
    duration,
    run_model,
)


class SegmentWidget(Panel):
    """Runs a model over an image layer and adds the result as a Labels layer."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        view = SegmentView(napari_viewer.layers, medseg.list_models())
        super().__init__(view)
        self.view = view
        self._viewer = napari_viewer
        self._devices = Background()
        self._countdown = Countdown(time.perf_counter())
        self._where = ""
        self._name = ""
        self.view.segment_requested.connect(self._on_segment_requested)
        self.view.cancel_requested.connect(self._on_cancel_requested)
        self.view.model_folder_requested.connect(self._on_model_folder_requested)
        self.view.device_box.opened.connect(self._on_devices_wanted)
        self._devices.succeeded.connect(self.view.device_box.add_devices)
        self.background.progressed.connect(self._on_progressed)
        self.background.succeeded.connect(self._on_succeeded)
        self.background.failed.connect(self._on_failed)
        self.background.cancelled.connect(self._on_cancelled)
        self.background.finished.connect(self._on_finished)

    def end(self) -> None:
        """Stop the work and listen to the viewer no more."""
        super().end()
        self.view.image_box.disconnect_layers()

    def add_model_folder(self, folder: str) -> None:
        """Offer the model in a folder, and choose it."""
        try:
            model = medseg.read_model_info(Path(folder))
        except medseg.MedSegError as error:
            self._on_failed(error)
        else:
            self.view.add_model(folder, model)
            self.view.choose_last_model()

    def _on_model_folder_requested(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of a model")
        if folder:
            self.add_model_folder(folder)

    def _on_segment_requested(self, choice: SegmentChoice) -> None:
        layer = self.view.image_box.layer()
        if isinstance(layer, Image):
            self._segment(layer, choice)

    def _segment(self, layer: Image, choice: SegmentChoice) -> None:
        try:
            volume = volume_of(layer, self._viewer.layers)
        except medseg.MedSegError as error:
            self._on_failed(error)
            return

        def work(report: Report) -> Segmented:
            return run_model(volume, choice, report)

        self._name = f"{Path(choice.model).name} of {layer.name}"
        self._countdown = Countdown(time.perf_counter())
        self.view.set_busy(busy=True)
        self.background.start(f"MedSeg: segmenting {layer.name}", work)

    def _on_cancel_requested(self) -> None:
        self.view.show_message("stopping after this window")
        self.background.cancel()

    def _on_devices_wanted(self) -> None:
        if not self._devices.is_busy and self.view.device_box.count() == 2:
            self._devices.start("MedSeg: looking for GPUs", _devices)

    def _on_progressed(self, progress: medseg.Progress) -> None:
        self._where = progress.note or self._where
        left = self._countdown.seconds_left(progress, time.perf_counter())
        words = "" if left is None else f"about {duration(left)} left"
        self.view.show_progress(progress, f"{words} {self._where}".strip())

    def _on_succeeded(self, result: Segmented) -> None:
        array, options, _ = segmentation_layer(result.segmentation, self._name)
        self._viewer.add_labels(array, **options)
        orient_for_scan(self._viewer)
        self.view.show_message(str(result))

    def _on_failed(self, error: Exception) -> None:
        self.view.show_message(str(error))
        if isinstance(error, medseg.MedSegError):  # napari shows the others itself
            show_error(str(error))

    def _on_cancelled(self) -> None:
        self.view.show_message("Cancelled. Nothing was added.")

    def _on_finished(self) -> None:
        self.view.set_busy(busy=False)


def _devices(_report: Report) -> tuple[medseg.Device, ...]:
    return medseg.available_devices()
