"""The list of structures as Qt wants it: a model, and one that filters and sorts it."""

from collections.abc import Collection, Mapping
from typing import Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from qtpy.QtGui import QColor

import medseg
from napari_medseg.controls.sorting import SortedRows
from napari_medseg.structures.contents import matches

NAME_COLUMN = 0
_NO_PARENT = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_HEADERS = ("Structure", "Volume (ml)", "Lesions")
_MEANINGS = (
    "Ticked structures are shown. A double click or Enter goes to one.",
    "Volume in millilitres.",
    "Separate pieces, of structures that are lesions.",
)
_Index = QModelIndex | QPersistentModelIndex
_Measures = tuple[medseg.StructureMeasure, ...]


class StructuresModel(QAbstractTableModel):
    """Structures of one label map, one a row, with a tick for those that are shown.

    Attributes:
        shown_changed: The user wants a structure shown, or not: label, whether.
    """

    shown_changed = Signal(int, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._measures: _Measures = ()
        self._colours: Mapping[int, QColor] = {}
        self._hidden: frozenset[int] = frozenset()

    def show(self, measures: _Measures, colours: Mapping[int, QColor]) -> None:
        """Show other structures."""
        self.beginResetModel()
        self._measures, self._colours = measures, colours
        self.endResetModel()

    def hide_labels(self, hidden: Collection[int]) -> None:
        """Take the ticks from these and give them to all others."""
        self._hidden = frozenset(hidden)
        if self._measures:
            last = self.index(len(self._measures) - 1, NAME_COLUMN)
            self.dataChanged.emit(self.index(0, NAME_COLUMN), last)

    def measure_at(self, row: int) -> medseg.StructureMeasure:
        """What a row shows."""
        return self._measures[row]

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:  # noqa: N802
        """One a structure."""
        return 0 if parent.isValid() else len(self._measures)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:  # noqa: N802
        """As many as there are headers."""
        return 0 if parent.isValid() else len(_HEADERS)

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
            Qt.ItemDataRole.DisplayRole: _HEADERS[section],
            Qt.ItemDataRole.ToolTipRole: _MEANINGS[section],
        }
        return texts.get(Qt.ItemDataRole(role))

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """Names can be ticked."""
        ticked = Qt.ItemFlag.ItemIsUserCheckable
        return super().flags(index) | (
            ticked if index.column() == NAME_COLUMN else Qt.ItemFlag.NoItemFlags
        )

    def data(  # noqa: PLR0911 - one for each role that Qt asks for
        self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Text, number, tick, alignment or colour of a cell."""
        each = self._measures[index.row()]
        column = index.column()
        name, volume = each.structure.name, each.volume_ml
        lesions = "" if each.lesions is None else str(each.lesions)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return (name, volume_text(volume), lesions)[column]
            case Qt.ItemDataRole.ToolTipRole:
                return f"{name}: {volume:.3f} ml"
            case Qt.ItemDataRole.TextAlignmentRole if column != NAME_COLUMN:
                return _RIGHT
            case Qt.ItemDataRole.DecorationRole if column == NAME_COLUMN:
                return self._colours.get(each.structure.id)
            case Qt.ItemDataRole.CheckStateRole if column == NAME_COLUMN:
                is_hidden = each.structure.id in self._hidden
                return Qt.CheckState.Unchecked if is_hidden else Qt.CheckState.Checked
            case Qt.ItemDataRole.UserRole:
                return (name.casefold(), volume, each.lesions or 0)[column]
        return None

    def setData(  # noqa: N802
        self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        """Tick or untick: the panel hears of it and hides the structure."""
        if role != Qt.ItemDataRole.CheckStateRole or index.column() != NAME_COLUMN:
            return False
        label = self._measures[index.row()].structure.id
        is_shown = Qt.CheckState(value) == Qt.CheckState.Checked
        self.shown_changed.emit(label, is_shown)
        return True


class FoundStructures(SortedRows):
    """Rows whose name has the words looked for, sorted by name or number."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = ""

    def look_for(self, words: str) -> None:
        """Keep the rows that have these words, or all."""
        self._words = words
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, source_parent: _Index) -> bool:  # noqa: N802
        """Whether a row is kept."""
        index = self.sourceModel().index(source_row, NAME_COLUMN, source_parent)
        return matches(str(index.data()), self._words)


def volume_text(volume_ml: float) -> str:
    """A volume as exact as one wants to know; "-" for none at all."""
    if volume_ml == 0:
        return "-"
    digits = 0 if volume_ml >= 1000 else 1 if volume_ml >= 10 else 2
    return f"{volume_ml:.{digits}f}"
