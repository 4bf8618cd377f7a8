"""How the tables of several panels are sorted."""

from qtpy.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

SORT_ROLE = Qt.ItemDataRole.UserRole


class SortedRows(QSortFilterProxyModel):
    """Sorts by number or name; rows without one stay at the end of an ascent."""

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
