"""The table of cases as Qt wants it: a model, and one that sorts and filters it."""

from enum import StrEnum
from typing import Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from napari_medseg.controls.sorting import SortedRows
from napari_medseg.review.cohort import EVERY_STRUCTURE, Cohort, CohortCase, Measure
from napari_medseg.review.notes import Flag, Review

FIRST_SCORE_COLUMN = 2
_NO_PARENT = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_MARKS = {Flag.NONE: "", Flag.ACCEPTED: "✓", Flag.REJECTED: "✗"}
_NOTE_MARK = "✎"
_FIRST = -1.0  # below every Dice


class Shown(StrEnum):
    """Which cases are listed; the values are what the box says."""

    ALL = "all cases"
    OPEN = "not yet reviewed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOTED = "with a note"


class CasesModel(QAbstractTableModel):
    """Cases of a cohort, one a row: flag, name, a score of each model, the worst."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cohort: Cohort | None = None
        self.review = Review()
        self._measure = Measure.DICE
        self._structure = EVERY_STRUCTURE

    def show(self, cohort: Cohort | None, review: Review) -> None:
        """Show another cohort, or none."""
        self.beginResetModel()
        self.cohort, self.review = cohort, review
        self.endResetModel()

    def show_review(self, review: Review) -> None:
        """Show other flags and notes."""
        self.review = review
        self._tell_changed(0, 0)

    def score_by(self, measure: Measure, structure: str) -> None:
        """Show another measure, of one structure or of all."""
        self._measure, self._structure = measure, structure
        self._tell_changed(FIRST_SCORE_COLUMN, self.columnCount() - 1)
        self.headerDataChanged.emit(
            Qt.Orientation.Horizontal, 0, self.columnCount() - 1
        )

    def case_at(self, row: int) -> CohortCase:
        """The case of a row."""
        return self._cases()[row]

    def row_of(self, case_id: str) -> int:
        """Row of a case; -1 where it is not here."""
        ids = [case.case_id for case in self._cases()]
        return ids.index(case_id) if case_id in ids else -1

    def rowCount(  # noqa: N802
        self, parent: QModelIndex | QPersistentModelIndex = _NO_PARENT
    ) -> int:
        """One a case."""
        return 0 if parent.isValid() else len(self._cases())

    def columnCount(  # noqa: N802
        self, parent: QModelIndex | QPersistentModelIndex = _NO_PARENT
    ) -> int:
        """Flag, name, one a model, the worst structure."""
        return 0 if parent.isValid() else FIRST_SCORE_COLUMN + len(self._models()) + 1

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Headers across the top, with what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        models = self._models()
        names = ["", "Case", *models, "Worst"]
        of_all = f"all structures, {self._measure.of_all}"
        what = f"{self._measure} of {self._structure or of_all}"
        tips = [
            "Accepted (✓), rejected (✗), with a note (✎).",
            "Name of the case.",
            *(f"{model}: {what}." for model in models),
            f"Structure with the worst {self._measure} of the first model.",
        ]
        if role == Qt.ItemDataRole.DisplayRole:
            return names[section]
        return tips[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Text, number or alignment of a cell."""
        case = self._cases()[index.row()]
        value = self._value(case, index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(value)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(case, index.column(), value)
            case Qt.ItemDataRole.ToolTipRole:
                return self.review[case.case_id].note or case.case_id
            case Qt.ItemDataRole.TextAlignmentRole:
                return _LEFT if isinstance(value, str) else _RIGHT
            case Qt.ItemDataRole.UserRole:
                return _FIRST if self._is_unknown(case, index.column()) else value
        return None

    def _value(self, case: CohortCase, column: int) -> str | float | None:
        models = self._models()
        if column == 0:
            verdict = self.review[case.case_id]
            return _MARKS[verdict.flag] + (_NOTE_MARK if verdict.note else "")
        if column == 1:
            return case.case_id
        if column < FIRST_SCORE_COLUMN + len(models):
            model = models[column - FIRST_SCORE_COLUMN]
            return case.value(model, self._measure, self._structure)
        return case.worst_structure(models[0], self._measure) if models else ""

    def _is_unknown(self, case: CohortCase, column: int) -> bool:
        """Whether nothing speaks for a case: it comes first, as on a cohort's page."""
        place = column - FIRST_SCORE_COLUMN
        return (
            self._measure is Measure.PREDICTED
            and 0 <= place < len(self._models())
            and case.has_no_prediction(self._models()[place])
        )

    def _text(self, value: str | float | None) -> str:
        if value is None:
            return "-"
        if isinstance(value, str):
            return value
        return f"{value:.1f}" if self._measure is Measure.HD95 else f"{value:.3f}"

    def _spoken(self, case: CohortCase, column: int, value: str | float | None) -> str:
        """What a screen reader says: words in place of marks."""
        if column != 0:
            return self._text(value)
        verdict = self.review[case.case_id]
        return f"{verdict.flag}{', with a note' if verdict.note else ''}"

    def _cases(self) -> tuple[CohortCase, ...]:
        return () if self.cohort is None else self.cohort.cases

    def _models(self) -> tuple[str, ...]:
        return () if self.cohort is None else self.cohort.models

    def _tell_changed(self, first_column: int, last_column: int) -> None:
        if self.rowCount():
            self.dataChanged.emit(
                self.index(0, first_column),
                self.index(self.rowCount() - 1, last_column),
            )


class SortedCases(SortedRows):
    """Sorts by number or name, and lists only the cases asked for.

    Cases without a number come last in an ascent.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shown = Shown.ALL
        self._kept = ""

    def list_only(self, shown: Shown, *, keep: str = "") -> None:
        """List only some cases; the one to keep stays whatever is decided about it."""
        self._shown, self._kept = shown, keep
        self.invalidate()

    def filterAcceptsRow(  # noqa: N802
        self,
        source_row: int,
        source_parent: QModelIndex | QPersistentModelIndex,  # noqa: ARG002
    ) -> bool:
        """Whether a case is listed."""
        model = self.sourceModel()
        if not isinstance(model, CasesModel):
            return True
        case_id = model.case_at(source_row).case_id
        verdict = model.review[case_id]
        listed = {
            Shown.ALL: True,
            Shown.OPEN: verdict.flag is Flag.NONE,
            Shown.ACCEPTED: verdict.flag is Flag.ACCEPTED,
            Shown.REJECTED: verdict.flag is Flag.REJECTED,
            Shown.NOTED: bool(verdict.note),
        }
        return listed[self._shown] or case_id == self._kept
