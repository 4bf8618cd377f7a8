"""The Lesions panel: lesions of a label map one by one, followed and judged."""

from collections.abc import Iterator

from napari.components import ViewerModel
from napari.layers import Labels, Layer
from napari.utils.events import Event
from qtpy.QtGui import QGuiApplication

import medseg
from napari_medseg.controls.background import Report
from napari_medseg.controls.errands import tell_failure
from napari_medseg.controls.panel import Panel
from napari_medseg.layers.bare import bare
from napari_medseg.layers.hiding import HiddenLayers
from napari_medseg.lesions.asking import Asked, has_stored
from napari_medseg.lesions.contents import Followed, told_apart
from napari_medseg.lesions.desk import Desk
from napari_medseg.lesions.following import Following
from napari_medseg.lesions.judging import Judged
from napari_medseg.lesions.judging_section import Judging
from napari_medseg.lesions.layer import Made, colours_of, lesions_layer, show_lesions
from napari_medseg.lesions.saving import (
    Saved,
    Table,
    ask_where_labels,
    save_table,
    source_for,
    table_of,
    write_lesions,
)
from napari_medseg.lesions.script import script_of
from napari_medseg.lesions.seen import Seen
from napari_medseg.lesions.view import LesionsView
from napari_medseg.structures.contents import as_tab_separated
from napari_medseg.viewing.clicks import Point, still_click

_HINT = "Click a row to go to the lesion, or a lesion to see its row."


class LesionsWidget(Panel):
    """Tells lesions of a Labels layer apart, measures, shows, follows, judges them."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        viewer = bare(napari_viewer)
        view = LesionsView(viewer.layers)
        super().__init__(view)
        self.view = view
        self._viewer = viewer
        self._desk = Desk(viewer, view, self.background)
        self._following = Following(self._desk, view.follow_up)
        self._judging = Judging(self._desk, view.reference)
        self._shown: Labels | None = None
        self._hidden = HiddenLayers(viewer.layers)
        self._connect()
        self._on_labels_changed(view.labels())

    def end(self) -> None:
        """Stop the work and listen to the viewer no more; the lesions stay."""
        super().end()
        self._hidden.show_again()
        self._desk.edits.watch_labels(None)
        self._desk.marks.end()
        self._desk.boxes.end()
        self._following.end()
        self._judging.end()
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)
        self.view.disconnect_layers()

    def _connect(self) -> None:
        view = self.view
        view.labels_box.layer_changed.connect(self._on_labels_changed)
        view.apart_requested.connect(self._on_apart_requested)
        view.cancel_requested.connect(self._on_cancel_requested)
        view.lesion_chosen.connect(self._on_lesion_chosen)
        view.looks.outline_changed.connect(self._on_outline_changed)
        view.looks.marks_changed.connect(self._desk.marks.want)
        view.looks.boxes_changed.connect(self._desk.boxes.want)
        view.copy_requested.connect(self._on_copy_requested)
        view.save_requested.connect(self._on_save_requested)
        view.save_labels_requested.connect(self._on_save_labels_requested)
        view.script_requested.connect(self._on_script_requested)
        self._desk.edits.paused.connect(self._on_edited)
        self.background.progressed.connect(view.show_progress)
        self.background.succeeded.connect(self._on_succeeded)
        self.background.failed.connect(self._on_failed)
        self.background.cancelled.connect(self._on_cancelled)
        self.background.finished.connect(self._on_finished)
        self._viewer.mouse_drag_callbacks.append(self._on_press)

    def _on_labels_changed(self, layer: Layer | None) -> None:
        """What was told apart is that of another layer."""
        self._forget()
        self._hidden.show_again()
        labels = layer if isinstance(layer, Labels) else None
        self._desk.edits.watch_labels(labels)
        self.view.rules.offer_stored(is_offered=has_stored(labels))
        self.view.show_message("" if layer else "Open or make a Labels layer first.")

    def _forget(self) -> None:
        self._shown = None
        self._desk.forget()
        self._following.forget()
        self._judging.forget()
        self.view.show_lesions(None, {})

    def _asked(self) -> Asked | None:
        """What is chosen; None, and a message, where something is missing."""
        labels, choice = self.view.labels(), self.view.rules.choice()
        if labels is None:
            return None
        if not choice.counted:
            self.view.show_message("Tick a structure to count.")
            return None
        return Asked(
            labels=labels,
            scan=self.view.scan(),
            choice=choice,
            layers=tuple(self._viewer.layers),
        )

    def _on_apart_requested(self) -> None:
        asked = self._asked()
        if asked is None or self.background.is_busy:
            return
        labels = asked.labels
        name = labels.name

        def work(report: Report) -> Made:
            seen = Seen.of(labels)
            lesions = told_apart(asked.taken(), report)
            made = lesions_layer(lesions, name)
            return Made(lesions=lesions, layer=made, labels=labels, seen=seen)

        self._desk.start(f"MedSeg: separating lesions of {name}", work)

    def _on_save_labels_requested(self) -> None:
        labels, lesions = self.view.labels(), self._desk.ready()
        if lesions is None or labels is None:
            return
        is_followed = self._is_followed_in_view()
        followed = self._following.current() if is_followed else None
        if is_followed and followed is None:
            return  # the baseline was changed since, and that is told
        try:
            path = ask_where_labels(self, lesions)
            if path is None:
                return
            source = source_for(path, labels, self._viewer.layers)
        except medseg.MedSegError as error:
            self._on_failed(error)
            return

        def work(_report: Report) -> Saved:
            return write_lesions(lesions, path, source, followed)

        self._desk.start(f"MedSeg: saving {path.name}", work)

    def _is_followed_in_view(self) -> bool:
        """Whether what became of lesions is what is looked at."""
        is_in_view = self.view.section is self.view.follow_up
        return is_in_view and self._following.result is not None

    def _on_cancel_requested(self) -> None:
        self.view.show_message("stopping after this step")
        self.background.cancel()

    def _on_succeeded(self, result: Made | Followed | Judged | Saved) -> None:
        match result:
            case Made():
                self._show(result)
            case Followed():
                if self._following.show(result):
                    self.view.show_section(self.view.follow_up)
            case Judged():
                if self._judging.show(result):
                    self.view.show_section(self.view.reference)
            case Saved():
                told = f"Saved {result.path.name}. {result.words}"
                self.view.show_message(told.rstrip())

    def _show(self, made: Made) -> None:
        if made.labels is not self.view.labels():  # another was chosen meanwhile
            return
        self._forget()
        contour = int(self.view.looks.is_outline)
        shown = show_lesions(self._viewer, made.layer, contour)
        self._shown = shown
        self._desk.take(made.lesions, made.labels, made.seen, shown)
        self._hidden.hide((made.labels,))  # colours over each other are of no legend
        colours = colours_of(shown, made.lesions)
        self.view.show_lesions(made.lesions, colours)
        self.view.show_message(_HINT if made.lesions.measures else "")
        self._desk.is_current()

    def _on_failed(self, error: Exception) -> None:
        self.view.show_message(str(error))
        tell_failure(error)

    def _on_cancelled(self) -> None:
        self.view.show_message("Cancelled. Nothing was changed.")

    def _on_finished(self) -> None:
        self.view.set_busy(busy=False)

    def _on_edited(self) -> None:
        self.view.show_structures()
        self._desk.is_current()

    def _on_lesion_chosen(self, measure: medseg.InstanceMeasure) -> None:
        lesions = self._desk.lesions
        if lesions is not None:
            self._desk.go_to(measure, lesions.placement)
            self.view.mark_in_sections(measure.number)

    def _on_press(self, viewer: ViewerModel, event: Event) -> Iterator[None]:
        if self._desk.lesions is not None:
            yield from still_click(viewer, event, self._on_picture_clicked)

    def _on_picture_clicked(self, point: Point, _adds: bool) -> None:
        """Select the row of the lesion that was clicked; the picture stays."""
        lesions = self._desk.lesions
        number = 0 if lesions is None else lesions.number_at(point)
        if lesions is not None and number:
            self.view.mark(number)
            self._desk.marks.choose(lesions.measure_of(number), lesions.placement)

    def _on_outline_changed(self, is_outline: bool) -> None:
        if self._shown is not None and self._shown in self._viewer.layers:
            self._shown.contour = int(is_outline)

    def _table(self) -> Table | None:
        """Of the tab that is looked at; None, and told, where it holds none."""
        lesions = self._desk.lesions
        if lesions is None or not self._desk.is_current():
            return None
        if self.view.section is self.view.follow_up:
            return self._following.table()
        if self.view.section is self.view.reference:
            return self._judging.table()
        return table_of(lesions)

    def _on_copy_requested(self) -> None:
        table = self._table()
        if table is not None:
            QGuiApplication.clipboard().setText(as_tab_separated(table.csv))
            self.view.show_message("Copied.")

    def _on_save_requested(self) -> None:
        table = self._table()
        if table is None:
            return
        try:
            path = save_table(self, table)
            if path is not None:
                self.view.show_message(f"Saved {path.name}.")
        except medseg.MedSegError as error:
            self._on_failed(error)

    def _on_script_requested(self) -> None:
        asked = self._asked()
        if asked is None:
            return
        try:
            script = script_of(asked.scripted())
        except medseg.MedSegError as error:
            self._on_failed(error)
            return
        QGuiApplication.clipboard().setText(script)
        self.view.show_message("Copied: the same work as a Python script.")
