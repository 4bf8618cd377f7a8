"""The table of scores as Qt wants it: a model, and one that sorts it."""

from typing import Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from qtpy.QtGui import QColor, QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

import medseg
from napari_medseg.controls.fitted_columns import FittedColumns
from napari_medseg.controls.kept_colours import KeptColours
from napari_medseg.controls.sorting import SortedRows
from napari_medseg.scores.columns import (
    COLUMNS,
    Column,
    Value,
    ink_on,
    text_of,
    tip_of,
)
from napari_medseg.scores.work import Comparison

HU_WIDTH = 36
_WIDTHS = {0: 72, 1: 44, 2: 44, 3: 44, 4: 44, 5: 52, 6: 44, 7: 50, 8: HU_WIDTH}
"""Least, by column."""
_ROW_HEIGHT = 24
_TWO_LINES_HEIGHT = 36
_ROWS_ALWAYS_SEEN = 5
_NO_PARENT = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class ScoresModel(QAbstractTableModel):
    """Scores of one case, one row a structure."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._comparison: Comparison | None = None

    @property
    def comparison(self) -> Comparison | None:
        """What the table shows."""
        return self._comparison

    def show(self, comparison: Comparison | None) -> None:
        """Show other scores, or none."""
        self.beginResetModel()
        self._comparison = comparison
        self.endResetModel()

    def label_at(self, row: int) -> int:
        """Label of a row."""
        return self._rows()[row].label

    def row_of(self, label: int) -> int | None:
        """Row of a label."""
        labels = [row.label for row in self._rows()]
        return labels.index(label) if label in labels else None

    def rowCount(  # noqa: N802
        self, parent: QModelIndex | QPersistentModelIndex = _NO_PARENT
    ) -> int:
        """One a structure."""
        return 0 if parent.isValid() else len(self._rows())

    def columnCount(  # noqa: N802
        self, parent: QModelIndex | QPersistentModelIndex = _NO_PARENT
    ) -> int:
        """As many as there are headers."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Headers across the top, with what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        texts = {
            Qt.ItemDataRole.DisplayRole: COLUMNS[section].title,
            Qt.ItemDataRole.ToolTipRole: COLUMNS[section].meaning,
        }
        return texts.get(Qt.ItemDataRole(role))

    def data(  # noqa: PLR0911 - one for each role that Qt asks for
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Text, number, alignment or colours of a cell."""
        row = self._rows()[index.row()]
        column = COLUMNS[index.column()]
        value = column.cell(row)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return text_of(column, row)
            case Qt.ItemDataRole.ToolTipRole:
                return tip_of(row)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _LEFT if isinstance(value, str) else _RIGHT
            case Qt.ItemDataRole.DecorationRole if index.column() == 0:
                return self._colour(row.label)
            case Qt.ItemDataRole.BackgroundRole:
                return _shade(column, value)
            case Qt.ItemDataRole.ForegroundRole:
                return _ink(column, value)
            case Qt.ItemDataRole.UserRole:
                return value
        return None

    def _rows(self) -> tuple[medseg.StructureScore, ...]:
        return () if self._comparison is None else self._comparison.scores.rows

    def _colour(self, label: int) -> QColor | None:
        colours = {} if self._comparison is None else self._comparison.colours
        return QColor(*colours[label]) if label in colours else None


def _shade(column: Column, value: Value) -> QColor | None:
    """Behind a value, for how good it is."""
    if column.shade is None or not isinstance(value, float):
        return None
    return QColor(*column.shade(value))


def _ink(column: Column, value: Value) -> QColor | None:
    """Of a value that has a colour behind it; else the theme's."""
    if column.shade is None or not isinstance(value, float):
        return None
    return QColor(*ink_on(column.shade(value)))


class ScoresTable(QTableView):
    """A table in which Enter chooses a row, as a click does.

    Qt's own `activated` comes, on some desktops, with every click as well.

    Attributes:
        row_entered: Index of the row.
    """

    row_entered = Signal(QModelIndex)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Choose the row that has the focus."""
        index = self.currentIndex()
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and index.isValid():
            self.row_entered.emit(index)
        else:
            super().keyPressEvent(event)


def scores_table(rows: SortedRows) -> ScoresTable:
    """The table, narrow enough for a panel at the side."""
    table = ScoresTable()
    table.setAccessibleName("Scores")
    table.setModel(rows)
    table.setSortingEnabled(True)
    table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTabKeyNavigation(False)
    table.setWordWrap(False)
    table.setItemDelegate(KeptColours(table))
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
    table.setMinimumHeight((_ROWS_ALWAYS_SEEN + 1) * _ROW_HEIGHT)
    header = table.horizontalHeader()
    header.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
    header.setHighlightSections(False)
    header.setMinimumSectionSize(32)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
    header.setFixedHeight(_TWO_LINES_HEIGHT)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    FittedColumns(table, _WIDTHS, taker=0)
    return table
