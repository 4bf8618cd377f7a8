"""The Segment panel: the one place where a result becomes a layer."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Shapes
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog

import medseg
from napari_medseg.controls.background import Background, Report, Work
from napari_medseg.controls.errands import tell_failure
from napari_medseg.controls.panel import Panel
from napari_medseg.layers.bare import bare
from napari_medseg.layers.conversion import (
    LayerTuple,
    is_placed,
    record_of,
    segmentation_layer,
)
from napari_medseg.layers.evidence import Evidence, with_evidence
from napari_medseg.layers.regions import Box, draw_region
from napari_medseg.layers.scripts import ModelRun
from napari_medseg.layers.uncertainty import uncertainty_layers
from napari_medseg.preferences import preferences
from napari_medseg.segment.import_dialog import choose_import
from napari_medseg.segment.importing import ImportChoice, Imported, import_chosen
from napari_medseg.segment.model_words import provenance_words
from napari_medseg.segment.offers import Offers
from napari_medseg.segment.scan import (
    ChosenScan,
    box_on,
    channels_of,
    misfits_of,
    scripted_scan,
)
from napari_medseg.segment.script import run_of, script_of
from napari_medseg.segment.view import SegmentView
from napari_medseg.segment.work import (
    Countdown,
    Estimated,
    SegmentChoice,
    Segmented,
    duration,
    estimate_run,
    run_model,
)
from napari_medseg.viewing.orientation import orient_for_scan

_NO_PROVENANCE = "Select a Labels layer that MedSeg made."


@dataclass(frozen=True, eq=False, kw_only=True)
class _Run:
    """A run, taken from the layers before it starts.

    Attributes:
        name: Of the scan's layer.
        choice: Model and settings.
        scan: What they hold.
        script: The same as lines of a script.
    """

    name: str
    choice: SegmentChoice
    scan: ChosenScan
    script: ModelRun


@dataclass(frozen=True, eq=False, kw_only=True)
class _Made:
    """A result, and the layers that show it, from below."""

    result: Segmented
    layers: tuple[LayerTuple, ...]


class SegmentWidget(Panel):
    """Runs a model over image layers and adds the result as a Labels layer."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        viewer = bare(napari_viewer)
        view = SegmentView(viewer.layers)
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._devices = Background()
        self._countdown = Countdown(time.perf_counter())
        self._where = ""
        self._offers = Offers(view.models)
        self._connect()
        self._offers.begin()
        preferred = preferences()
        view.begin_with(preferred.segment_device, preferred.segment_precision)

    def _connect(self) -> None:
        view = self.view
        view.segment_requested.connect(self._on_segment_requested)
        view.estimate_requested.connect(self._on_estimate_requested)
        view.copy_requested.connect(self._on_copy_requested)
        view.cancel_requested.connect(self._on_cancel_requested)
        view.region_requested.connect(self._on_region_requested)
        view.changed.connect(self._on_changed)
        view.models.folder_requested.connect(self._on_model_folder_requested)
        view.models.import_requested.connect(self._on_import_requested)
        view.device_box.opened.connect(self._on_devices_wanted)
        self._devices.succeeded.connect(view.device_box.add_devices)
        self.background.progressed.connect(self._on_progressed)
        self.background.succeeded.connect(self._on_succeeded)
        self.background.failed.connect(self._on_failed)
        self.background.cancelled.connect(self._on_cancelled)
        self.background.finished.connect(self._on_finished)
        selection = self._viewer.layers.selection.events.active
        selection.connect(self._on_selected)
        self._on_selected()

    def end(self) -> None:
        """Stop the work and listen to the viewer no more."""
        super().end()
        self.view.channel_boxes.disconnect_layers()
        self.view.region_box.disconnect_layers()
        selection = self._viewer.layers.selection.events.active
        selection.disconnect(self._on_selected)

    def add_model_folder(self, folder: str) -> None:
        """Offer the model in a folder from now on, and choose it."""
        try:
            self._offers.add(Path(folder))
        except medseg.MedSegError as error:
            self._on_failed(error)

    def import_model(self, choice: ImportChoice) -> None:
        """Import a model of another tool, offer it, and choose it."""

        def work(report: Report) -> Imported:
            return import_chosen(choice, report)

        self.view.set_importing()
        self.background.start(f"MedSeg: importing {choice.source.name}", work)

    def _on_model_folder_requested(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of a model")
        if folder:
            self.add_model_folder(folder)

    def _on_import_requested(self) -> None:
        choice = None if self.background.is_busy else choose_import(self)
        if choice is not None:
            self.import_model(choice)

    def _on_changed(self) -> None:
        offer = self.view.models.offer()
        layers = self.view.channel_boxes.layers()
        if offer is not None:
            self.view.show_fit(misfits_of(layers, offer.info, self._viewer.layers))

    def _on_region_requested(self) -> None:
        scan = self.view.channel_boxes.layers()[0]
        if not is_placed(scan):
            self.view.show_message(f"{scan.name} is no scan: open one with MedSeg.")
            return
        self.view.region_box.choose(draw_region(self._viewer, scan))
        self.view.show_message("Draw a rectangle on the scan.")

    def _on_segment_requested(self, choice: SegmentChoice) -> None:
        run = self._run_of(choice)
        if run is None:
            return

        self._offers.used(choice.model)
        name = f"{Path(choice.model).name} of {run.name}"

        def work(report: Report) -> _Made:
            scan = run.scan
            made = run_model(scan.volume(), run.choice, report, scan.region())
            return _Made(result=made, layers=_layers_of(made, name, run.script))

        self._start(f"MedSeg: segmenting {run.name}", work)

    def _on_estimate_requested(self, choice: SegmentChoice) -> None:
        run = self._run_of(choice)
        if run is None:
            return

        def work(report: Report) -> Estimated:
            scan = run.scan
            return estimate_run(scan.volume(), run.choice, report, scan.region())

        self._start(f"MedSeg: estimating {run.name}", work)

    def _on_copy_requested(self, choice: SegmentChoice) -> None:
        offer, layers = self.view.models.offer(), self.view.channel_boxes.layers()
        if offer is None:
            return
        try:
            box = self._box(layers)
        except medseg.MedSegError as error:
            self._on_failed(error)
            return
        script = script_of(_within(box, choice), scripted_scan(layers, offer.info, box))
        QGuiApplication.clipboard().setText(script)
        self.view.show_message("Copied: the same work as a Python script.")

    def _run_of(self, choice: SegmentChoice) -> _Run | None:
        """What the layers hold; None, and a message, where it cannot be used."""
        offer, layers = self.view.models.offer(), self.view.channel_boxes.layers()
        if offer is None or not layers:
            return None
        try:
            channels = channels_of(layers, offer.info, self._viewer.layers)
            box = self._box(layers)
        except medseg.MedSegError as error:
            self._on_failed(error)
            return None
        choice = _within(box, choice)
        return _Run(
            name=layers[0].name,
            choice=choice,
            scan=ChosenScan(channels=channels, box=box),
            script=run_of(choice, scripted_scan(layers, offer.info, box)),
        )

    def _box(self, layers: tuple[Image, ...]) -> Box | None:
        shapes = self.view.region_box.layer()
        if not isinstance(shapes, Shapes):
            return None
        return box_on(layers, shapes, self._viewer.layers)

    def _start(self, title: str, work: Work) -> None:
        self._countdown = Countdown(time.perf_counter())
        self.view.set_busy(busy=True)
        self.background.start(title, work)

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

    def _on_succeeded(self, result: _Made | Estimated | Imported) -> None:
        match result:
            case _Made():
                for layer in result.layers:
                    self._viewer.add_layer(Layer.create(*layer))
                orient_for_scan(self._viewer)
                self.view.show_message(str(result.result))
            case Estimated():
                self.view.show_message(str(result))
            case Imported():
                self.add_model_folder(str(result.folder))
                self.view.show_message(str(result))

    def _on_selected(self, _event: object = None) -> None:
        active = self._viewer.layers.selection.active
        record = record_of(active) if isinstance(active, Labels) else None
        made = record.provenance if record else None
        self.view.show_provenance(provenance_words(made) if made else _NO_PROVENANCE)

    def _on_failed(self, error: Exception) -> None:
        self.view.show_message(str(error))
        tell_failure(error)

    def _on_cancelled(self) -> None:
        self.view.show_message("Cancelled. Nothing was added.")

    def _on_finished(self) -> None:
        self.view.set_busy(busy=False)


def _within(box: Box | None, choice: SegmentChoice) -> SegmentChoice:
    """The same, with results that end where the box does."""
    if box is None:
        return choice
    return replace(choice, settings=replace(choice.settings, margin_mm=0.0))


def _layers_of(made: Segmented, name: str, run: ModelRun) -> tuple[LayerTuple, ...]:
    """A result with what the model said of single lesions, above maps of doubt."""
    layer = segmentation_layer(made.segmentation, name)
    if made.centres is not None or made.confidence is not None:
        said = Evidence(run=run, centres=made.centres, confidence=made.confidence)
        layer = with_evidence(layer, said)
    maps = made.uncertainty
    return (*(() if maps is None else uncertainty_layers(maps, name)), layer)


def _devices(_report: Report) -> tuple[medseg.Device, ...]:
    return medseg.available_devices()
