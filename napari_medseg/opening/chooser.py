"""The dialog that asks which of several volumes to open."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)

import medseg

_HEADERS = (
    "Modality",
    "Description",
    "Slices",
    "Spacing (mm)",
    "Axes",
    "Problems",
)
_NO_PARENT = QModelIndex()


class VolumesModel(QAbstractTableModel):
    """Volumes found, one a row."""

    def __init__(
        self, found: Sequence[medseg.VolumeInfo], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.found = tuple(found)
        self._cells = [_cells(info) for info in self.found]

    def rowCount(  # noqa: N802
        self, parent: QModelIndex | QPersistentModelIndex = _NO_PARENT
    ) -> int:
        """One a volume."""
        return 0 if parent.isValid() else len(self.found)

    def columnCount(  # noqa: N802
        self, parent: QModelIndex | QPersistentModelIndex = _NO_PARENT
    ) -> int:
        """As many as there are headers."""
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Headers across the top only."""
        across = orientation == Qt.Orientation.Horizontal
        if across and role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        return None

    def data(
        self,
        index: QModelIndex | QPersistentModelIndex,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Text of a cell; the tooltip says where the volume is."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cells[index.row()][index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(self.found[index.row()].path)
        return None


class ChooserDialog(QDialog):
    """Table of volumes; one or more are chosen, the first usable one to begin with."""

    def __init__(
        self, found: Sequence[medseg.VolumeInfo], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("MedSeg: several volumes")
        self._model = VolumesModel(found, self)
        self._table = _table(self._model)
        self._table.doubleClicked.connect(self.accept)
        hint = QLabel(
            f"{len(found)} volumes are here. Choose what to open "
            "(Ctrl or Shift for several)."
        )
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open
            | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (hint, self._table, buttons):
            layout.addWidget(widget)
        usable = [row for row, info in enumerate(found) if not info.problems]
        self.select_rows(usable[:1] or [0])
        self.resize(820, 320)

    def select_rows(self, rows: Sequence[int]) -> None:
        """Select these rows and no others."""
        selection = self._table.selectionModel()
        selection.clearSelection()
        for row in rows:
            selection.select(
                self._model.index(row, 0),
                QItemSelectionModel.SelectionFlag.Select
                | QItemSelectionModel.SelectionFlag.Rows,
            )

    def chosen(self) -> tuple[medseg.VolumeInfo, ...]:
        """Volumes of the selected rows, from the top."""
        rows = self._table.selectionModel().selectedRows()
        return tuple(
            self._model.found[row] for row in sorted(index.row() for index in rows)
        )


def choose_volumes(found: Sequence[medseg.VolumeInfo]) -> tuple[medseg.VolumeInfo, ...]:
    """Ask which volumes to open; none when the user thinks better of it."""
    dialog = ChooserDialog(found, QApplication.activeWindow())
    accepted = dialog.exec() == QDialog.DialogCode.Accepted
    return dialog.chosen() if accepted else ()


def _table(model: VolumesModel) -> QTableView:
    table = QTableView()
    table.setAccessibleName("Volumes found")
    table.setModel(model)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setStretchLastSection(True)
    return table


def _cells(info: medseg.VolumeInfo) -> tuple[str, ...]:
    spacing = " x ".join(f"{value:.3g}" for value in info.spacing_mm or ())
    return (
        info.modality,
        info.description or info.path.name,
        str(info.slices),
        spacing,
        info.orientation,
        "; ".join(str(problem) for problem in info.problems) or "none",
    )
