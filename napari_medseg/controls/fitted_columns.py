"""Columns of a table as wide as what they hold."""

from collections.abc import Mapping

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QTableView

_LONGEST_PX, _LONGEST_OF_TAKER_PX = 200, 140  # more of a name is in the tooltip
_GRID_PX = 1


class FittedColumns(QObject):
    """Gives each column of a table its width, and what is left to one that takes it.

    Where there is too little room, the table can be scrolled: a number that is cut
    short tells nothing.
    """

    def __init__(
        self, table: QTableView, least_px: Mapping[int, int], taker: int
    ) -> None:
        """Columns that follow what the table's model shows.

        Args:
            table: With its model.
            least_px: By column, for the header; other columns are as their contents.
            taker: The column that takes what the others leave.
        """
        super().__init__(table)
        self._table = table
        self._least_px = least_px
        self._taker = taker
        self._wanted_px = 0  # by the taker
        table.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        table.viewport().installEventFilter(self)
        table.horizontalHeader().sectionResized.connect(self._on_resized)
        table.model().modelReset.connect(self.fit)
        self.fit()

    def fit(self) -> None:
        """Make room for what the columns hold."""
        header = self._table.horizontalHeader()
        for column in range(self._table.model().columnCount()):
            width = self._width_of(column)
            if column == self._taker:
                self._wanted_px = min(width, _LONGEST_OF_TAKER_PX)
            else:
                header.resizeSection(column, width)
        self._share()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Share the room again when there is more of it, or less."""
        if event.type() == QEvent.Type.Resize:
            self._share()
        return super().eventFilter(watched, event)

    def _width_of(self, column: int) -> int:
        """The width of the longest text, with what is painted round it."""
        model, metrics = self._table.model(), self._table.fontMetrics()
        cells = (model.index(row, column) for row in range(model.rowCount()))
        widths = {metrics.horizontalAdvance(str(cell.data())): cell for cell in cells}
        least = self._least_px.get(column, 0)
        if not widths:
            return least
        hint = self._table.sizeHintForIndex(widths[max(widths)]).width() + _GRID_PX
        return max(least, min(hint, _LONGEST_PX))

    def _on_resized(self, column: int, _before_px: int, _now_px: int) -> None:
        if column != self._taker:
            self._share()

    def _share(self) -> None:
        header = self._table.horizontalHeader()
        others = header.length() - header.sectionSize(self._taker)
        left = self._table.viewport().width() - others
        header.resizeSection(self._taker, max(left, self._wanted_px))
