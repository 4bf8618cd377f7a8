"""The Segment panel as it looks; it says what the user wants and does nothing."""

from collections.abc import Sequence

from napari.components import LayerList
from napari.layers import Shapes
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

import medseg
from napari_medseg.controls.fold import Fold, text_box
from napari_medseg.controls.layer_box import LayerBox
from napari_medseg.controls.notice import announce, message_label, notice_label
from napari_medseg.controls.scrolled import scroll_in
from napari_medseg.segment.channel_boxes import ChannelBoxes
from napari_medseg.segment.model_chooser import ModelChooser
from napari_medseg.segment.settings import DeviceBox, SettingsForm
from napari_medseg.segment.work import SegmentChoice

_BEGIN = "Open a scan to begin: File > Open, or drop it here."


class SegmentView(QWidget):
    """Scan, model and settings; Segment and Cancel; progress and messages.

    Attributes:
        segment_requested: A `SegmentChoice`, for the layers of `channel_boxes`.
        estimate_requested: Likewise: what it would take.
        copy_requested: Likewise: the same as a script.
        cancel_requested: Stop what is going on.
        region_requested: Draw a box.
        changed: Another model, scan or setting is chosen.
    """

    segment_requested = Signal(object)
    estimate_requested = Signal(object)
    copy_requested = Signal(object)
    cancel_requested = Signal()
    region_requested = Signal()
    changed = Signal()

    def __init__(self, layers: LayerList) -> None:
        super().__init__()
        self.models = ModelChooser()
        self.channel_boxes = ChannelBoxes(layers)
        self.region_box = LayerBox(layers, Shapes, none_text="Whole scan")
        self.device_box = DeviceBox()
        self._uncertainty = QCheckBox("Maps of uncertainty")
        self._draw = QPushButton("Draw")
        self._settings = SettingsForm()
        self._fit = message_label("Fit of scan and model")
        self._segment = QPushButton("Segment")
        self._cancel = QPushButton("Cancel")
        self._estimate = QPushButton("Estimate")
        self._copy = QPushButton("Copy as Python")
        self._bar = QProgressBar()
        self._message = message_label("Status of the segmentation")
        self._made = text_box("Provenance", "How the selected result was made.")
        self._busy = False
        self._is_refused = False
        self._name_parts()
        self._lay_out()
        self._connect()
        self.set_busy(busy=False)

    def choice(self) -> SegmentChoice | None:
        """Model and settings; None where there is no model."""
        offer = self.models.offer()
        if offer is None:
            return None
        settings = self._settings.settings(self.device_box.device())
        return SegmentChoice(
            model=offer.source,
            settings=settings,
            uncertainty=self._uncertainty.isChecked(),
        )

    def begin_with(self, device: str, precision: str) -> None:
        """Choose what the user prefers where nothing is chosen yet."""
        self.device_box.choose(device)
        self._settings.choose_precision(precision)

    def show_message(self, text: str) -> None:
        """One short line; it stays until the next."""
        self._message.setText(text)

    def show_fit(self, misfits: Sequence[medseg.Misfit]) -> None:
        """What speaks against running the model on the scan."""
        self._fit.setText("\n".join(f"⚠ {misfit.text}" for misfit in misfits))
        self._fit.setVisible(bool(misfits))
        self._is_refused = any(misfit.is_refused for misfit in misfits)
        self._allow()

    def show_provenance(self, text: str) -> None:
        """How the selected result was made."""
        self._made.setPlainText(text)

    def show_progress(self, progress: medseg.Progress, time_left: str) -> None:
        """How far the work is.

        Args:
            progress: The latest step.
            time_left: In words, empty when not known.
        """
        self._bar.setRange(0, progress.total if progress.done else 0)
        self._bar.setValue(progress.done)
        counted = f"{progress.done} of {progress.total}" if progress.done else ""
        words = [progress.stage, counted, time_left]
        self._message.setText(", ".join(word for word in words if word))

    def set_busy(self, *, busy: bool) -> None:
        """Allow to cancel, or to start."""
        self._busy = busy
        self._cancel.setEnabled(busy)
        self._bar.setVisible(busy)
        self._allow()

    def set_importing(self) -> None:
        """As when busy, but an import is not to be stopped: it is done or not done."""
        self.set_busy(busy=True)
        self._cancel.setEnabled(False)

    def _allow(self) -> None:
        has_scan = bool(self.channel_boxes.layers())
        ready = has_scan and self.models.offer() is not None and not self._is_refused
        for button in (self._segment, self._estimate):
            button.setEnabled(ready and not self._busy)
        self._copy.setEnabled(ready)
        self._draw.setEnabled(has_scan)
        text = self._message.text()
        if text in ("", _BEGIN) and not self._busy:
            self.show_message("" if has_scan else _BEGIN)

    def _name_parts(self) -> None:
        tip = (
            "Box in which anything is looked for: a Shapes layer. One rectangle goes "
            "through all slices; a second one in another slice or plane ends it."
        )
        announce(self.region_box, "Region", tip)
        announce(self._draw, "Draw a region", "Draw a rectangle on the scan.")
        tip = (
            "Also show how unsure the model is at each voxel: entropy, disagreement of "
            "its networks, variance over mirrored copies. Takes more memory."
        )
        announce(self._uncertainty, "Maps of uncertainty", tip)
        announce(self._segment, "Segment", "Run the model over the scan.")
        announce(self._cancel, "Cancel", "Stop within one window; nothing is added.")
        tip = "Run a few windows, and say what all would take in time and memory."
        announce(self._estimate, "Estimate", tip)
        announce(self._copy, "Copy as Python", "The same work as a script.")
        announce(self._bar, "Progress", "Share of the windows done.")
        self._bar.setTextVisible(True)

    def _lay_out(self) -> None:
        region = QHBoxLayout()
        region.addWidget(self.region_box, 1)
        region.addWidget(self._draw)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Region", region)
        form.addRow("Device", self.device_box)
        form.addRow("Also", self._uncertainty)
        start, more = QHBoxLayout(), QHBoxLayout()
        start.addWidget(self._segment, 1)
        start.addWidget(self._cancel)
        more.addWidget(self._estimate, 1)
        more.addWidget(self._copy, 1)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.addWidget(self.models)
        layout.addWidget(self.channel_boxes)
        layout.addLayout(form)
        tip = "Overlap, precision and mirroring."
        layout.addWidget(Fold("More settings", tip, self._settings))
        layout.addWidget(self._fit)
        layout.addLayout(start)
        layout.addLayout(more)
        layout.addWidget(self._bar)
        layout.addWidget(self._message)
        tip = "Model, settings and versions of the selected result."
        layout.addWidget(Fold("Provenance", tip, self._made))
        layout.addStretch(1)
        layout.addWidget(notice_label())
        scroll_in(self, content)

    def _connect(self) -> None:
        self.models.model_changed.connect(self._on_model_changed)
        for signal in (self.channel_boxes.changed, self._settings.changed):
            signal.connect(self._on_changed)
        self.device_box.currentIndexChanged.connect(self._on_changed)
        self._uncertainty.toggled.connect(self._on_changed)
        self.region_box.layer_changed.connect(self._on_changed)
        self._draw.clicked.connect(self.region_requested)
        self._cancel.clicked.connect(self.cancel_requested)
        self._segment.clicked.connect(self._on_segment_clicked)
        self._estimate.clicked.connect(self._on_estimate_clicked)
        self._copy.clicked.connect(self._on_copy_clicked)

    def _on_model_changed(self) -> None:
        offer = self.models.offer()
        if offer is not None:
            self.channel_boxes.set_channels(offer.info.plan.channels)
        self._on_changed()

    def _on_changed(self, _value: object = None) -> None:
        self.changed.emit()
        if not self._busy:
            self.show_message("")
        self._allow()

    def _on_segment_clicked(self) -> None:
        self.segment_requested.emit(self.choice())

    def _on_estimate_clicked(self) -> None:
        self.estimate_requested.emit(self.choice())

    def _on_copy_clicked(self) -> None:
        self.copy_requested.emit(self.choice())
