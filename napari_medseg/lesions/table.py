"""A table of lesions as Qt wants it, sorted, whose rows are chosen."""

from collections.abc import Callable, Sequence
from typing import Any, Generic

from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import QColor, QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QTableView

from napari_medseg.controls.fitted_columns import FittedColumns
from napari_medseg.controls.kept_colours import KeptColours
from napari_medseg.controls.sorting import SORT_ROLE, SortedRows
from napari_medseg.lesions.columns import Column, Row

_ROW_HEIGHT = 24
_TWO_LINES_HEIGHT = 36
_ROWS_ALWAYS_SEEN = 5
_NO_PARENT = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_MIDDLE = Qt.AlignmentFlag.AlignCenter
_Index = QModelIndex | QPersistentModelIndex


class RowsModel(QAbstractTableModel, Generic[Row]):
    """Rows that columns say how to show."""

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        swatch: Callable[[Row], QColor | None],
        parent: QObject,
    ) -> None:
        """A table without rows.

        Args:
            columns: From the left.
            swatch: Colour before the first column of a row, None for none.
            parent: Owner.
        """
        super().__init__(parent)
        self._columns = columns
        self._swatch = swatch
        self._rows: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, unsorted."""
        return self._rows

    def show(self, rows: Sequence[Row]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:  # noqa: N802
        """One a lesion."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:  # noqa: N802
        """As many as there are columns."""
        return 0 if parent.isValid() else len(self._columns)

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
            Qt.ItemDataRole.DisplayRole: self._columns[section].header,
            Qt.ItemDataRole.ToolTipRole: self._columns[section].meaning,
        }
        return texts.get(Qt.ItemDataRole(role))

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, value, alignment or colour of a cell."""
        row, column = self._rows[index.row()], self._columns[index.column()]
        value = column.value(row)
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.ToolTipRole:
                return column.text(value)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _MIDDLE if value is None else _side_of(value)
            case Qt.ItemDataRole.DecorationRole if index.column() == 0:
                return self._swatch(row)
            case _ if role == SORT_ROLE:
                return value
        return None


def _side_of(value: str | float) -> Qt.AlignmentFlag:
    return _RIGHT if isinstance(value, float) else _LEFT


class RowsTable(QTableView, Generic[Row]):
    """A table in which a click or Enter chooses a row.

    Qt's own `activated` comes, on some desktops, with every click as well.

    Attributes:
        row_chosen: The row.
    """

    row_chosen = Signal(object)

    def __init__(self, name: str, model: RowsModel[Row]) -> None:
        super().__init__()
        self._model = model
        self._sorted = SortedRows(self)
        self._sorted.setSourceModel(model)
        self.setAccessibleName(name)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setItemDelegate(KeptColours(self))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.setMinimumHeight((_ROWS_ALWAYS_SEEN + 1) * _ROW_HEIGHT)
        self.clicked.connect(self._on_clicked)

    def set_widths(self, columns: Sequence[Column[Row]]) -> None:
        """Give each column room for what it holds, and one of them the rest."""
        header = self.horizontalHeader()
        header.setStyleSheet("QHeaderView::section { padding: 2px 3px; }")
        header.setHighlightSections(False)
        header.setMinimumSectionSize(32)
        if any(" " in column.header for column in columns):  # in two lines
            header.setDefaultAlignment(_MIDDLE | Qt.TextFlag.TextWordWrap)
            header.setFixedHeight(_TWO_LINES_HEIGHT)
        widths = {place: column.width for place, column in enumerate(columns)}
        (taker,) = (place for place, width in widths.items() if width == 0)
        FittedColumns(
            self, {**widths, taker: header.sectionSizeHint(taker)}, taker=taker
        )

    def mark(self, is_wanted: Callable[[Row], bool]) -> None:
        """Select the first row that is wanted, and scroll to it; else none."""
        for place, row in enumerate(self._model.rows):
            if is_wanted(row):
                index = self._sorted.mapFromSource(self._model.index(place, 0))
                self.selectRow(index.row())
                self.scrollTo(index)
                return
        self.clearSelection()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As few rows as are always seen; a layout gives it the room there is."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Choose the row that has the focus."""
        index = self.currentIndex()
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and index.isValid():
            self._on_clicked(index)
        else:
            super().keyPressEvent(event)

    def _on_clicked(self, index: QModelIndex) -> None:
        self.row_chosen.emit(self._model.rows[self._sorted.mapToSource(index).row()])
