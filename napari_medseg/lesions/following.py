"""The section that follows lesions: what becomes of them since an earlier scan."""

from napari.layers import Labels, Layer

import medseg
from napari_medseg.controls.background import Report
from napari_medseg.lesions.asking import asked_of_baseline
from napari_medseg.lesions.contents import Followed, followed
from napari_medseg.lesions.desk import Desk
from napari_medseg.lesions.follow_up_view import FollowUpView
from napari_medseg.lesions.saving import Table, table_of_followed
from napari_medseg.lesions.since import EditedSince


class Following:
    """Compares the lesions with those of an earlier label map, and shows it."""

    def __init__(self, desk: Desk, view: FollowUpView) -> None:
        self._desk = desk
        self._view = view
        self._followed: Followed | None = None
        self._compared: Labels | None = None
        self._edits = EditedSince(desk.viewer.dims)
        view.follow_requested.connect(self._on_follow_requested)
        view.lesion_chosen.connect(self._on_lesion_chosen)
        view.baseline_box.layer_changed.connect(self._on_baseline_changed)
        self._edits.paused.connect(self._on_edited)

    def end(self) -> None:
        """Listen to the viewer no more."""
        self._edits.watch({})

    def forget(self) -> None:
        """Show nothing until it is compared again."""
        self._followed = None
        self._view.show_followed(None)

    def show(self, followed: Followed) -> bool:
        """Show what became of the lesions, unless labels were changed meanwhile.

        Returns:
            Whether it is shown.
        """
        lesions = self._desk.lesions
        is_of_now = self._compared is not None and not self._edits.layers()
        if lesions and followed.follow_up is lesions.placement and is_of_now:
            self._followed = followed
            self._view.show_followed(followed)
            self._desk.tell("Click a row to go to the lesion.")
            return True
        self._desk.tell("Labels were changed meanwhile: compare again.")
        return False

    def table(self) -> Table | None:
        """What became of the lesions, to copy or save; None where it is not known."""
        return None if self._followed is None else table_of_followed(self._followed)

    def _on_follow_requested(self) -> None:
        baseline, lesions = self._view.baseline(), self._desk.ready()
        if lesions is None or baseline is None:
            return
        rules, scan = self._view.rules(), self._view.scan()
        asked = asked_of_baseline(baseline, scan, lesions.choice, self._desk.layers)
        self._edits.watch({baseline: asked.checksum})
        self._compared = baseline

        def work(report: Report) -> Followed:
            return followed(lesions, asked.taken(), rules, report)

        self._desk.start(f"MedSeg: comparing with {baseline.name}", work)

    def _on_lesion_chosen(self, lesion: medseg.FollowedLesion) -> None:
        if self._followed is not None:
            self._desk.go_to(*self._followed.part_to_show(lesion))

    def _on_baseline_changed(self, _layer: Layer | None) -> None:
        self._followed = None
        self._compared = None
        self._edits.watch({})

    def _on_edited(self) -> None:
        if self._followed is not None and self._edits.layers():
            self.forget()
            self._desk.tell("The baseline was edited since: compare again.")
