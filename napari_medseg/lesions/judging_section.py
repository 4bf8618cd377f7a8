"""The section that judges lesions by those of a reference."""

from napari_medseg.controls.background import Report
from napari_medseg.lesions.asking import AskedReference
from napari_medseg.lesions.comparison import Comparison
from napari_medseg.lesions.desk import Desk
from napari_medseg.lesions.judging import Judged, JudgedLesion, Page, judged
from napari_medseg.lesions.reference_view import ReferenceView
from napari_medseg.lesions.saving import Table, table_of_judged


class Judging(Comparison[Judged]):
    """Scores the lesions by a reference, and shows it."""

    def __init__(self, desk: Desk, view: ReferenceView) -> None:
        super().__init__(desk, view.show_judged, other="reference", verb="score")
        self._view = view
        view.score_requested.connect(self._on_score_requested)
        view.lesion_chosen.connect(self._on_lesion_chosen)
        view.reference_box.layer_changed.connect(self._on_reference_changed)

    def show(self, judged: Judged) -> bool:
        """Show how good the lesions are, unless labels were changed meanwhile.

        Returns:
            Whether it is shown.
        """
        return self._take(judged, judged.placement)

    def table(self) -> Table | None:
        """The table looked at, to copy or save; None, and told, if there is none."""
        found, page = self.current(), self._view.page
        if found is None:
            return None
        if page is Page.FROC and not found.curves:
            self._desk.tell(found.why_no_curve)
            return None
        return table_of_judged(found, page)

    def _on_score_requested(self) -> None:
        reference = self._view.reference()
        lesions = None if reference is None else self._lesions_for(reference)
        if lesions is None or reference is None:
            return
        asked = AskedReference(labels=reference, layers=self._desk.layers)

        def work(report: Report) -> Judged:
            return judged(lesions, asked.taken(), report)

        title = f"MedSeg: scoring by {reference.name}"
        self._start(reference, title, work)

    def _on_lesion_chosen(self, lesion: JudgedLesion) -> None:
        part, lesions = lesion.part_to_show, self._desk.lesions
        if part is not None and lesions is not None:
            self._desk.go_to(part, lesions.placement)

    def _on_reference_changed(self, _layer: object) -> None:
        self.leave()
