"""The section that judges lesions by those of a reference."""

from napari.layers import Labels, Layer

from napari_medseg.controls.background import Report
from napari_medseg.lesions.asking import AskedReference
from napari_medseg.lesions.desk import Desk
from napari_medseg.lesions.judging import Judged, JudgedLesion, judged
from napari_medseg.lesions.reference_view import ReferenceView
from napari_medseg.lesions.saving import Table, table_of_judged
from napari_medseg.lesions.since import EditedSince


class Judging:
    """Scores the lesions by a reference, and shows it."""

    def __init__(self, desk: Desk, view: ReferenceView) -> None:
        self._desk = desk
        self._view = view
        self._judged: Judged | None = None
        self._compared: Labels | None = None
        self._edits = EditedSince(desk.viewer.dims)
        view.score_requested.connect(self._on_score_requested)
        view.lesion_chosen.connect(self._on_lesion_chosen)
        view.reference_box.layer_changed.connect(self._on_reference_changed)
        self._edits.paused.connect(self._on_edited)

    def end(self) -> None:
        """Listen to the viewer no more."""
        self._edits.watch({})

    def forget(self) -> None:
        """Show nothing until it is scored again."""
        self._judged = None
        self._view.show_judged(None)

    def show(self, judged: Judged) -> bool:
        """Show how good the lesions are, unless labels were changed meanwhile.

        Returns:
            Whether it is shown.
        """
        lesions = self._desk.lesions
        is_of_now = self._compared is not None and not self._edits.layers()
        if lesions and judged.placement is lesions.placement and is_of_now:
            self._judged = judged
            self._view.show_judged(judged)
            self._desk.tell("Click a row to go to the lesion.")
            return True
        self._desk.tell("Labels were changed meanwhile: score again.")
        return False

    def table(self) -> Table | None:
        """The table looked at, to copy or save; None where nothing is scored."""
        if self._judged is None:
            return None
        return table_of_judged(self._judged, self._view.page)

    def _on_score_requested(self) -> None:
        reference, lesions = self._view.reference(), self._desk.ready()
        if lesions is None or reference is None:
            return
        asked = AskedReference(labels=reference, layers=self._desk.layers)
        self._edits.watch({reference: asked.checksum})
        self._compared = reference

        def work(report: Report) -> Judged:
            return judged(lesions, asked.taken(), report)

        self._desk.start(f"MedSeg: scoring by {reference.name}", work)

    def _on_lesion_chosen(self, lesion: JudgedLesion) -> None:
        part, lesions = lesion.part_to_show, self._desk.lesions
        if part is not None and lesions is not None:
            self._desk.go_to(part, lesions.placement)

    def _on_reference_changed(self, _layer: Layer | None) -> None:
        self._judged = None
        self._compared = None
        self._edits.watch({})

    def _on_edited(self) -> None:
        if self._judged is not None and self._edits.layers():
            self.forget()
            self._desk.tell("The reference was edited since: score again.")
