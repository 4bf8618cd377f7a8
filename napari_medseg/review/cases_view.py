"""The list of cases: which are listed, in which order, and which comes next."""

from qtpy.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_medseg.review.cohort import Measure
from napari_medseg.review.table import (
    FIRST_SCORE_COLUMN,
    CasesModel,
    Shown,
    SortedCases,
)

_ROW_HEIGHT = 24
_ROWS_ALWAYS_SEEN = 4
_NAME_COLUMN = 1
_FLAG_WIDTH = 34
_MOST_NAME_WIDTH = 100
_SCORE_WIDTH = 56


class CasesTable(QTableView):
    """Cases, one a row; a click or Enter chooses one.

    Attributes:
        case_chosen: Case id.
    """

    case_chosen = Signal(str)

    def __init__(self, cases: CasesModel) -> None:
        super().__init__()
        self._cases = cases
        self._sorted = SortedCases(self)
        self._sorted.setSourceModel(cases)
        self.setAccessibleName("Cases")
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.setMinimumHeight((_ROWS_ALWAYS_SEEN + 1) * _ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStyleSheet("QHeaderView::section { padding: 2px 4px; }")
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setMinimumSectionSize(30)
        self.clicked.connect(self._on_row_chosen)
        self.activated.connect(self._on_row_chosen)

    def fit_columns(self) -> None:
        """Make room for what the cohort's columns hold."""
        self.resizeColumnToContents(_NAME_COLUMN)
        name = min(_MOST_NAME_WIDTH, self.columnWidth(_NAME_COLUMN))
        models = self._cases.columnCount() - FIRST_SCORE_COLUMN - 1
        scores = [_SCORE_WIDTH] * (models + 1)  # the last takes what is left
        for column, width in enumerate((_FLAG_WIDTH, name, *scores)):
            self.setColumnWidth(column, width)

    def sort_worst_first(self, measure: Measure | None) -> None:
        """Sort by the first model's scores, or by name where there are none."""
        is_ascending = measure is None or measure.is_higher_better
        self.sortByColumn(
            _NAME_COLUMN if measure is None else FIRST_SCORE_COLUMN,
            Qt.SortOrder.AscendingOrder
            if is_ascending
            else Qt.SortOrder.DescendingOrder,
        )
        self.scrollToTop()

    def list_only(self, shown: Shown, *, keep: str) -> None:
        """List only some cases, and the one on view whatever is decided about it."""
        self._sorted.list_only(shown, keep=keep)

    def mark(self, case_id: str) -> None:
        """Select the row of a case, and scroll to it."""
        row = self._row_of(case_id)
        if row >= 0:
            index = self._sorted.index(row, _NAME_COLUMN)
            self.selectionModel().setCurrentIndex(
                index,
                QItemSelectionModel.SelectionFlag.ClearAndSelect
                | QItemSelectionModel.SelectionFlag.Rows,
            )
            self.scrollTo(index)

    def neighbours(self, case_id: str) -> tuple[str, str]:
        """The next and the previous case as listed; empty beyond the ends."""
        row = self._row_of(case_id)
        return self._id_at(row + 1), self._id_at(row - 1)

    def _row_of(self, case_id: str) -> int:
        source = self._cases.row_of(case_id)
        if source < 0:
            return -1
        return self._sorted.mapFromSource(self._cases.index(source, 0)).row()

    def _id_at(self, row: int) -> str:
        if not 0 <= row < self._sorted.rowCount():
            return ""
        source = self._sorted.mapToSource(self._sorted.index(row, 0))
        return self._cases.case_at(source.row()).case_id

    def _on_row_chosen(self, index: QModelIndex) -> None:
        self.case_chosen.emit(self._id_at(index.row()))
