"""The table of scores as Qt wants it: a model, and one that sorts it."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from qtpy.QtGui import QColor

import medseg
from napari_medseg._scoring import STATES, Comparison

SORT_ROLE = Qt.ItemDataRole.UserRole
HU_COLUMN = 6
_NO_PARENT = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter

_Cell = Callable[[medseg.StructureScore], str | float | None]
_COLUMNS: tuple[tuple[str, str, int, _Cell], ...] = (
    ("Structure", "Name of the structure.", 0, lambda row: row.structure),
    ("Dice", "2 |A and B| / (|A| + |B|)", 3, lambda row: row.dice),
    ("IoU", "|A and B| / |A or B|", 3, lambda row: row.iou),
    ("ml", "Volume of the prediction.", 1, lambda row: row.volume_ml),
    ("Ref. ml", "Volume of the reference.", 1, lambda row: row.reference_volume_ml),
    ("State", "Which of the two hold it.", 0, lambda row: STATES[row.state]),
    ("HU", "Mean of the scan inside the prediction.", 0, lambda row: row.mean_hu),
)


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

    def rowCount(  # noqa: N802
        self, parent: QModelIndex | QPersistentModelIndex = _NO_PARENT
    ) -> int:
        """One a structure."""
        return 0 if parent.isValid() else len(self._rows())

    def columnCount(  # noqa: N802
        self, parent: QModelIndex | QPersistentModelIndex = _NO_PARENT
    ) -> int:
        """As many as there are headers."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Headers across the top, with what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        title, meaning, _, _ = _COLUMNS[section]
        texts = {
            Qt.ItemDataRole.DisplayRole: title,
            Qt.ItemDataRole.ToolTipRole: meaning,
        }
        return texts.get(Qt.ItemDataRole(role))

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Text, number, alignment or colour of a cell."""
        row = self._rows()[index.row()]
        _, _, digits, cell = _COLUMNS[index.column()]
        value = cell(row)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _text(value, digits)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{row.structure}: {STATES[row.state]}. Click to go there."
            case Qt.ItemDataRole.TextAlignmentRole:
                return _LEFT if isinstance(value, str) else _RIGHT
            case Qt.ItemDataRole.DecorationRole if index.column() == 0:
                return self._colour(row.label)
            case Qt.ItemDataRole.UserRole:
                return value
        return None

    def _rows(self) -> tuple[medseg.StructureScore, ...]:
        return () if self._comparison is None else self._comparison.scores.rows

    def _colour(self, label: int) -> QColor | None:
        colours = {} if self._comparison is None else self._comparison.colours
        return QColor(*colours[label]) if label in colours else None


class SortedScores(QSortFilterProxyModel):
    """Sorts by number or name; rows without a number stay at the end of an ascent."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)

    def lessThan(  # noqa: N802
        self,
        source_left: QModelIndex | QPersistentModelIndex,
        source_right: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """Whether the left one comes first."""
        left, right = source_left.data(SORT_ROLE), source_right.data(SORT_ROLE)
        if left is None or right is None:
            return left is not None and right is None
        if isinstance(left, str):
            return left.lower() < str(right).lower()
        return bool(left < right)


def _text(value: str | float | None, digits: int) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.{digits}f}"
