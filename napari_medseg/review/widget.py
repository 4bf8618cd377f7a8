"""The Cohort review panel: a folder in, case after case, verdicts out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from napari.components import ViewerModel
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import QFileDialog

import medseg
from napari_medseg.controls.background import Report
from napari_medseg.controls.errands import tell_failure
from napari_medseg.controls.panel import Panel
from napari_medseg.layers.bare import bare
from napari_medseg.preferences import preferences
from napari_medseg.review.cohort import Cohort
from napari_medseg.review.finding import read_cohort
from napari_medseg.review.folders import CohortFolders, discover
from napari_medseg.review.keeping import VerdictKeeper
from napari_medseg.review.layers import CaseLayers
from napari_medseg.review.loading import LoadedCase
from napari_medseg.review.notes import FILE_NAME, Change, Flag, Review, read_review
from napari_medseg.review.reading import CaseReader
from napari_medseg.review.view import ReviewView

_CASE = "case"


@dataclass(frozen=True, eq=False, kw_only=True)
class _Opened:
    """A cohort that was found, and where to begin."""

    cohort: Cohort
    review: Review
    case_id: str


class ReviewWidget(Panel):
    """Looks through the cases of a cohort and keeps what is thought of each."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        viewer = bare(napari_viewer)
        view = ReviewView()
        super().__init__(view)
        self.view = view
        self.reader = CaseReader()
        self.keeper = VerdictKeeper()
        self._layers = CaseLayers(viewer)
        self._cohort: Cohort | None = None
        self._case_id = ""
        view.open_requested.connect(self._on_open_requested)
        view.folders_changed.connect(self._on_folders_changed)
        view.case_chosen.connect(self._on_case_chosen)
        view.flag_chosen.connect(self._on_flag_chosen)
        view.note_changed.connect(self._on_note_changed)
        view.side_by_side_changed.connect(self._on_side_by_side_changed)
        self.background.succeeded.connect(self._on_opened)
        self.background.failed.connect(self._on_failed)
        self.background.finished.connect(self._on_open_finished)
        self.reader.ready.connect(self._on_case_ready)
        self.reader.failed.connect(self._on_case_failed)
        self.reader.waiting.connect(self._on_waiting)
        self.keeper.failed.connect(self._on_failed)
        self.keeper.written.connect(self._on_verdicts_written)

    def end(self) -> None:
        """Stop the work, and write what was decided."""
        super().end()
        self.reader.begin(None)
        self._layers.let_go()
        self._write_verdicts()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Write what was decided: so a window is closed, too."""
        self._write_verdicts()
        super().hideEvent(event)

    def open_folder(self, folder: Path) -> None:
        """Look through the cases of a folder; what is what is told by the names."""
        self._open(partial(discover, folder), "")

    def session_state(self) -> dict[str, str]:
        """The folders and the case on view, for a session file."""
        if self._cohort is None:
            return {}
        state = {_CASE: self._case_id}
        for field in fields(CohortFolders):
            path = getattr(self._cohort.folders, field.name)
            if path is not None:
                state[field.name] = str(path)
        return state

    def restore_session_state(self, state: dict[str, str]) -> None:
        """Open the same cohort at the same case."""
        names = {field.name for field in fields(CohortFolders)}
        paths = {name: Path(path) for name, path in state.items() if name in names}
        if "root" in paths:
            folders = CohortFolders(**paths)
            self._open(lambda: folders, state.get(_CASE, ""))

    def _open(self, find: Callable[[], CohortFolders], case_id: str) -> None:
        if self.background.is_busy:
            return

        def work(_report: Report) -> _Opened:
            folders = find()
            return _Opened(
                cohort=read_cohort(folders),
                review=read_review(folders.root / FILE_NAME),
                case_id=case_id,
            )

        self.view.set_busy(busy=True)
        self.view.show_message("looking for cases")
        self.background.start("MedSeg: looking for cases", work)

    def _on_open_requested(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of a cohort or study")
        if folder:
            self.open_folder(Path(folder))

    def _on_folders_changed(self, folders: CohortFolders) -> None:
        if folders.root == Path():  # none was opened: notes go beside the first named
            named = (folders.scores, folders.predictions, folders.scans)
            first = next((path for path in named if path is not None), Path())
            folders = CohortFolders(
                **{f.name: getattr(folders, f.name) for f in fields(folders)}
                | {"root": first.parent}
            )
        self._open(lambda: folders, "")

    def _on_opened(self, opened: _Opened) -> None:
        try:
            self.keeper.begin(opened.cohort.folders.root / FILE_NAME, opened.review)
        except medseg.MedSegError as error:
            self._on_failed(error)  # the cohort before stays: it is not all written
            return
        self._layers.remove()
        self._cohort, self._case_id = opened.cohort, ""
        self.reader.begin(opened.cohort)
        self.view.show_cohort(opened.cohort, opened.review)
        self.view.show_message(welcome(opened.cohort))
        if opened.case_id:
            self._on_case_chosen(opened.case_id)

    def _on_open_finished(self) -> None:
        self.view.set_busy(busy=False)

    def _on_case_chosen(self, case_id: str) -> None:
        ahead = self.view.neighbours(case_id) if preferences().review_read_ahead else ()
        self.reader.want(case_id, self.view.measure, ahead=ahead)

    def _on_waiting(self, case_id: str) -> None:
        self.view.show_message(f"reading {case_id}")

    def _on_case_ready(self, loaded: LoadedCase) -> None:
        self._leave()
        self._case_id = loaded.case.case_id
        self._layers.show(loaded, side_by_side=self.view.is_side_by_side)
        self.view.show_case(self._case_id)
        self._describe(loaded)

    def _on_case_failed(self, case_id: str, error: Exception) -> None:
        """It is gone to all the same: one may reject it, or go on from there."""
        self._leave()
        self._case_id = case_id
        self.view.show_case(case_id)
        self._on_failed(error)

    def _leave(self) -> None:
        before = self._layers.remove()
        if before is not None:
            self.reader.give_back(before)

    def _on_flag_chosen(self, flag: Flag) -> None:
        case_id = self._case_id
        if not case_id:
            return
        self.keeper.keep(case_id, Change(flag=flag))
        following, _ = self.view.neighbours(case_id)
        self.view.show_review(self.keeper.review)
        goes_on = preferences().review_go_on_after_flag and flag is not Flag.NONE
        if goes_on and following:
            self._on_case_chosen(following)

    def _on_note_changed(self, note: str) -> None:
        case_id = self._case_id
        if case_id:
            self.keeper.keep(case_id, Change(note=note))
            self.view.show_review(self.keeper.review)

    def _on_verdicts_written(self) -> None:
        self.view.show_review(self.keeper.review)

    def _write_verdicts(self) -> None:
        try:
            self.keeper.flush()
        except medseg.MedSegError as error:
            tell_failure(error)

    def _on_side_by_side_changed(self, chosen: bool) -> None:
        self._layers.lay_out(side_by_side=chosen)
        if self._layers.loaded is not None:
            self._describe(self._layers.loaded)

    def _describe(self, loaded: LoadedCase) -> None:
        words = description(loaded, side_by_side=self.view.is_side_by_side)
        self.view.show_message(loaded.warning or words)

    def _on_failed(self, error: Exception) -> None:
        self.view.show_message(str(error))
        tell_failure(error)


def welcome(cohort: Cohort) -> str:
    """What was opened, and what to do next, in one line."""
    cases, missing = len(cohort.cases), cohort.missing
    if "Scans" in missing and "Predictions" in missing:
        what = "scores alone" if "References" in missing else "no scans or predictions"
        return f"{cases} cases, {what}: name {_listed(missing)} below to see pictures."
    return f"{cases} cases. Click one, or press Next."


def _listed(names: Sequence[str]) -> str:
    """Say "A, B and C"."""
    *most, last = (name.lower() for name in names)
    return f"{', '.join(most)} and {last}" if most else last


def description(loaded: LoadedCase, *, side_by_side: bool) -> str:
    """What is seen of a case, in one line."""
    models = list(loaded.predictions)
    if side_by_side and len(models) > 1:
        parts = [f"left {models[0]}", f"right {models[1]}"]
    else:
        parts = models[:1] + [f"{model} (hidden)" for model in models[1:]]
    if loaded.reference is not None:
        parts.append("reference (outline)" if models else "reference")
    return f"{loaded.case.case_id}: {', '.join(parts) or 'scan only'}."
