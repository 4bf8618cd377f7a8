"""The section that follows lesions: what becomes of them since an earlier scan."""

import medseg
from napari_medseg.controls.background import Report
from napari_medseg.lesions.asking import asked_of_baseline
from napari_medseg.lesions.comparison import Comparison
from napari_medseg.lesions.contents import Followed, followed
from napari_medseg.lesions.desk import Desk
from napari_medseg.lesions.follow_up_view import FollowUpView
from napari_medseg.lesions.saving import Table, table_of_followed


class Following(Comparison[Followed]):
    """Compares the lesions with those of an earlier label map, and shows it."""

    def __init__(self, desk: Desk, view: FollowUpView) -> None:
        super().__init__(desk, view.show_followed, other="baseline", verb="compare")
        self._view = view
        view.follow_requested.connect(self._on_follow_requested)
        view.lesion_chosen.connect(self._on_lesion_chosen)
        view.baseline_box.layer_changed.connect(self._on_baseline_changed)

    def show(self, followed: Followed) -> bool:
        """Show what became of the lesions, unless labels were changed meanwhile.

        Returns:
            Whether it is shown.
        """
        return self._take(followed, followed.follow_up)

    def table(self) -> Table | None:
        """What became of the lesions, to copy or save; None, and told, if unknown."""
        found = self.current()
        return None if found is None else table_of_followed(found)

    def _on_follow_requested(self) -> None:
        baseline = self._view.baseline()
        lesions = None if baseline is None else self._lesions_for(baseline)
        if baseline is None or lesions is None:
            return
        rules, scan = self._view.rules(), self._view.scan()
        asked = asked_of_baseline(baseline, scan, lesions.choice, self._desk.layers)

        def work(report: Report) -> Followed:
            return followed(lesions, asked.taken(), rules, report)

        title = f"MedSeg: comparing with {baseline.name}"
        self._start(baseline, title, work)

    def _on_lesion_chosen(self, lesion: medseg.FollowedLesion) -> None:
        if self.result is not None:
            self._desk.go_to(*self.result.part_to_show(lesion))

    def _on_baseline_changed(self, _layer: object) -> None:
        self.leave()
