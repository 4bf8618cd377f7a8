"""The Cohort review panel as it looks; it says what the user wants and does nothing."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_medseg.controls.notice import announce, message_label, notice_label
from napari_medseg.review.cases_view import CasesTable
from napari_medseg.review.cohort import EVERY_STRUCTURE, Cohort, Measure
from napari_medseg.review.folders_view import FoldersForm
from napari_medseg.review.notes import Flag, Review
from napari_medseg.review.table import CasesModel, Shown
from napari_medseg.review.verdict_view import VerdictBox
from napari_medseg.shortcuts import NEXT_CASE, PREVIOUS_CASE


class ReviewView(QWidget):
    """Folders, the list of cases, and what is thought of the one on view.

    Attributes:
        open_requested: Choose a folder to look through.
        folders_changed: Other folders are named, as `CohortFolders`.
        case_chosen: Case id, to be shown.
        flag_chosen: What is decided about the case on view, as `Flag`.
        note_changed: What is noted on it.
        side_by_side_changed: Whether two models have a picture each.
    """

    open_requested = Signal()
    folders_changed = Signal(object)
    case_chosen = Signal(str)
    flag_chosen = Signal(object)
    note_changed = Signal(str)
    side_by_side_changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.model = CasesModel(self)
        self._case_id = ""
        self._open = QPushButton("Open folder…")
        self._title = QLabel("No cohort is open.")
        self._more = QPushButton("▸ Folders")
        self.folders = FoldersForm()
        self._measure = QComboBox()
        self._structure = QComboBox()
        self._worst_first = QPushButton("Worst first")
        self._shown = QComboBox()
        self._count = QLabel()
        self._table = CasesTable(self.model)
        self._previous = QPushButton("◀ Previous")
        self._next = QPushButton("Next ▶")
        self._side_by_side = QCheckBox("Side by side")
        self._verdict = VerdictBox()
        self._message = message_label("Status of the review")
        self._set_up_parts()
        self._name_parts()
        self._lay_out()
        self._connect()
        self.show_cohort(None, Review())

    @property
    def measure(self) -> Measure:
        """What cases are sorted by."""
        return Measure(self._measure.currentText() or Measure.DICE)

    @property
    def is_side_by_side(self) -> bool:
        """Whether two models have a picture each."""
        return self._side_by_side.isChecked() and self._side_by_side.isEnabled()

    def show_cohort(self, cohort: Cohort | None, review: Review) -> None:
        """List the cases of a cohort, the worst first, or none."""
        self._case_id = ""
        self.model.show(cohort, review)
        self._fill_boxes(cohort)
        self._on_scoring_changed()
        name = "" if cohort is None else cohort.folders.root.name
        self._title.setText(name or "No cohort is open.")
        self._title.setToolTip("" if cohort is None else str(cohort.folders.root))
        if cohort is not None:
            self.folders.show_folders(cohort.folders, cohort.missing)
            if "Scans" in cohort.missing and "Predictions" in cohort.missing:
                self._more.setChecked(True)  # to be named now
        self._side_by_side.setEnabled(cohort is not None and cohort.can_be_compared)
        self._table.fit_columns()
        self._on_worst_first()
        self.show_review(review)
        self._verdict.show_verdict(None)
        for button in (self._next, self._previous):
            button.setEnabled(self.model.rowCount() > 0)

    def show_review(self, review: Review) -> None:
        """Show flags and notes."""
        self.model.show_review(review)
        self._list_again()
        total = self.model.rowCount()
        flags = [review.count(flag) for flag in (Flag.ACCEPTED, Flag.REJECTED)]
        self._count.setText(
            f"{sum(flags)} of {total} reviewed, {flags[1]} rejected" if total else ""
        )
        if self._case_id:
            self._verdict.show_flag(review[self._case_id].flag)

    def show_case(self, case_id: str) -> None:
        """Mark the row of the case on view, and show what is thought of it."""
        self._case_id = case_id
        self._list_again()
        self._table.mark(case_id)
        self._verdict.show_verdict(self.model.review[case_id])

    def neighbours(self, case_id: str) -> tuple[str, str]:
        """The next and the previous case as listed; empty beyond the ends."""
        return self._table.neighbours(case_id)

    def show_message(self, text: str) -> None:
        """One short line; it stays until the next."""
        self._message.setText(text)

    def set_busy(self, *, busy: bool) -> None:
        """Allow to open another cohort, or not."""
        self._open.setEnabled(not busy)
        self.folders.setEnabled(not busy)

    def _set_up_parts(self) -> None:
        self._more.setCheckable(True)
        self._more.setFlat(True)
        self.folders.hide()
        for box in (self._measure, self._structure, self._shown):
            policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            box.setSizeAdjustPolicy(policy)
            box.setMinimumContentsLength(6)
        self._measure.setMinimumContentsLength(8)
        for shown in Shown:
            self._shown.addItem(shown.value)
        self._next.setShortcut(NEXT_CASE.keys)
        self._previous.setShortcut(PREVIOUS_CASE.keys)

    def _name_parts(self) -> None:
        announce(
            self._open,
            "Open cohort",
            "Choose the folder of a cohort, study or dataset.",
        )
        announce(self._more, "Folders", "Say which folder holds what.")
        announce(self._measure, "Measure", "What cases are sorted by.")
        announce(self._structure, "Structure", "Of which structure.")
        announce(self._worst_first, "Worst first", "Sort by the first model's scores.")
        announce(self._shown, "Listed cases", "Which cases are listed.")
        announce(self._next, "Next case", NEXT_CASE.tip("Show the next case"))
        announce(
            self._previous, "Previous case", PREVIOUS_CASE.tip("Show the one before")
        )
        announce(
            self._side_by_side,
            "Side by side",
            "A picture for each of two models; both move together.",
        )
        self._count.setAccessibleName("Cases reviewed")
        self._title.setAccessibleName("Cohort")

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addLayout(_row_of(self._open, (self._title, 1), self._more))
        layout.addWidget(self.folders)
        layout.addLayout(
            _row_of((self._measure, 1), (self._structure, 2), self._worst_first)
        )
        layout.addLayout(_row_of((self._shown, 1), (self._count, 1)))
        layout.addWidget(self._message)
        layout.addWidget(self._table, 1)
        layout.addLayout(
            _row_of((self._previous, 1), (self._next, 1), self._side_by_side)
        )
        layout.addWidget(self._verdict)
        layout.addWidget(notice_label())

    def _connect(self) -> None:
        self._open.clicked.connect(self.open_requested)
        self._more.toggled.connect(self._on_more_toggled)
        self.folders.folders_changed.connect(self.folders_changed)
        self._measure.activated.connect(self._on_scoring_changed)
        self._structure.activated.connect(self._on_scoring_changed)
        self._worst_first.clicked.connect(self._on_worst_first)
        self._shown.activated.connect(self._list_again)
        self._table.case_chosen.connect(self.case_chosen)
        self._next.clicked.connect(self._on_next)
        self._previous.clicked.connect(self._on_previous)
        self._side_by_side.toggled.connect(self.side_by_side_changed)
        self._verdict.flag_chosen.connect(self.flag_chosen)
        self._verdict.note_changed.connect(self.note_changed)

    def _fill_boxes(self, cohort: Cohort | None) -> None:
        measures = () if cohort is None else cohort.measures
        structures = () if cohort is None else cohort.structures
        self._measure.clear()
        self._measure.addItems([measure.value for measure in measures])
        self._structure.clear()
        if measures:
            self._structure.addItem("", EVERY_STRUCTURE)  # named after the measure
        for name in structures:
            self._structure.addItem(name, name)
        for part in (self._measure, self._structure, self._worst_first):
            part.setEnabled(bool(measures))

    def _list_again(self, _index: int = 0) -> None:
        self._table.list_only(Shown(self._shown.currentText()), keep=self._case_id)

    def _on_more_toggled(self, shown: bool) -> None:
        self._more.setText("▾ Folders" if shown else "▸ Folders")
        self.folders.setVisible(shown)

    def _on_scoring_changed(self, _index: int = 0) -> None:
        if self._structure.count():
            self._structure.setItemText(0, f"{self.measure.of_all} of all")
        structure = self._structure.currentData() or EVERY_STRUCTURE
        self.model.score_by(self.measure, structure)

    def _on_worst_first(self) -> None:
        has_scores = self._measure.count() > 0
        self._table.sort_worst_first(self.measure if has_scores else None)

    def _on_next(self) -> None:
        self._choose(self.neighbours(self._case_id)[0])

    def _on_previous(self) -> None:
        self._choose(self.neighbours(self._case_id)[1])

    def _choose(self, case_id: str) -> None:
        if case_id:
            self.case_chosen.emit(case_id)
        else:
            self.show_message("There are no more cases in this list.")


def _row_of(*parts: QWidget | tuple[QWidget, int]) -> QHBoxLayout:
    """Parts beside each other, each with the share of the room that it takes."""
    row = QHBoxLayout()
    for part in parts:
        widget, share = part if isinstance(part, tuple) else (part, 0)
        row.addWidget(widget, share)
    return row
