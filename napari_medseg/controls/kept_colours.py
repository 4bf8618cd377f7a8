"""Colours in a table that say something, in the selected row too."""

from qtpy.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem


class KeptColours(QStyledItemDelegate):
    """Paints cells with a colour of their own, and swatches, as if not selected."""

    def initStyleOption(  # noqa: N802
        self,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Qt greys or covers both in a row that is selected."""
        super().initStyleOption(option, index)
        if index.data(Qt.ItemDataRole.BackgroundRole) is not None:
            option.state &= ~QStyle.StateFlag.State_Selected
        swatch = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(swatch, QColor):
            option.icon = _plain_icon(swatch, option.decorationSize)


def _plain_icon(colour: QColor, size: QSize) -> QIcon:
    """The same whether its row is selected or not."""
    pixmap = QPixmap(size)
    pixmap.fill(colour)
    icon = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        icon.addPixmap(pixmap, mode)
    return icon
